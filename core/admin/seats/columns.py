"""Columns about seats, which the pages of seats, teams and products show."""

from typing import Any

from django.db.models import BigIntegerField, Case, CharField, F, Prefetch, QuerySet, Value, When
from django.db.models.functions import Cast, Concat, LPad
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.admin.kit.lists.columns import column
from core.models import Seat, SeatAssignment, Team, User
from core.pills import pill
from core.wording import first_of

SHOWN_TEAMS = 3


def places_text(seat: Seat) -> str:
    """Returns "7 of 10" or "7, no limit", as of the last count."""
    used = f"{seat.used_count:,}"
    return f"{used}, no limit" if seat.unlimited else f"{used} of {seat.max_seats or 0:,}"


def places(seat: Seat) -> SafeString:
    badge = pill("over", f"{seat.over} over") if seat.over else ""
    return format_html('<span class="cell-named cell-number">{} {}</span>', places_text(seat), badge)


def expiry_rule(seat: Seat) -> str:
    if seat.expiry_type == Seat.Expiry.DATE and seat.expiry_date:
        return f"On {cells.day(seat.expiry_date)}"
    if seat.expiry_type == Seat.Expiry.DAYS and seat.expiry_days:
        return f"After {seat.expiry_days:,} days"
    return "Never"


def places_left(seat: Seat) -> str:
    return "No limit" if seat.available is None else f"{seat.available:,}"


def with_orders(rows: QuerySet, seat: str = "") -> QuerySet:
    """Returns the rows with what the headings Available and Access ends sort by: seats without a limit have
    most places; fixed dates come before numbers of days, and these before "Never". `seat` is the path from a
    row to its seat."""
    left = Cast(f"{seat}max_seats", BigIntegerField()) - F(f"{seat}used_count")
    days = Concat(Value("b"), LPad(Cast(f"{seat}expiry_days", CharField()), 10, Value("0")))
    day = Concat(Value("a"), Cast(f"{seat}expiry_date", CharField()))
    return rows.annotate(
        places_left=Case(
            When(**{f"{seat}unlimited": True}, then=Value(2**40)),
            default=left,
            output_field=BigIntegerField(),
        ),
        access_ends=Case(
            When(**{f"{seat}expiry_type": "date"}, then=day),
            When(**{f"{seat}expiry_type": "days", f"{seat}expiry_days__gt": 0}, then=days),
            default=Value("c"),
            output_field=CharField(),
        ),
    )


def with_shown_teams(seats: QuerySet[Seat], viewer: User) -> QuerySet[Seat]:
    """Prefetch `shown_assignments`: the assignments to teams that the viewer may see."""
    assignments = SeatAssignment.objects.filter(team__in=Team.objects.visible_to(viewer))
    return seats.prefetch_related(
        Prefetch(
            "assignments", assignments.select_related("team").order_by("id"), to_attr="shown_assignments"
        )
    )


def team_names(seat: Any) -> SafeString:
    names = [assignment.team.name for assignment in seat.shown_assignments]
    return cells.text(first_of(names, SHOWN_TEAMS))


def all_team_names(seat: Any) -> str:
    return ", ".join(assignment.team.name for assignment in seat.shown_assignments)


def teams_of(seat: Seat, viewer: User) -> QuerySet[SeatAssignment]:
    assignments = SeatAssignment.objects.filter(seat=seat, team__in=Team.objects.visible_to(viewer))
    return assignments.select_related("team").order_by("id")


USED = column(
    "Used / max",
    places,
    sort="fill",
    in_file=[
        column("Used", "used_count"),
        column("Max", lambda seat: None if seat.unlimited else seat.max_seats),
        column("Unlimited", "unlimited"),
    ],
)
RULE = column("Access ends", expiry_rule, sort="access_ends")
TEAMS = column("Teams", team_names, in_file=all_team_names)
ACTIVE = column("Active", "active", cells.yes_no, sort=True)
