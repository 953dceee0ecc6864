"""One team in use of each name, and one group that Thinkific has not been told of, ignoring case.

Two requests at once could make two. So that an upgrade never stops at them, the oldest keeps its name and the
others get a number: "Acme (2)". A renamed team has that in its history.
"""

from django.db import migrations, models
from django.db.models import Count, Q
from django.db.models.functions import Upper
from django.utils import timezone

LONGEST = 255
IN_USE = Q(archived_at__isnull=True)
NEW = Q(removed_at__isnull=True, thinkific_id__isnull=True)


def number_teams(apps, schema_editor):
    history = apps.get_model("core", "HistoricalTeam")
    kept = ["id", "description", "is_personal", "max_members", "created_at", "archived_at", "owner_id", "organization_id"]
    for team in numbered(apps.get_model("core", "Team"), IN_USE):
        history.objects.create(
            name=team.name, history_date=timezone.now(), history_type="~",
            history_change_reason="renamed by an upgrade: another team had the same name",
            **{name: getattr(team, name) for name in kept},
        )


def number_groups(apps, schema_editor):
    for _ in numbered(apps.get_model("core", "ThinkificGroup"), NEW):
        pass


def numbered(model, those):
    """Rename each row whose name an older one has, and yield it. Compared as the constraint compares: by
    the database, whose idea of upper case differs from Python's."""
    rows = model.objects.filter(those).annotate(upper=Upper("name")).order_by()
    many = rows.values("upper").annotate(count=Count("id")).filter(count__gt=1).values_list("upper", flat=True)
    for upper in list(many):
        for row in list(rows.filter(upper=upper).order_by("id"))[1:]:
            row.name = free_name(rows, row.name)
            model.objects.filter(pk=row.pk).update(name=row.name)
            yield row


def free_name(rows, name):
    number = 2
    while True:
        ending = f" ({number})"
        new = name[: LONGEST - len(ending)] + ending
        if not rows.filter(name__iexact=new).exists():
            return new
        number += 1


class Migration(migrations.Migration):
    dependencies = [("core", "0008_allowances")]
    operations = [
        migrations.RunPython(number_teams, migrations.RunPython.noop),
        migrations.RunPython(number_groups, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="team",
            constraint=models.UniqueConstraint(Upper("name"), condition=IN_USE, name="one_team_per_name"),
        ),
        migrations.AddConstraint(
            model_name="thinkificgroup",
            constraint=models.UniqueConstraint(Upper("name"), condition=NEW, name="one_new_group_per_name"),
        ),
    ]
