"""People's accounts were created when Thinkific says so, not when they came here."""

from django.db import migrations
from django.db.models import F


def date_back(apps, schema_editor):
    users = apps.get_model("core", "User").objects.using(schema_editor.connection.alias)
    users.filter(thinkific_created_at__lt=F("created_at")).update(created_at=F("thinkific_created_at"))


class Migration(migrations.Migration):
    dependencies = [("core", "0016_words_and_currency")]

    operations = [migrations.RunPython(date_back, migrations.RunPython.noop)]
