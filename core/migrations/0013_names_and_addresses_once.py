"""Names that must be there once, and addresses, by their folded columns: one rule for both databases.

So that an upgrade never stops at two that were different before, the oldest keeps its name and the others get
a number: "Etudes (2)". Of two accounts with one address the newer keeps its address and gets no key: it is
found by the address as it is written, and an administrator should give one of the two another.
"""

import logging

from django.db import migrations, models
from django.db.models import Count, Q
from django.utils import timezone

from core.folding import fold

log = logging.getLogger(__name__)

FILLED = Q(folded__isnull=False)
TEAMS = Q(archived_at__isnull=True, folded__isnull=False)
GROUPS = Q(thinkific_id__isnull=True, removed_at__isnull=True, folded__isnull=False)
UNIQUE = {
    "organization": (FILLED, 255),
    "role": (FILLED, 100),
    "tag": (FILLED, 100),
    "team": (TEAMS, 255),
    "thinkificgroup": (GROUPS, 255),
}
CONSTRAINTS = {
    "organization": "one_organization_per_name",
    "role": "one_role_per_name",
    "tag": "one_tag_per_name",
    "team": "one_team_per_name",
    "thinkificgroup": "one_new_group_per_name",
    "user": "one_user_per_email_ignoring_case",
}
KEPT = {
    "team": [
        "description",
        "is_personal",
        "max_members",
        "created_at",
        "archived_at",
        "owner_id",
        "organization_id",
    ],
    "role": ["code", "is_global", "permissions", "created_at"],
}
WHY = "renamed by an upgrade: another one had the same name"


def number(apps, schema_editor):
    for name, (those, longest) in UNIQUE.items():
        model = apps.get_model("core", name)
        rows = model.objects.filter(those).order_by()
        for folded in doubles(rows, "folded"):
            for row in list(rows.filter(folded=folded).order_by("pk"))[1:]:
                row.name = free_name(rows, row.name, longest)
                model.objects.filter(pk=row.pk).update(name=row.name, folded=fold(row.name))
                note(apps, name, row)


def doubles(rows, column):
    found = rows.values(column).annotate(count=Count("pk")).filter(count__gt=1)
    return list(found.values_list(column, flat=True))


def free_name(rows, name, longest):
    number, name = 2, name.strip()
    while True:
        ending = f" ({number})"
        new = name[: longest - len(ending)] + ending
        if not rows.filter(folded=fold(new)).exists():
            return new
        number += 1


def note(apps, name, row):
    if name in KEPT:
        apps.get_model("core", f"historical{name}").objects.create(
            id=row.pk, name=row.name, history_date=timezone.now(), history_type="~", history_change_reason=WHY,
            **{column: getattr(row, column) for column in KEPT[name]},
        )  # fmt: skip


def keys(apps, schema_editor):
    users = apps.get_model("core", "User").objects.filter(email_key__isnull=False).order_by()
    for key in doubles(users, "email_key"):
        pks = list(users.filter(email_key=key).order_by("pk").values_list("pk", flat=True))
        users.filter(pk__in=pks[1:]).update(email_key=None)
        log.warning("Users %s have one e-mail address, written differently. Change all but one.", pks)


SEARCHED = "CREATE INDEX user_search ON core_user USING gin (folded gin_trgm_ops)"
SEARCHED_BEFORE = ("user_email_search", "user_name_search")


def index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(SEARCHED)
        for name in SEARCHED_BEFORE:
            schema_editor.execute(f"DROP INDEX IF EXISTS {name}")


def unindex(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS user_search")


def once(name, column, those):
    rule = models.UniqueConstraint(fields=[column], condition=those, name=CONSTRAINTS[name])
    return migrations.AddConstraint(model_name=name, constraint=rule)


class Migration(migrations.Migration):
    dependencies = [("core", "0012_fill_folded_columns")]
    operations = [
        *(migrations.RemoveConstraint(model_name=model, name=name) for model, name in CONSTRAINTS.items()),
        migrations.RunPython(number, migrations.RunPython.noop),
        migrations.RunPython(keys, migrations.RunPython.noop),
        *(once(name, "folded", those) for name, (those, _) in UNIQUE.items()),
        once("user", "email_key", Q(email_key__isnull=False)),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(condition=models.Q(folded__isnull=True), fields=["id"], name="user_unfolded"),
        ),
        migrations.RunPython(index, unindex, elidable=False),
    ]
