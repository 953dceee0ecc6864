"""Triggers that forget a row's digest when anything but a pull changes what Thinkific says about it.

A pull skips a row whose digest equals that of what Thinkific sends. That is only right while the row still
holds what the digest was made of, whoever writes to it: a service, a person in a shell, a script in SQL.
A later migration that alters these tables makes SQLite drop their triggers: tests/core/test_digests.py
would notice; run `create` again there.
"""

from django.db import migrations

COLUMNS = {
    "core_user": [
        "email", "first_name", "last_name", "thinkific_id", "thinkific_created_at", "thinkific_roles",
        "custom_profile_fields", "company", "external_source", "removed_at",
    ],
    "core_enrollment": [
        "user_id", "product_id", "thinkific_id", "percentage_completed", "is_free_trial", "activated_at",
        "started_at", "completed_at", "expiry_date", "remote_updated_at", "thinkific_created_at", "removed_at",
    ],
}  # fmt: skip

POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION forget_remote_digest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.remote_digest := NULL; RETURN NEW; END $$
"""
POSTGRESQL = """
CREATE TRIGGER {table}_forget_digest BEFORE UPDATE OF {columns} ON {table} FOR EACH ROW
WHEN (OLD.remote_digest IS NOT NULL AND NEW.remote_digest IS NOT DISTINCT FROM OLD.remote_digest)
EXECUTE FUNCTION forget_remote_digest()
"""
SQLITE = """
CREATE TRIGGER {table}_forget_digest AFTER UPDATE OF {columns} ON {table} FOR EACH ROW
WHEN OLD.remote_digest IS NOT NULL AND NEW.remote_digest IS OLD.remote_digest
BEGIN UPDATE {table} SET remote_digest = NULL WHERE id = NEW.id; END
"""


def create(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    if vendor == "postgresql":
        schema_editor.execute(POSTGRESQL_FUNCTION)
    for table, columns in COLUMNS.items():
        drop_one(schema_editor, table)
        statement = POSTGRESQL if vendor == "postgresql" else SQLITE
        schema_editor.execute(statement.format(table=table, columns=", ".join(columns)))


def drop(apps, schema_editor):
    for table in COLUMNS:
        drop_one(schema_editor, table)


def drop_one(schema_editor, table):
    on = f" ON {table}" if schema_editor.connection.vendor == "postgresql" else ""
    schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_forget_digest{on}")


class Migration(migrations.Migration):
    dependencies = [("core", "0003_builtin_rows")]
    operations = [migrations.RunPython(create, drop)]
