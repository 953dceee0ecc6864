from django.db import migrations

HOUR, DAY = 60, 1440
DEFAULTS = [
    # kind, full, every minutes
    ("products", True, HOUR),
    ("groups", True, 30),
    ("enrollments", False, 5),
    ("enrollments", True, DAY),
    ("users", True, DAY),
    ("quiz_results", False, 15),
    ("quiz_results", True, 7 * DAY),
    ("content", True, DAY),
    ("certificates", True, DAY),
]


def create(apps, schema_editor):
    SyncSchedule = apps.get_model("integrations", "SyncSchedule")
    for kind, full, every_minutes in DEFAULTS:
        SyncSchedule.objects.get_or_create(kind=kind, full=full, defaults={"every_minutes": every_minutes})


class Migration(migrations.Migration):
    dependencies = [("integrations", "0001_initial")]
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
