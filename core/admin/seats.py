"""Seats: the pools of places, how full they are, and whose they are."""

from typing import Any

from django.contrib import admin
from django.db.models import F, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin.kit import cells
from core.admin.kit.history import HistoryAdmin
from core.admin.kit.lists.filters import ChoiceFilter, RelatedFilter
from core.admin.kit.tabs import Tab
from core.admin.kit.viewer import viewer_of
from core.models import Product, Seat, SeatAssignment, Team, User
from core.models.fields.folded import holding

SHOWN_TEAMS = 3


class ProductFilter(RelatedFilter):
    title = "product"
    parameter_name = "product"
    foreign_key = (Seat, "product")


class TeamFilter(RelatedFilter):
    title = "team"
    parameter_name = "team"
    foreign_key = (SeatAssignment, "team")

    def matching(self, queryset: QuerySet, target: Team) -> QuerySet:
        return queryset.filter(pk__in=SeatAssignment.objects.filter(team=target).values("seat"))


class FullnessFilter(ChoiceFilter):
    title = "places"
    parameter_name = "places"
    choices_offered = (
        ("over", "More people than places"),
        ("full", "Full"),
        ("nearly", "Full or nearly so"),
        ("free", "Places left"),
    )

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        if value == "over":
            return queryset.over()  # type: ignore[attr-defined]
        if value == "nearly":
            return queryset.full_or_nearly()  # type: ignore[attr-defined]
        if value == "full":
            return queryset.filter(unlimited=False, used_count=F("max_seats"))
        return queryset.filter(Q(unlimited=True) | Q(used_count__lt=F("max_seats")))


def places_text(seat: Seat) -> str:
    """ "7 of 10", or "7, no limit"; as of the last count."""
    used = f"{seat.used_count:,}"
    return f"{used}, no limit" if seat.unlimited else f"{used} of {seat.max_seats or 0:,}"


def places(seat: Seat) -> SafeString:
    badge = cells.pill(f"{seat.over} over", "danger") if seat.over else ""
    return format_html('<span class="cell-named cell-number">{} {}</span>', places_text(seat), badge)


def expiry_rule(seat: Seat) -> str:
    if seat.expiry_type == Seat.Expiry.DATE and seat.expiry_date:
        return f"On {cells.day(seat.expiry_date)}"
    if seat.expiry_type == Seat.Expiry.DAYS and seat.expiry_days:
        return f"After {seat.expiry_days:,} days"
    return "Never"


def with_shown_teams(seats: QuerySet[Seat], viewer: User) -> QuerySet[Seat]:
    """With `shown_assignments`: those to teams that the viewer may see."""
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


@admin.register(Seat)
class SeatAdmin(HistoryAdmin):
    list_filter = [ProductFilter, TeamFilter, FullnessFilter]
    list_select_related = ["product"]
    search_fields = ["folded"]
    search_help_text = "Search by seat or product"
    sortable_by = ["used"]
    ordering = ["-fill"]
    tabs = (
        Tab(
            "teams",
            "Teams",
            teams_of,
            [
                ("Team", lambda a: cells.link(a.team)),
                ("Mode", lambda a: a.get_mode_display()),
                ("Assigned", lambda a: cells.moment(a.created_at)),
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
        """Name and description are internal: team users never see them, not even in the page's title."""
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

    @display(description="Name")
    def seat_name(self, seat: Seat) -> SafeString:
        return cells.text(seat.name)

    @display(description="Name")
    def seat_and_product(self, seat: Seat) -> SafeString:
        return cells.two_lines(seat.name, str(seat.product))

    @display(description="Description")
    def description_full(self, seat: Seat) -> str | SafeString:
        return seat.description or cells.NOTHING

    @display(description="Product")
    def product_name(self, seat: Seat) -> SafeString:
        return cells.named(seat.product)

    @display(description="Used / max", ordering="fill")
    def used(self, seat: Seat) -> SafeString:
        return places(seat)

    @display(description="Available")
    def available(self, seat: Seat) -> str:
        return "No limit" if seat.available is None else f"{seat.available:,}"

    @display(description="Counted")
    def counted(self, seat: Seat) -> SafeString:
        return cells.moment(seat.used_counted_at, empty="Not yet")

    @display(description="Access ends")
    def rule(self, seat: Seat) -> str:
        return expiry_rule(seat)

    @display(description="Reusable")
    def is_reusable(self, seat: Seat) -> SafeString:
        return cells.yes_no(seat.reusable)

    @display(description="Extendable")
    def is_extendable(self, seat: Seat) -> SafeString:
        return cells.yes_no(seat.extendable)

    @display(description="Teams")
    def teams(self, seat: Seat) -> SafeString:
        return team_names(seat)

    @display(description="Active")
    def is_active(self, seat: Seat) -> SafeString:
        return cells.yes_no(seat.active)

    @display(description="Default tags")
    def tag_names(self, seat: Seat) -> str | SafeString:
        return ", ".join(tag.name for tag in seat.tags.all()) or cells.NOTHING
