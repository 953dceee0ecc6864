"""Impersonations: one at a time for each administrator, an end that says how, and records that stay.

History, outbox entries and runs name the impersonation in which they were made. Its column has a default in
Python only, so the change of `impersonator` is one of the models' state: SQLite would copy every history.

The triggers refuse to delete a record, and to change one except once, when it ends. A later migration that
alters the table makes SQLite drop them: tests/core/models/test_impersonations.py would notice; run `protect` again
there.
"""

import core.acting
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


TABLE = "core_impersonationsession"
CHANGED = """
OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL OR NEW.id <> OLD.id OR NEW.started_at <> OLD.started_at
OR NEW.impersonator_id <> OLD.impersonator_id OR NEW.impersonated_id <> OLD.impersonated_id
OR NEW.reason <> OLD.reason OR NEW.ip_address IS DISTINCT FROM OLD.ip_address
"""
KEPT = "The record of impersonations is kept: it cannot be changed or deleted."

POSTGRESQL = [
    f"""CREATE OR REPLACE FUNCTION {TABLE}_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{KEPT}' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    f"CREATE TRIGGER {TABLE}_deleted BEFORE DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION {TABLE}_kept()",
    f"""CREATE TRIGGER {TABLE}_changed BEFORE UPDATE ON {TABLE} FOR EACH ROW
    WHEN ({CHANGED}) EXECUTE FUNCTION {TABLE}_kept()""",
]
SQLITE = [
    f"CREATE TRIGGER {TABLE}_deleted BEFORE DELETE ON {TABLE} FOR EACH ROW BEGIN SELECT RAISE(ABORT, '{KEPT}'); END",
    f"""CREATE TRIGGER {TABLE}_changed BEFORE UPDATE ON {TABLE} FOR EACH ROW
    WHEN {CHANGED.replace("IS DISTINCT FROM", "IS NOT")} BEGIN SELECT RAISE(ABORT, '{KEPT}'); END""",
]


def protect(apps, schema_editor):
    leave_unprotected(apps, schema_editor)
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRESQL if is_postgresql else SQLITE:
        schema_editor.execute(statement)


def leave_unprotected(apps, schema_editor):
    on = f" ON {TABLE}" if schema_editor.connection.vendor == "postgresql" else ""
    for name in ("deleted", "changed"):
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {TABLE}_{name}{on}")


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0031_localisation'),
    ]

    operations = [
        migrations.AddField(
            model_name='historicalemailtext',
            name='impersonation',
            field=models.ForeignKey(db_index=False, default=core.acting.session_id, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.impersonationsession'),
        ),
        migrations.AddField(
            model_name='historicalenrollment',
            name='impersonation',
            field=models.ForeignKey(db_index=False, default=core.acting.session_id, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.impersonationsession'),
        ),
        migrations.AddField(
            model_name='historicalgroupassignment',
            name='impersonation',
            field=models.ForeignKey(db_index=False, default=core.acting.session_id, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.impersonationsession'),
        ),
        migrations.AddField(
            model_name='historicalinvitation',
            name='impersonation',
            field=models.ForeignKey(db_index=False, default=core.acting.session_id, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.impersonationsession'),
        ),
        migrations.AddField(
            model_name='historicalmembership',
            name='impersonation',
            field=models.ForeignKey(db_index=False, default=core.acting.session_id, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.impersonationsession'),
        ),
        migrations.AddField(
            model_name='historicalnote',
            name='impersonation',
            field=models.ForeignKey(db_index=False, default=core.acting.session_id, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.impersonationsession'),
        ),
        migrations.AddField(
            model_name='historicalorganization',
            name='impersonation',
            field=models.ForeignKey(db_index=False, default=core.acting.session_id, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.impersonationsession'),
        ),
        migrations.AddField(
            model_name='historicalrole',
            name='impersonation',
            field=models.ForeignKey(db_index=False, default=core.acting.session_id, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.impersonationsession'),
        ),
        migrations.AddField(
            model_name='historicalseat',
            name='impersonation',
            field=models.ForeignKey(db_index=False, default=core.acting.session_id, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.impersonationsession'),
        ),
        migrations.AddField(
            model_name='historicalseatassignment',
            name='impersonation',
            field=models.ForeignKey(db_index=False, default=core.acting.session_id, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.impersonationsession'),
        ),
        migrations.AddField(
            model_name='historicalsitesettings',
            name='impersonation',
            field=models.ForeignKey(db_index=False, default=core.acting.session_id, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.impersonationsession'),
        ),
        migrations.AddField(
            model_name='historicaltag',
            name='impersonation',
            field=models.ForeignKey(db_index=False, default=core.acting.session_id, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.impersonationsession'),
        ),
        migrations.AddField(
            model_name='historicalteam',
            name='impersonation',
            field=models.ForeignKey(db_index=False, default=core.acting.session_id, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.impersonationsession'),
        ),
        migrations.AddField(
            model_name='historicaluser',
            name='impersonation',
            field=models.ForeignKey(db_index=False, default=core.acting.session_id, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.impersonationsession'),
        ),
        migrations.AddField(
            model_name='historicalusertag',
            name='impersonation',
            field=models.ForeignKey(db_index=False, default=core.acting.session_id, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.impersonationsession'),
        ),
        migrations.AddField(
            model_name='outboxentry',
            name='impersonation',
            field=models.ForeignKey(db_index=False, default=core.acting.session_id, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.impersonationsession'),
        ),
        migrations.AlterField(
            model_name='impersonationsession',
            name='ended_by',
            field=models.CharField(blank=True, choices=[('left', 'Leave Impersonation'), ('signed_out', 'Signed out'), ('timed_out', 'Timed out'), ('replaced', 'Began another one'), ('revoked', 'Lost the right'), ('account', "Administrator's account changed"), ('person', "Person's account changed")], max_length=10),
        ),
        migrations.AlterField(
            model_name='impersonationsession',
            name='ip_address',
            field=models.GenericIPAddressField(blank=True, null=True, verbose_name='address'),
        ),
        migrations.AddIndex(
            model_name='impersonationsession',
            index=models.Index(fields=['started_at'], name='impersonation_started_at'),
        ),
        migrations.AddConstraint(
            model_name='impersonationsession',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('ended_by', '')), models.Q(('ended_at__isnull', False), models.Q(('ended_by', ''), _negated=True)), _connector='OR'), name='an_ended_impersonation_says_how'),
        ),
        migrations.AddConstraint(
            model_name='impersonationsession',
            constraint=models.CheckConstraint(condition=models.Q(('ended_at__isnull', True), ('ended_at__gte', models.F('started_at')), _connector='OR'), name='an_impersonation_ends_after_it_began'),
        ),
        migrations.AddConstraint(
            model_name='impersonationsession',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('impersonator',), name='one_impersonation_at_a_time'),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name='historicalemailtext',
                    name='impersonator',
                    field=models.ForeignKey(blank=True, default=core.acting.impersonator_id, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='historicalenrollment',
                    name='impersonator',
                    field=models.ForeignKey(blank=True, default=core.acting.impersonator_id, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='historicalgroupassignment',
                    name='impersonator',
                    field=models.ForeignKey(blank=True, default=core.acting.impersonator_id, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='historicalinvitation',
                    name='impersonator',
                    field=models.ForeignKey(blank=True, default=core.acting.impersonator_id, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='historicalmembership',
                    name='impersonator',
                    field=models.ForeignKey(blank=True, default=core.acting.impersonator_id, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='historicalnote',
                    name='impersonator',
                    field=models.ForeignKey(blank=True, default=core.acting.impersonator_id, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='historicalorganization',
                    name='impersonator',
                    field=models.ForeignKey(blank=True, default=core.acting.impersonator_id, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='historicalrole',
                    name='impersonator',
                    field=models.ForeignKey(blank=True, default=core.acting.impersonator_id, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='historicalseat',
                    name='impersonator',
                    field=models.ForeignKey(blank=True, default=core.acting.impersonator_id, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='historicalseatassignment',
                    name='impersonator',
                    field=models.ForeignKey(blank=True, default=core.acting.impersonator_id, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='historicalsitesettings',
                    name='impersonator',
                    field=models.ForeignKey(blank=True, default=core.acting.impersonator_id, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='historicaltag',
                    name='impersonator',
                    field=models.ForeignKey(blank=True, default=core.acting.impersonator_id, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='historicalteam',
                    name='impersonator',
                    field=models.ForeignKey(blank=True, default=core.acting.impersonator_id, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='historicaluser',
                    name='impersonator',
                    field=models.ForeignKey(blank=True, default=core.acting.impersonator_id, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='historicalusertag',
                    name='impersonator',
                    field=models.ForeignKey(blank=True, default=core.acting.impersonator_id, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
        migrations.RunPython(protect, leave_unprotected),
    ]
