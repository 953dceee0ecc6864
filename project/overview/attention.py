"""The items under "attention" on the first page: how many, why it matters, and a link to act."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from core.admin.kit import cells, open_pages
from core.admin.kit.lists.lists import amount
from core.admin.kit.open_pages import list_url
from core.models import Enrollment, OutboxEntry, Seat, StripeEvent, User
from core.models.enrollments import EnrollmentQuerySet
from core.models.seats import SeatQuerySet
from core.moments import older, recent
from core.permissions import scope
from core.services.seats import room
from core.wording import one_or_many
from integrations.models import Drift, SyncConflict, SyncRun, WorkerHeartbeat
from integrations.thinkific.reconcile.plan import REPAIRABLE
from integrations.thinkific.reconcile.words import drifted, last_report
from project.overview import sync_items
from project.overview.item import Item
from project.overview.remember import remember

SOON = 30  # days
OF_TEAMS = "&whose=teams"  # in the addresses of lists: what the items of team managers are about
COUNT_LIMIT = 999  # counts are exact up to this number
NO_HEARTBEAT_AFTER = timedelta(minutes=3)


def site_items() -> list[Item]:
    """Returns the items for administrators, the most urgent first."""
    found = [
        _no_worker(),
        _failed_pushes(),
        _failed_payments(),
        sync_items.failed_runs(),
        _guarded_runs(),
        _seats_over(Seat.objects.all(), _internal_name, "Raise the maximum or end an enrollment."),
        _conflicts(),
        _one_address(),
        _drift(),
        _seats_nearly_full(Seat.objects.all(), _internal_name),
        sync_items.no_webhooks(),
        _unassigned(),
        _expiring(Enrollment.objects.all(), "site"),
    ]
    return _shown(found)


def team_items(user: User) -> list[Item]:
    """Returns the items for owners and team managers, about their seats and their members' enrollments."""
    teams = user.managed_teams().current()
    seats = Seat.objects.of_teams(teams)
    helps = "Your contact at the course company can add places."
    if scope.holds(user, "enrollments.delete"):
        helps = f"End an enrollment, or ask for more places. {helps}"
    enrollments = Enrollment.objects.of_teams(teams)
    found = [
        _seats_over(seats, _product_name, helps, OF_TEAMS),
        _seats_nearly_full(seats, _product_name, OF_TEAMS),
        _expiring(
            enrollments,
            f"user-{user.pk}",
            OF_TEAMS,
            may_extend=scope.holds(user, "enrollments.extend"),
        ),
    ]
    return _shown(found)


def _shown(found: list[Item | None]) -> list[Item]:
    """Returns the items without those that link to a list that the viewer may not open: their texts contain
    names from that list."""
    return [item for item in found if item and (item.url or not item.link)]


def _no_worker() -> Item | None:
    now = timezone.now()
    waiting = SyncRun.objects.filter(
        older("created_at", now, than=NO_HEARTBEAT_AFTER), status=SyncRun.Status.QUEUED
    )
    if not waiting.exists():
        return None
    if WorkerHeartbeat.objects.filter(recent("beat_at", now, within=NO_HEARTBEAT_AFTER)).exists():
        return None
    return Item(
        "bad",
        "engineering",
        "No worker is running",
        "Runs and changes wait until one is started (manage.py worker).",
    )


def _failed_pushes() -> Item | None:
    count = _count(OutboxEntry.objects.filter(status=OutboxEntry.Status.FAILED))
    if not count:
        return None
    return Item(
        "bad",
        "outbox",
        _counted(count, "change was", "changes were") + " refused by Thinkific",
        f"Read Thinkific's {one_or_many(count, 'answer', 'answers')}, correct the cause, then retry or "
        "discard.",
        list_url(OutboxEntry, "status=failed"),
        f"Look at {one_or_many(count, 'it', 'them')}",
    )


def _failed_payments() -> Item | None:
    count = _count(StripeEvent.objects.filter(status=StripeEvent.Status.FAILED))
    if not count:
        return None
    return Item(
        "bad",
        "payments",
        _counted(count, "payment was", "payments were") + " not carried out",
        "Somebody has paid or was refunded. Read why, correct the cause, then retry or set it aside.",
        list_url(StripeEvent, "status=failed"),
        f"Look at {one_or_many(count, 'it', 'them')}",
    )


def _guarded_runs() -> Item | None:
    """Runs of the last week that the deletion guard stopped, unless a later full run of the kind
    succeeded."""
    since = timezone.now() - timedelta(days=7)
    settled = SyncRun.objects.filter(
        kind=OuterRef("kind"), full=True, status=SyncRun.Status.SUCCEEDED, pk__gt=OuterRef("pk")
    )
    held = SyncRun.objects.filter(~Exists(settled), created_at__gte=since, guarded__gt=0)
    run = held.only("kind", "guarded").order_by("-id").first()
    if run is None:
        return None
    return Item(
        "bad",
        "front_hand",
        f"{run.get_kind_display()}: {_counted(run.guarded, 'removal', 'removals')} held back",
        "More was missing from Thinkific's answer than the settings allow a run to mark as removed. It waits "
        "for your decision.",
        cells.detail_url(run) if open_pages.is_open(run) else "",
        "Decide",
    )


