"""Columns in which names and addresses are searched and compared: models/fields/folded.py. The next migration
fills them, the one after it makes those unique that must be."""

from django.db import migrations, models

MODELS = (
    "apitoken", "organization", "product", "quiz", "role", "seat", "tag", "team", "thinkificgroup", "user",
)  # fmt: skip


def column():
    return models.TextField(editable=False, null=True)


class Migration(migrations.Migration):
    dependencies = [("core", "0010_outbox_sent")]
    operations = [
        *(migrations.AddField(model_name=name, name="folded", field=column()) for name in MODELS),
        migrations.AddField(model_name="user", name="email_key", field=column()),
    ]
