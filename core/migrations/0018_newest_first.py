"""Lists that show the newest first, undated rows last: PostgreSQL needs an index that says so."""

from django.db import migrations

INDEXES = [
    ("quiz_result_newest", "core_quizresult", "completed_at"),
    ("certificate_newest", "core_certificate", "issued_at"),
]


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name, table, column in INDEXES:
            schema_editor.execute(f"CREATE INDEX {name} ON {table} ({column} DESC NULLS LAST, id DESC)")


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name, _table, _column in INDEXES:
            schema_editor.execute(f"DROP INDEX IF EXISTS {name}")


class Migration(migrations.Migration):
    dependencies = [("core", "0017_created_in_thinkific")]

    operations = [migrations.RunPython(create, drop)]
