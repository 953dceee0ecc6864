"""Alerts about seats that become full: by a notice and an e-mail to the owners of their teams and to the
administrators who may see seats.

`watch` looks each minute, whatever made the use rise: an enrollment here, a pull, a person who joined. So a
first pull that fills many seats makes one message for each person, not one for each seat.
"""

from collections import defaultdict
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.expressions import Case, When
from django.db.models.fields import PositiveSmallIntegerField
from django.urls import reverse
from django_q.tasks import async_task

from core.models import Notice, Seat, Team, User
from core.models.seats import ALERTS
from core.permissions import scope
from core.services import webhooks
from core.services.seats import room
from core.services.site import mail, notices
from core.services.storage import bulk
from core.wording import first_of, plural

ALERT_TASK = "core.tasks.send_seat_alert"
FULL = 100  # percent
MOST_LISTED = 20  # seats in one e-mail


def reached() -> Case:
    """Returns the highest of ALERTS that a seat has reached, for SQL; 0 for none, and for inactive and
    unlimited seats. It compares `fill`, the used places per thousand."""
    levels = [When(fill__gte=percent * 10, then=Value(percent)) for percent in sorted(ALERTS, reverse=True)]
    off = When(Q(active=False) | Q(unlimited=True), then=Value(0))
    return Case(off, *levels, default=Value(0), output_field=PositiveSmallIntegerField())


@transaction.atomic
def watch() -> int:
    """Tell of seats that have reached a level since they were below it. A seat that falls below a level will
    be told of again when it reaches it again. Returns how many seats were told of."""
    changed = Seat.objects.annotate(level=reached()).exclude(level=F("alerted_percent"))
    seats: list[Seat] = list(changed.select_for_update(of=("self",)).order_by("pk"))
    # The two levels are compared again: another worker may have told of a seat before it was locked.
    risen = [seat for seat in seats if seat.level > seat.alerted_percent]  # type: ignore[attr-defined]
    rows = [(seat.pk, seat.level) for seat in seats]  # type: ignore[attr-defined]
    bulk.update(Seat, ["alerted_percent"], rows)
    if risen:
        _tell(risen)
    webhooks.emit("seat.exhausted", [seat for seat in risen if seat.level == FULL])  # type: ignore[attr-defined]
    return len(risen)


def _tell(seats: Sequence[Seat]) -> None:
    told = _recipients(seats)
    people = User.objects.in_bulk(told)
    for key, theirs in told.items():
        person = people[key]
        lines = lines_for(person, theirs)
        text = lines[0] if len(lines) == 1 else f"{plural(len(lines), 'seat')} have few places left, or none."
        closed = any(room.NO_MORE in line for line in lines)
        level = Notice.Level.ERROR if closed else Notice.Level.WARNING
        notices.tell([person], text, level=level, url=_page(theirs))
        async_task(ALERT_TASK, key, theirs, save=False)


def lines_for(person: User, seats: Sequence[int]) -> list[str]:
    """Returns a sentence for each of these seats (primary keys), the fullest first. The owner of teams gets
    those of the teams' seats, with the teams' names instead of the internal names."""
    rows = Seat.objects.filter(pk__in=seats).select_related("product").order_by("-fill", "pk")
    own: dict[int, list[str]] = defaultdict(list)
    teams = Team.objects.filter(archived_at__isnull=True, seat_assignments__seat__in=seats, owner=person)
    for seat, name in teams.order_by("name").values_list("seat_assignments__seat", "name"):
        own[seat].append(name)
    return [_line(seat, person, own[seat.pk]) for seat in rows if person.sees_everything or own[seat.pk]]


def _line(seat: Seat, person: User, teams: Sequence[str]) -> str:
    called = seat.name if person.sees_everything else f"{first_of(teams)}: {seat.product}"
    return f"{called} {room.how_full(seat)}"


def _recipients(seats: Sequence[Seat]) -> dict[int, list[int]]:
    """Returns the seats to tell of, by person (primary keys)."""
    told: dict[int, list[int]] = defaultdict(list)
    keys = [seat.pk for seat in seats]
    owned = Team.objects.filter(
        archived_at__isnull=True, owner__is_active=True, seat_assignments__seat__in=keys
    )
    for owner, seat in owned.order_by().values_list("owner", "seat_assignments__seat").distinct():
        if seat in set(keys):
            told[owner].append(seat)
    for person in scope.holders("seats.view").values_list("pk", flat=True):
        told[person] = keys
    return dict(told)


def _page(seats: Sequence[int]) -> str:
    if len(seats) == 1:
        return reverse("admin:core_seat_change", args=seats)
    return f"{reverse('admin:core_seat_changelist')}?places=nearly"


def send(person: User, seats: Sequence[int]) -> str:
    """Send the e-mail about these seats (primary keys). Returns an error text; empty on success."""
    if not (lines := lines_for(person, seats)):
        return ""  # no longer the owner
    more = len(lines) - MOST_LISTED
    shown = [f"- {line}" for line in lines[:MOST_LISTED]] + ([f"- and {more:,} more"] if more > 0 else [])
    values = {
        "seats": "\n".join(shown),
        "count": plural(len(lines), "seat"),
        "link": f"{settings.SITE_URL}{_page(seats)}",
    }
    return mail.send(person.email, "seat_alert", mail.about(person) | values)
