"""Teams: who is in them, which groups and seats they have, what their members study."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.enums import ActionVariant

from core.admin.kit import cells
from core.admin.kit.dialogs.buttons import opens
from core.admin.kit.history import HistoryAdmin
from core.admin.kit.lists.filters import ChoiceFilter, RelatedFilter
from core.admin.kit.lists.lists import CappedCount, amount
from core.admin.kit.sync.sending import enrollment_status, with_sending
from core.admin.kit.tabs import Tab
from core.admin.seats import expiry_rule, places
from core.admin.teams.dialogs import TEAM_DIALOGS, AddTeam
from core.models import (
    Enrollment,
    GroupAssignment,
    Invitation,
    Membership,
    SeatAssignment,
    Team,
    User,
)
from core.services.invitations import LINK_WORKS_FOR

WHAT_A_GUEST_IS = (
    "The account belongs elsewhere. This team sees what the person does in the courses that it has places in."
)


class OrganizationFilter(RelatedFilter):
    title = "organization"
    parameter_name = "organization"
    foreign_key = (Team, "organization")


class ArchivedFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    choices_offered = (("current", "Current"), ("archived", "Archived"))

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset.filter(archived_at__isnull=value == "current")


def members_of(team: Team, viewer: User) -> QuerySet[Membership]:
    """With `shows_activity`, whether the viewer sees more of the person than their part in this team."""
    own = Q(user__home_team__in=viewer.managed_teams()) | Q(user__home_team__isnull=True, as_guest=False)
    shown = Q(pk__isnull=False) if viewer.sees_everything else own | Q(user=viewer)
    rows = Membership.objects.filter(team=team).annotate(shows_activity=shown)
    return rows.select_related("user", "role").order_by("-joined_at", "-id")


def member_name(membership: Membership) -> SafeString:
    guest = cells.pill("Guest", title=WHAT_A_GUEST_IS) if membership.as_guest else ""
    return cells.badged_link(membership.user, guest)


def invitations_of(team: Team, viewer: User) -> QuerySet[Invitation]:
    return Invitation.objects.visible_to(viewer).filter(team=team).select_related("role", "invited_by")


def groups_of(team: Team, viewer: User) -> QuerySet[GroupAssignment]:
    return GroupAssignment.objects.filter(team=team).select_related("group").order_by("id")


def seats_of(team: Team, viewer: User) -> QuerySet[SeatAssignment]:
    return SeatAssignment.objects.filter(team=team).select_related("seat__product").order_by("id")


def enrollments_of(team: Team, viewer: User) -> QuerySet[Enrollment]:
    """What the members study in the products that the team has a seat on."""
    through_a_seat = SeatAssignment.objects.filter(team=team).values("product")
    members = Membership.objects.filter(team=team).values("user")
    rows = Enrollment.objects.filter(user__in=members, product__in=through_a_seat)
    return with_sending(rows.select_related("user", "product").order_by("-id"), "enrollment")


TEAM_TABS = (
    Tab(
        "users",
        "Users",
        members_of,
        [
            ("Name", member_name),
            ("Email", lambda m: cells.text(m.user.email)),
            ("Role", lambda m: m.role.name),
            ("Created At", lambda m: cells.moment(m.joined_at)),
            ("Last activity", lambda m: cells.moment(m.user.last_activity_at if m.shows_activity else None)),
        ],
        "Nobody is in this team yet.",
        search="user__folded",
    ),
    Tab(
        "invitations",
        "Invited",
        invitations_of,
        [
            ("Email", lambda i: cells.text(i.address)),
            ("Role", lambda i: i.role.name),
            ("Invited by", lambda i: cells.done_by(i, "invited_by")),
            ("Invited", lambda i: cells.moment(i.created_at)),
            ("Link works until", lambda i: cells.moment(i.sent_at + LINK_WORKS_FOR, ahead=True)),
        ],
        "Nobody is invited.",
        note=lambda team, viewer: (
            "These addresses belong to accounts outside your teams. They join when the person agrees by the "
            "link in the mail; an administrator can agree for them. Until then nothing of them is shown."
        ),
        applies=lambda team: team.invitations.exists(),
    ),
    Tab(
        "groups",
        "Groups",
        groups_of,
        [
            ("Group", lambda a: cells.link(a.group)),
            ("Direction", lambda a: a.get_direction_display()),
            ("Last synced", lambda a: cells.moment(a.last_synced_at, empty="Never")),
            (
                "Last error",
                lambda a: cells.text(a.last_error) if a.last_error else cells.NOTHING,
            ),
        ],
        "No Thinkific group is assigned to this team.",
        permission="core.view_thinkificgroup",
    ),
    Tab(
        "seats",
        "Seats",
        seats_of,
        [
            ("Product", lambda a: cells.link(a.seat.product)),
            ("Used", lambda a: places(a.seat)),
            ("Access ends", lambda a: expiry_rule(a.seat)),
            ("Mode", lambda a: a.get_mode_display()),
            ("Active", lambda a: cells.yes_no(a.seat.active)),
        ],
        "This team has no seats. Without a seat it sees no course and can enroll nobody.",
        permission="core.view_seat",
    ),
    Tab(
        "enrollments",
        "Enrollments",
        enrollments_of,
        [
            ("Student", lambda e: cells.link(e.user)),
            ("Course", lambda e: cells.link(e, str(e.product))),
            ("Progress", lambda e: cells.progress(e.percentage_completed)),
            ("Status", enrollment_status),
            ("Expires", lambda e: cells.moment(e.expiry_date, empty="Never", ahead=True)),
        ],
        "No enrollments. Listed are those of the members in the products that the team has a seat on.",
        search="user__folded",
        permission="core.view_enrollment",
    ),
)


@admin.register(Team)
class TeamAdmin(HistoryAdmin):
    list_display = [
        "team_name",
        "summary",
        "member_count",
        "created",
        "owner_name",
        "organization_name",
        "seat_count",
        "group_count",
    ]
    list_filter = [OrganizationFilter, ArchivedFilter]
    list_select_related = ["owner", "organization"]
    search_fields = ["folded"]
    search_help_text = "Search by team name"
    sortable_by = ["team_name", "created"]
    ordering = ["name", "id"]
    tabs = TEAM_TABS
    dialogs = TEAM_DIALOGS
    add_team = opens(AddTeam, variant=ActionVariant.PRIMARY)
    actions_list = ("add_team",)
    fields = [
        "team_name",
        "summary_full",
        "owner_link",
        "organization_name",
        "member_count",
        "limit_of_members",
        "created",
    ]
    empty_text = "Teams are the groups of people at your customers. They hold seats, and seats give courses."

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        team = OuterRef("pk")
        return (
            super()
            .get_queryset(request)
            .annotate(
                members_counted=CappedCount(Membership.objects.filter(team=team)),
                seats_counted=CappedCount(SeatAssignment.objects.filter(team=team)),
                groups_counted=CappedCount(GroupAssignment.objects.filter(team=team)),
            )
        )

    @display(description="Team Name", ordering="name")
    def team_name(self, team: Team) -> SafeString:
        badge = cells.pill("Archived", "quiet") if team.archived_at else ""
        return cells.badged(team.name, badge)

    @display(description="Description")
    def summary(self, team: Team) -> SafeString:
        return cells.text(team.description)

    @display(description="Description")
    def summary_full(self, team: Team) -> str | SafeString:
        return team.description or cells.NOTHING

    @display(description="Member Count")
    def member_count(self, team: Any) -> str:
        return amount(team.members_counted)

    @display(description="Created At", ordering="created_at")
    def created(self, team: Team) -> SafeString:
        return cells.moment(team.created_at)

    @display(description="Owner")
    def owner_name(self, team: Team) -> SafeString:
        return cells.text(team.owner.get_full_name())

    @display(description="Owner")
    def owner_link(self, team: Team) -> SafeString:
        return cells.link(team.owner)

    @display(description="Organization")
    def organization_name(self, team: Team) -> SafeString:
        return cells.text(team.organization.name) if team.organization else cells.NOTHING

    @display(description="Seats")
    def seat_count(self, team: Any) -> str:
        return amount(team.seats_counted)

    @display(description="Groups")
    def group_count(self, team: Any) -> str:
        return amount(team.groups_counted)

    @display(description="Most students")
    def limit_of_members(self, team: Team) -> str:
        return "No limit" if team.max_members is None else str(team.max_members)
