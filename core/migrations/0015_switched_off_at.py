"""When an account was last switched off: sessions and links from before that have ended for good.

Whoever is switched off now was so before this column: what they have left ends with the upgrade.
"""

from django.db import migrations, models
from django.utils import timezone


def end(apps, schema_editor):
    apps.get_model("core", "User").objects.filter(is_active=False).update(switched_off_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("core", "0014_whose_account_is_gone")]
    operations = [
        migrations.AddField(
            model_name="user",
            name="switched_off_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.RunPython(end, migrations.RunPython.noop),
    ]
