"""The setting says what it does in both directions, and what goes without it."""

from django.db import migrations, models

FIELD = models.BooleanField(
    default=False,
    help_text="Automatic removals, both ways: who left a group in Thinkific leaves the team here, after a "
    "complete listing; who leaves a team here leaves its groups in Thinkific. Remove from Group works "
    "without it.",
)


class Migration(migrations.Migration):
    dependencies = [("core", "0022_users_in_few_indexes")]

    operations = [
        migrations.AlterField(model_name="historicalsitesettings", name="mirror_group_removals", field=FIELD),
        migrations.AlterField(model_name="sitesettings", name="mirror_group_removals", field=FIELD),
    ]
