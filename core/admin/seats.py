"""Seats: pools of places, how many are used, and the teams that have them."""

from typing import Any

from django.contrib import admin
from django.db.models import F, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.admin.kit.history import HistoryAdmin
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import choice_filter, related_filter, team_filter
from core.admin.kit.tabs import Tab
from core.admin.kit.viewer import viewer_of
from core.models import Product, Seat, SeatAssignment, Team, User
from core.models.fields.folded import holding
from core.pills import pill

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
    more = f" and {len(names) - SHOWN_TEAMS} more" if len(names) > SHOWN_TEAMS else ""
    return cells.text(", ".join(names[:SHOWN_TEAMS]) + more)


def teams_of(seat: Seat, viewer: User) -> QuerySet[SeatAssignment]:
    assignments = SeatAssignment.objects.filter(seat=seat, team__in=Team.objects.visible_to(viewer))
    return assignments.select_related("team").order_by("id")


USED = column("Used / max", places, sort="fill")
RULE = column("Access ends", expiry_rule)
TEAMS = column("Teams", team_names)
ACTIVE = column("Active", "active", cells.yes_no)


@admin.register(Seat)
class SeatAdmin(HistoryAdmin):
    seat_name = column("Name", "name", cells.text)
    seat_and_product = column("Name", lambda seat: cells.two_lines(seat.name, str(seat.product)))
    description_full = column("Description", "description", cells.whole)
    product_name = column("Product", "product", cells.named)
    used = USED
    available = column("Available", places_left)
    counted = column("Counted", "used_counted_at", cells.moment, empty="Not yet")
    rule = RULE
    is_reusable = column("Reusable", "reusable", cells.yes_no)
    is_extendable = column("Extendable", "extendable", cells.yes_no)
    teams = TEAMS
    is_active = ACTIVE
    tag_names = column(
        "Default tags", lambda seat: ", ".join(tag.name for tag in seat.tags.all()), cells.whole
    )

    list_filter = [
        related_filter(Seat, "product"),
        team_filter(SeatAssignment, "seat"),
        choice_filter(
            "places",
            {
                "over": ("More people than places", lambda seats: seats.over()),
                "full": ("Full", Q(unlimited=False, used_count=F("max_seats"))),
                "nearly": ("Full or nearly so", lambda seats: seats.full_or_nearly()),
                "free": ("Places left", Q(unlimited=True) | Q(used_count__lt=F("max_seats"))),
            },
        ),
    ]
    list_select_related = ["product"]
    search_fields = ["folded"]
    search_help_text = "Search by seat or product"
    ordering = ["-fill"]
    tabs = (
        Tab(
            "teams",
            "Teams",
            teams_of,
            [
                column("Team", "team", cells.link),
                column("Mode", "get_mode_display"),
                column("Assigned", "created_at", cells.moment),
            ],
            "This seat is assigned to no team, so nobody can use its places.",
            permission="core.view_team",
        ),
    )
    empty_text = (
        "A seat is a pool of places on one product. Assigned to a team, it lets the team enroll people."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return with_shown_teams(super().get_queryset(request), viewer_of(request))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Returns the seat. For team managers its internal name and description are replaced, because the
        title of the page shows the name."""
        seat = super().get_object(request, object_id, from_field)
        if seat is not None and not viewer_of(request).sees_everything:
            seat.name, seat.description = f"Seat for {seat.product}", ""
        return seat

    def get_list_display(self, request: HttpRequest) -> list[str]:
        columns = [
            "used",
            "available",
            "rule",
            "is_reusable",
            "is_extendable",
            "teams",
            "is_active",
        ]
        return ["seat_and_product" if viewer_of(request).sees_everything else "product_name", *columns]

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return ["folded"] if viewer_of(request).sees_everything else ["product"]

    def search_condition(self, word: str, viewer: User) -> Q:
        products = Q(product__in=Product.objects.filter(holding("folded", word)).values("pk"))
        return holding("folded", word) | products if viewer.sees_everything else products

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        names = ["seat_name", "description_full"] if viewer_of(request).sees_everything else []
        counts = ["product_name", "used", "available", "counted"]
        rules = ["rule", "is_reusable", "is_extendable", "is_active", "tag_names"]
        return [(None, {"fields": names + counts}), ("Rules", {"fields": rules})]
