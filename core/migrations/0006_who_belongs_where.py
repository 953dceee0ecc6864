"""What the rules about home teams, guests and seats need of rows from before.

Nobody gets a right by this that they did not have: a home team is set for people in one team whose manager
could change the account already, and an enrollment gets the seat of the manager who gave it.
"""

from django.db import migrations
from django.db.models import Count, Exists, OuterRef, Subquery

FOUND_BY_EMAIL = "joined the team, found by e-mail"
ENROLLED = "enrolled"
AT_ONCE = 1000


def homes_and_guests(apps, schema_editor):
    User, Membership = apps.get_model("core", "User"), apps.get_model("core", "Membership")
    history = apps.get_model("core", "HistoricalMembership").objects.filter(
        history_type="+", history_change_reason=FOUND_BY_EMAIL
    )
    found = history.filter(team_id=OuterRef("team_id"), user_id=OuterRef("user_id"))
    Membership.objects.filter(Exists(found)).update(as_guest=True)
    single = Membership.objects.order_by().values("user").annotate(teams=Count("pk")).filter(teams=1)
    ever_found = history.filter(user_id=OuterRef("pk"))
    team = Membership.objects.filter(user=OuterRef("pk")).values("team")[:1]
    people = User.objects.filter(~Exists(ever_found), pk__in=single.values("user"), home_team__isnull=True)
    people.update(home_team=Subquery(team))


def givers(apps, schema_editor):
    """The seat of a team that the person who enrolled and the student share, where there is just one."""
    Enrollment = apps.get_model("core", "Enrollment")
    Membership = apps.get_model("core", "Membership")
    SeatAssignment = apps.get_model("core", "SeatAssignment")
    HistoricalEnrollment = apps.get_model("core", "HistoricalEnrollment")
    rows = Enrollment.objects.filter(granted=True, last_seat__isnull=True).order_by("pk")
    last = 0
    while chunk := list(rows.filter(pk__gt=last).only("pk", "user_id", "product_id")[:AT_ONCE]):
        last = chunk[-1].pk
        given = HistoricalEnrollment.objects.filter(
            id__in=[row.pk for row in chunk], history_change_reason=ENROLLED, history_user__isnull=False
        )
        by = dict(given.order_by("history_id").values_list("id", "history_user_id"))
        changed = []
        for row in chunk:
            if row.pk not in by:
                continue
            shared = Membership.objects.filter(user=row.user_id).values("team")
            teams = Membership.objects.filter(user=by[row.pk], team__in=shared).values("team")
            seats = SeatAssignment.objects.filter(team__in=teams, product=row.product_id)
            keys = set(seats.values_list("seat", flat=True))
            if len(keys) == 1:
                row.last_seat_id = keys.pop()
                changed.append(row)
        Enrollment.objects.bulk_update(changed, ["last_seat"], batch_size=AT_ONCE)


class Migration(migrations.Migration):
    dependencies = [("core", "0005_invitations_and_home_teams")]
    operations = [
        migrations.RunPython(homes_and_guests, migrations.RunPython.noop),
        migrations.RunPython(givers, migrations.RunPython.noop),
    ]
