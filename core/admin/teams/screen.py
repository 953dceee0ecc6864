"""Teams: their members, invitations, groups and seats, and the enrollments of their members."""

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.utils.safestring import SafeString
from unfold.enums import ActionVariant

from core.admin.enrollments.columns import COURSE_LINK, EXPIRES, PROGRESS, STATUS
from core.admin.kit import cells
from core.admin.kit.dialogs.buttons import opens
from core.admin.kit.history import HistoryAdmin
from core.admin.kit.lists.columns import column, count_column
from core.admin.kit.lists.filters import choice_filter, related_filter
from core.admin.kit.sync.sending import with_sending
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
from core.pills import pill
from core.services.invitations import LINK_WORKS_FOR

WHAT_A_GUEST_IS = (
    "The account belongs to another team or to none. This team sees only the person's work in courses that "
    "it has seats on."
)


def members_of(team: Team, viewer: User) -> QuerySet[Membership]:
    """Returns the memberships, annotated with `shows_activity`: whether the viewer may see more of the person
    than the membership."""
    own = Q(user__home_team__in=viewer.managed_teams()) | Q(user__home_team__isnull=True, as_guest=False)
    shown = Q(pk__isnull=False) if viewer.sees_everything else own | Q(user=viewer)
    rows = Membership.objects.filter(team=team).annotate(shows_activity=shown)
    return rows.select_related("user", "role").order_by("-joined_at", "-id")


def member_name(membership: Membership) -> SafeString:
    guest = pill("Guest", title=WHAT_A_GUEST_IS) if membership.as_guest else ""
    return cells.badged_link(membership.user, guest)


def invitations_of(team: Team, viewer: User) -> QuerySet[Invitation]:
    return Invitation.objects.visible_to(viewer).filter(team=team).select_related("role", "invited_by")


def groups_of(team: Team, viewer: User) -> QuerySet[GroupAssignment]:
    return GroupAssignment.objects.filter(team=team).select_related("group").order_by("id")


def seats_of(team: Team, viewer: User) -> QuerySet[SeatAssignment]:
    return SeatAssignment.objects.filter(team=team).select_related("seat__product").order_by("id")


def enrollments_of(team: Team, viewer: User) -> QuerySet[Enrollment]:
    """Returns the members' enrollments in products that the team has a seat on."""
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
            column("Name", member_name),
            column("Email", "user.email", cells.text),
            column("Role", "role.name"),
            column("Created At", "joined_at", cells.moment),
            column(
                "Last activity", lambda m: m.user.last_activity_at if m.shows_activity else None, cells.moment
            ),
        ],
        "Nobody is in this team yet.",
        search="user__folded",
    ),
    Tab(
        "invitations",
        "Invited",
        invitations_of,
        [
            column("Email", "address", cells.text),
            column("Role", "role.name"),
            column("Invited by", lambda i: cells.done_by(i, "invited_by")),
            column("Invited", "created_at", cells.moment),
            column("Link works until", lambda i: i.sent_at + LINK_WORKS_FOR, cells.moment, ahead=True),
        ],
        "Nobody is invited.",
        note=lambda team, viewer: (
            "These addresses belong to accounts outside your teams. A person joins by accepting through the "
            "link in the mail; an administrator can accept for them. Until then the account is not shown."
        ),
        applies=lambda team: team.invitations.exists(),
    ),
    Tab(
        "groups",
        "Groups",
        groups_of,
        [
            column("Group", "group", cells.link),
            column("Direction", "get_direction_display"),
            column("Last synced", "last_synced_at", cells.moment, empty="Never"),
            column("Last error", "last_error", cells.text),
        ],
        "No Thinkific group is assigned to this team.",
        permission="core.view_thinkificgroup",
    ),
    Tab(
        "seats",
        "Seats",
        seats_of,
        [
            column("Product", "seat.product", cells.link),
            column("Used", "seat", places),
            column("Access ends", "seat", expiry_rule),
            column("Mode", "get_mode_display"),
            column("Active", "seat.active", cells.yes_no),
        ],
        "This team has no seats. Without a seat it sees no course and can enroll nobody.",
        permission="core.view_seat",
    ),
    Tab(
        "enrollments",
        "Enrollments",
        enrollments_of,
        [column("Student", "user", cells.link), COURSE_LINK, PROGRESS, STATUS, EXPIRES],
        "No enrollments. Listed are those of the members in the products that the team has a seat on.",
        search="user__folded",
        permission="core.view_enrollment",
    ),
)


@admin.register(Team)
class TeamAdmin(HistoryAdmin):
    team_name = column(
        "Team Name", lambda t: cells.badged(t.name, pill("Archived") if t.archived_at else ""), sort="name"
    )
    summary = column("Description", "description", cells.text)
    summary_full = column("Description", "description", cells.whole)
    member_count = count_column("Member Count", lambda viewer: Membership.objects, "team")
    created = column("Created At", "created_at", cells.moment, sort=True)
    owner_name = column("Owner", "owner.get_full_name", cells.text)
    owner_link = column("Owner", "owner", cells.link)
    organization_name = column("Organization", "organization", cells.text)
    seat_count = count_column("Seats", lambda viewer: SeatAssignment.objects, "team")
    group_count = count_column("Groups", lambda viewer: GroupAssignment.objects, "team")
    limit_of_members = column(
        "Most students", lambda t: "No limit" if t.max_members is None else str(t.max_members)
    )

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
    list_filter = [
        related_filter(Team, "organization"),
        choice_filter(
            "state",
            {
                "current": ("Current", Q(archived_at__isnull=True)),
                "archived": ("Archived", Q(archived_at__isnull=False)),
            },
        ),
    ]
    list_select_related = ["owner", "organization"]
    search_fields = ["folded"]
    search_help_text = "Search by team name"
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
