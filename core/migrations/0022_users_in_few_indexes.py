# On SQLite an altered column means a new table without its triggers (migration 0004), so the indexes are
# dropped by their names, which Django makes of the table's and the column's.

import django.db.models.deletion
from django.db import migrations, models


OLD = {
    "global_role_id": "core_user_global_role_id_fc0e3ada",
    "home_team_id": "core_user_home_team_id_cddfc4cf",
    "primary_team_id": "core_user_primary_team_id_eb2803f9",
}


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("core", "0021_shown_columns"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f'DROP INDEX IF EXISTS "{name}"',
                    f'CREATE INDEX "{name}" ON "core_user" ("{column}")',
                )
                for column, name in OLD.items()
            ],
            state_operations=[
                migrations.AlterField(
                    model_name="user",
                    name="global_role",
                    field=models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="A role that holds everywhere, in every team.",
                        limit_choices_to={"is_global": True},
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holders",
                        to="core.role",
                    ),
                ),
                migrations.AlterField(
                    model_name="user",
                    name="home_team",
                    field=models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="The team that the account was made for. Its managers may change the account.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="home_of",
                        to="core.team",
                    ),
                ),
                migrations.AlterField(
                    model_name="user",
                    name="primary_team",
                    field=models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="The team that the REST API means when it names this user.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="primary_for",
                        to="core.team",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=models.Q(("global_role__isnull", False)),
                fields=["global_role"],
                name="user_global_role",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=models.Q(("primary_team__isnull", False)),
                fields=["primary_team"],
                name="user_primary_team",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=models.Q(("home_team__isnull", False)), fields=["home_team"], name="user_home_team"
            ),
        ),
    ]
