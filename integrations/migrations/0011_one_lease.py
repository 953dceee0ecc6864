"""Webhooks received are claimed as waiting changes are; how often a worker died with one is counted."""

from django.db import migrations, models
from django.db.models.functions import Now
from django.utils import timezone


class Migration(migrations.Migration):
    dependencies = [("integrations", "0010_words")]

    operations = [
        migrations.AddField("inboundevent", "crashes", models.PositiveIntegerField(db_default=0, default=0)),
        migrations.AlterField("inboundevent", "attempts", models.PositiveIntegerField(db_default=0, default=0)),
        migrations.AlterField(
            "inboundevent", "not_before", models.DateTimeField(db_default=Now(), default=timezone.now)
        ),
        migrations.AlterField(
            "inboundevent",
            "claimed_by",
            models.CharField(blank=True, db_default="", default="", max_length=100),
        ),
    ]
