"""The currency of prices, and how a setting is called."""

from django.db import migrations, models


def link_text():
    return models.CharField("SSO link text", blank=True, default="Go to the courses", max_length=100)


class Migration(migrations.Migration):
    dependencies = [("core", "0015_switched_off_at")]
    operations = [
        migrations.AddField(
            model_name="product",
            name="currency",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="ISO 4217.", max_length=3
            ),
        ),
        migrations.AlterField(
            model_name="notice", name="url", field=models.CharField("URL", blank=True, max_length=200)
        ),
        migrations.AlterField(model_name="sitesettings", name="sso_link_text", field=link_text()),
        migrations.AlterField(model_name="historicalsitesettings", name="sso_link_text", field=link_text()),
    ]
