"""Waiting changes, import batches and webhook deliveries are claimed in one way.

Nothing has written a webhook delivery so far, so its column of the next try can be renamed.
"""

from django.db import migrations, models
from django.db.models.functions import Now
from django.utils import timezone


def attempts():
    return models.PositiveIntegerField(db_default=0, default=0)


def not_before():
    return models.DateTimeField(db_default=Now(), default=timezone.now)


def claimed_by():
    return models.CharField(blank=True, db_default="", default="", max_length=100)


def claimed_until():
    return models.DateTimeField(blank=True, null=True)


class Migration(migrations.Migration):
    dependencies = [("core", "0023_help_of_group_removals")]

    operations = [
        migrations.AlterField("outboxentry", "attempts", attempts()),
        migrations.AlterField("outboxentry", "crashes", attempts()),
        migrations.AlterField("outboxentry", "not_before", not_before()),
        migrations.AlterField("outboxentry", "claimed_by", claimed_by()),
        migrations.AlterField("importbatch", "attempts", attempts()),
        migrations.AddField("importbatch", "crashes", attempts()),
        migrations.AddField("importbatch", "not_before", not_before()),
        migrations.AddField("importbatch", "claimed_by", claimed_by()),
        migrations.AddField("importbatch", "claimed_until", claimed_until()),
        migrations.RemoveIndex("webhookdelivery", "webhook_delivery_due"),
        migrations.RenameField("webhookdelivery", "next_try_at", "not_before"),
        migrations.AlterField("webhookdelivery", "not_before", not_before()),
        migrations.AddIndex(
            "webhookdelivery", models.Index(fields=["status", "not_before"], name="webhook_delivery_due")
        ),
        migrations.AlterField("webhookdelivery", "attempts", attempts()),
        migrations.AddField("webhookdelivery", "crashes", attempts()),
        migrations.AddField("webhookdelivery", "claimed_by", claimed_by()),
        migrations.AddField("webhookdelivery", "claimed_until", claimed_until()),
    ]