def _conflicts() -> Item | None:
    count = _count(SyncConflict.objects.filter(settled_at__isnull=True))
    if not count:
        return None
    return Item(
        "warning",
        "compare_arrows",
        _counted(count, "conflict", "conflicts") + " between the dashboard and Thinkific",
        "Both sides changed the same field, or Thinkific names an account that has rights here. "
        "See both values.",
        list_url(SyncConflict, "settled=no"),
        "Settle",
    )


def _one_address() -> Item | None:
    """Accounts that share one address. An older version took their addresses for different ones, and the
    newer account is found by its exact address only."""
    count = remember("one-address", lambda: _count(User.objects.with_duplicate_address()))
    if not count:
        return None
    return Item(
        "warning",
        "alternate_email",
        _counted(count, "account has", "accounts have") + " the address of another, written differently",
        "Each can still be used with its exact address. Thinkific's users are matched with the older "
        "account. Change all but one of the addresses, or switch off the accounts that are not needed.",
        list_url(User, "address=shared"),
        "See accounts",
    )


def _drift() -> Item | None:
    """Rows of the last comparison that were not repaired."""
    run = last_report()
    left = drifted(run) if run else 0
    if run is None or not left:
        return None
    over = Drift.objects.filter(report__run=run).exclude(state__in=[*REPAIRABLE, Drift.State.REPAIRING])
    count = left - over.count()
    if count <= 0:
        return None
    return Item(
        "warning",
        "difference",
        _counted(count, "object differs", "objects differ") + " between the dashboard and Thinkific",
        f"The last comparison found {one_or_many(count, 'it', 'them')}. Look at the values of both sides, "
        "and choose which to keep.",
        list_url(Drift),
        "Repair",
    )


def _seats_over(seats: SeatQuerySet, name: Callable[[Seat], str], helps: str, among: str = "") -> Item | None:
    """Names a seat with a hard limit first: nobody can be enrolled through it until it has places."""
    count, first = _named(seats.over().order_by("soft_limit", "-used_count"))
    if not count or first is None:
        return None
    return Item(
        "warning" if first.soft_limit else "bad",
        "event_seat",
        _counted(count, "seat has", "seats have") + " more people than places",
        f"{name(first)} {room.how_full(first)} {helps}",
        list_url(Seat, f"places=over{among}"),
        "See seats",
    )


def _seats_nearly_full(seats: SeatQuerySet, name: Callable[[Seat], str], among: str = "") -> Item | None:
    near = seats.full_or_nearly()
    count, first = _named(near.order_by(F("max_seats") - F("used_count"), "soft_limit"))
    if not count or first is None:
        return None
    return Item(
        "warning",
        "event_seat",
        _counted(count, "seat is", "seats are") + " full or nearly full",
        f"{name(first)} {room.how_full(first)}",
        list_url(Seat, f"places=nearly{among}"),
        "See seats",
    )


def _unassigned() -> Item | None:
    count = remember("unassigned", lambda: _count(User.objects.unassigned()))
    if not count:
        return None
    return Item(
        "info",
        "person_off",
        _counted(count, "person is", "people are") + " in no team",
        "No team manager sees them. Add them to a team. People who arrive from Thinkific later join the "
        "default team, if one is set in the settings.",
        list_url(User, "assigned=no"),
        "See people",
    )


def _expiring(
    enrollments: EnrollmentQuerySet, whose: str, among: str = "", *, may_extend: bool = True
) -> Item | None:
    count = remember(f"expiring:{whose}", lambda: _count(enrollments.ending_within(SOON)))
    if not count:
        return None
    return Item(
        "info",
        "hourglass_bottom",
        _counted(count, "enrollment ends", "enrollments end") + f" within {SOON} days",
        _what_to_do_in_time(count) if may_extend else "The list says whose access ends, and when.",
        list_url(Enrollment, f"expires={SOON}{among}"),
        "See enrollments",
    )


def _what_to_do_in_time(count: int) -> str:
    if count == 1:
        return "Extend it in time if the student should keep access."
    return "Extend them in time if the students should keep access."


def _count(queryset: QuerySet[Any]) -> int:
    return queryset.order_by()[: COUNT_LIMIT + 1].count()


def _named(seats: QuerySet[Seat]) -> tuple[int, Seat | None]:
    found = list(seats.select_related("product")[: COUNT_LIMIT + 1])
    return len(found), found[0] if found else None


def _internal_name(seat: Seat) -> str:
    return seat.name


def _product_name(seat: Seat) -> str:
    """Returns the product's name. A seat's own name is internal, so teams see its product."""
    return str(seat.product)


def _counted(count: int, one: str, many: str) -> str:
    return f"{amount(count, COUNT_LIMIT)} {one_or_many(count, one, many)}"
