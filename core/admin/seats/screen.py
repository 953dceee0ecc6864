"""The screen of seats."""

from typing import Any

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from unfold.enums import ActionVariant

from core.admin.kit import cells
from core.admin.kit.dialogs.buttons import opens
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.history import HistoryAdmin
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import choice_filter, organization_filter, related_filter, team_filter
from core.admin.kit.tabs import Tab
from core.admin.kit.viewer import viewer_of
from core.admin.seats.chosen_seats import CHOSEN_SEAT_DIALOGS
from core.admin.seats.columns import (
    ACTIVE,
    RULE,
    TEAMS,
    USED,
    places_left,
    teams_of,
    with_orders,
    with_shown_teams,
)
from core.admin.seats.dialogs import SEAT_DIALOGS, AddSeat, RecalculateAll
from core.models import Product, Seat, SeatAssignment, SeatTag, Team, User
from core.models.fields.folded import holding


def limit_text(seat: Seat) -> str:
    if seat.unlimited:
        return "None"
    if seat.soft_limit:
        return "Soft: people can still be enrolled when all places are used"
    return "Hard: nobody new can be enrolled when all places are used"


TAG = related_filter(
    SeatTag, "tag", matching=lambda seats, tag, viewer: seats.filter(pk__in=tag.seats.values("pk"))
)


@admin.register(Seat)
class SeatAdmin(ExportingAdmin, HistoryAdmin):
    seat_name = column("Name", "name", cells.text, sort=True)
    of_product = column("Product", "product", cells.text, sort="product__name")
    description_full = column("Description", "description", cells.whole)
    product_name = column("Product", "product", cells.named, sort="product__name", in_file="product")
    used = USED
    available = column("Available", places_left, sort="places_left", in_file="available")
    counted = column("Counted", "used_counted_at", cells.moment, empty="Being counted")
    rule = RULE
    is_reusable = column("Reusable", "reusable", cells.yes_no, sort=True)
    is_extendable = column("Extendable", "extendable", cells.yes_no, sort=True)
    teams = TEAMS
    is_active = ACTIVE
    limit_kind = column("Limit", limit_text)
    made_from = column("Copy of", "source_template", cells.link)
    created = column("Created At", "created_at", cells.moment)
    tag_names = column("Tags", lambda seat: ", ".join(tag.name for tag in seat.tags.all()), cells.whole)

    list_filter = [
        related_filter(Seat, "product"),
        team_filter(SeatAssignment, "seat"),
        organization_filter(lambda seats, teams: seats.of_teams(teams)),
        # Used by a link on the first page of team managers.
        choice_filter(
            "whose",
            lambda viewer: {
                "teams": (
                    "Teams that are not archived",
                    lambda seats: seats.of_teams(Team.objects.visible_to(viewer).current()),
                )
            },
            title="assigned to",
            hidden_until_set=True,
        ),
        choice_filter(
            "places",
            {
                "over": ("More people than places", lambda seats: seats.over()),
                "full": ("Full", Q(unlimited=False, used_count=F("max_seats"))),
                "nearly": ("Full or nearly so", lambda seats: seats.full_or_nearly()),
                "free": ("Places left", Q(unlimited=True) | Q(used_count__lt=F("max_seats"))),
                "unlimited": ("Unlimited", Q(unlimited=True)),
            },
        ),
        choice_filter("expiry", title="access ends", field="expiry_type"),
        choice_filter(
            "state",
            {
                "active": ("Active", Q(active=True)),
                "inactive": ("Inactive", Q(active=False)),
                "reusable": ("Reusable", Q(reusable=True)),
                "extendable": ("Extendable", Q(extendable=True)),
                "unassigned": ("Assigned to no team", Q(assignments__isnull=True)),
            },
        ),
    ]
    list_select_related = ["product"]
    search_fields = ["folded"]
    search_help_text = "Search by seat or product"
    team_search_help_text = "Search by product"
    ordering = ["-fill"]
    few_rows = True
    dialogs = SEAT_DIALOGS
    actions = CHOSEN_SEAT_DIALOGS
    actions_list = ["add_seat", "recalculate_all", "export"]
    add_seat = opens(AddSeat, variant=ActionVariant.PRIMARY)
    recalculate_all = opens(RecalculateAll)
    tabs = (
        Tab(
            "teams",
            "Teams",
            teams_of,
            [
                column("Team", "team", cells.link, sort="team__name"),
                column("Mode", "get_mode_display", sort="mode"),
                column("Assigned", "created_at", cells.moment, sort=True),
            ],
            "This seat is assigned to no team, so nobody can use its places.",
            permission="core.view_team",
        ),
    )
    empty_text = (
        "A seat is a pool of places on one product. Assigned to a team, it lets the team enroll people."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return with_orders(with_shown_teams(super().get_queryset(request), viewer_of(request)))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Returns the seat. For team managers its internal name and description are replaced, because the
        title of the page shows the name."""
        seat = super().get_object(request, object_id, from_field)
        if seat is not None and not viewer_of(request).sees_everything:
            seat.name, seat.description = f"Seat for {seat.product}", ""
        return seat

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Returns the filters; that by tag is for viewers who see the tags of seats."""
        return [*self.list_filter, TAG] if viewer_of(request).sees_everything else list(self.list_filter)

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
        names = ["seat_name", "of_product"] if viewer_of(request).sees_everything else ["product_name"]
        return [*names, *columns]

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return ["folded"] if viewer_of(request).sees_everything else ["product"]

    def search_condition(self, word: str, viewer: User) -> Q:
        products = Q(product__in=Product.objects.filter(holding("folded", word)).values("pk"))
        return holding("folded", word) | products if viewer.sees_everything else products

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        names = ["seat_name", "description_full"] if viewer_of(request).sees_everything else []
        counts = ["product_name", "used", "available", "counted"]
        rules = ["rule", "limit_kind", "is_reusable", "is_extendable", "is_active"]
        if viewer_of(request).sees_everything:
            rules += ["tag_names", "made_from", "created"]
        return [(None, {"fields": names + counts}), ("Rules", {"fields": rules})]
