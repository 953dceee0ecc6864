"""The tabs of a team's page: its members, invitations, groups and seats, and the enrollments of members."""

from django.db.models import Case, DateTimeField, F, Q, QuerySet, When
from django.utils.safestring import SafeString

from core.admin.enrollments.columns import COURSE_LINK, EXPIRES, PROGRESS, SORTED_STATUS
from core.admin.groups.direction import direction_column, with_right_to_change
from core.admin.kit import cells
from core.admin.kit.lists.columns import column
from core.admin.kit.sync import thinkific_errors
from core.admin.kit.sync.sending import with_sending
from core.admin.kit.tabs import Tab, TabFilter
from core.admin.seats.columns import expiry_rule, places, with_orders
from core.admin.short_links import SHORT_LINKS_TAB
from core.admin.teams.chosen_members import MEMBER_ACTIONS, members_as_users
from core.admin.teams.links import LINKS_TAB
from core.admin.users.dialogs.impersonate import buttons_for_members
from core.admin.users.dialogs.overrides import role_of
from core.models import (
    Enrollment,
    GroupAssignment,
    GroupMembership,
    Invitation,
    Membership,
    SeatAssignment,
    Tag,
    Team,
    ThinkificGroup,
    User,
)
from core.permissions import scope
from core.pills import pill
from core.services.invitations import LINK_WORKS_FOR

WHAT_A_GUEST_IS = (
    "The account belongs to another team or to none. This team sees only the person's work in courses that "
    "it has seats on."
)


def members_of(team: Team, viewer: User) -> QuerySet[Membership]:
    """Returns the memberships, annotated with `activity`: the person's last activity, if the viewer may see
    more of the person than the membership."""
    own = Q(user__home_team__in=viewer.managed_teams()) | Q(user__home_team__isnull=True, as_guest=False)
    shown = Q(pk__isnull=False) if viewer.sees_everything else own | Q(user=viewer)
    activity = Case(When(shown, then=F("user__last_activity_at")), output_field=DateTimeField())
    rows = Membership.objects.filter(team=team).annotate(activity=activity)
    return rows.select_related("user", "role", "team").order_by("-joined_at", "-id")


def tags_in(team: Team, viewer: User) -> QuerySet[Tag]:
    """Returns the tags on members of the team whose tags the viewer may see."""
    return Tag.objects.filter(pk__in=_tagged(team, viewer).values("tag"))


def _tagged(team: Team, viewer: User) -> QuerySet:
    """Returns the tags of members. It is found from the members, so that the number of all people does not
    matter."""
    rows: QuerySet = User.tags.through._default_manager.all()
    member = Q(user__memberships__team=team)
    if viewer.sees_everything:
        return rows.filter(member)
    at_home = Q(user__home_team__in=viewer.managed_teams())
    homeless = Q(user__home_team__isnull=True, user__memberships__as_guest=False)
    return rows.filter(member, at_home | homeless | Q(user=viewer))


def with_tag(rows: QuerySet, tag: int, team: Team, viewer: User) -> QuerySet:
    return rows.filter(user__in=_tagged(team, viewer).filter(tag=tag).values("user"))


def groups_offered(team: Team, viewer: User) -> QuerySet[ThinkificGroup]:
    assigned = GroupAssignment.objects.filter(team=team).values("group")
    return ThinkificGroup.objects.visible_to(viewer).filter(pk__in=assigned)


def in_group(rows: QuerySet, group: int, team: Team, viewer: User) -> QuerySet:
    offered = groups_offered(team, viewer).filter(pk=group)
    inside = GroupMembership.objects.filter(group__in=offered, removed_at__isnull=True)
    return rows.filter(user__in=inside.values("user"))


def may_export(team: Team, viewer: User) -> bool:
    return "reports.export" in scope.codes_in(viewer, team.pk)


def member_name(membership: Membership) -> SafeString:
    guest = pill("Guest", title=WHAT_A_GUEST_IS) if membership.as_guest else ""
    return cells.badged_link(membership.user, guest)


def invitations_of(team: Team, viewer: User) -> QuerySet[Invitation]:
    return Invitation.objects.visible_to(viewer).filter(team=team).select_related("role", "invited_by")


def groups_of(team: Team, viewer: User) -> QuerySet[GroupAssignment]:
    rows = GroupAssignment.objects.filter(team=team).select_related("group", "team").order_by("id")
    return with_right_to_change(rows, viewer)


def seats_of(team: Team, viewer: User) -> QuerySet[SeatAssignment]:
    return with_orders(
        SeatAssignment.objects.filter(team=team).select_related("seat__product").order_by("id"), "seat__"
    )


def enrollments_of(team: Team, viewer: User) -> QuerySet[Enrollment]:
    """Returns the members' enrollments in products that the team has a seat on."""
    through_a_seat = SeatAssignment.objects.filter(team=team).values("product")
    members = Membership.objects.filter(team=team).values("user")
    rows = Enrollment.objects.filter(user__in=members, product__in=through_a_seat).with_status()
    return with_sending(rows.select_related("user", "product").order_by("-id"), "enrollment")


TEAM_TABS = (
    Tab(
        "users",
        "Users",
        members_of,
        [
            column("Name", member_name, sort="user__name"),
            column("Email", "user.email", cells.text, sort="user__email"),
            column("Role", role_of, sort="role__name"),
            column("Created At", "joined_at", cells.moment, sort=True),
            column("Last Activity", "activity", cells.moment, sort=True),
        ],
        "Nobody is in this team yet.",
        search="user__folded",
        filters=(
            TabFilter("tag", "Tag", tags_in, with_tag),
            TabFilter("group", "Group", groups_offered, in_group),
        ),
        actions=MEMBER_ACTIONS,
        chosen=members_as_users,
        chosen_by="user_id",
        row_links=buttons_for_members,
        export=(
            column("Name", "user.get_full_name"),
            column("Email", "user.email"),
            column("Role", "role.name"),
            column("Created At", "joined_at"),
            column("Last Activity", "activity"),
        ),
        may_export=may_export,
    ),
    Tab(
        "invitations",
        "Invited",
        invitations_of,
        [
            column("Email", "address", cells.text, sort=True),
            column("Role", "role.name", sort="role__name"),
            column("Invited by", lambda i: cells.done_by(i, "invited_by"), sort="invited_by__name"),
            column("Invited", "created_at", cells.moment, sort=True),
            column(
                "Link works until",
                lambda i: i.sent_at + LINK_WORKS_FOR,
                cells.moment,
                sort="sent_at",
                ahead=True,
            ),
        ],
        "Nobody is invited.",
        note=lambda team, viewer: (
            "These addresses belong to accounts outside your teams. A person joins by accepting through the "
            "link in the mail; an administrator can accept for them. Until then the account is not shown."
        ),
        applies=lambda team: team.invitations.exists(),
    ),
    LINKS_TAB,
    SHORT_LINKS_TAB,
    Tab(
        "groups",
        "Groups",
        groups_of,
        [
            column("Group", "group", cells.link, sort="group__name"),
            direction_column("team"),
            column("Last synced", "last_synced_at", cells.moment, sort=True, empty="Never"),
            column("Last error", "last_error", thinkific_errors.cell, sort=True),
        ],
        "No Thinkific group is assigned to this team.",
        permission="core.view_thinkificgroup",
    ),
    Tab(
        "seats",
        "Seats",
        seats_of,
        [
            column("Product", "seat.product", cells.link, sort="product__name"),
            column("Used", "seat", places, sort="seat__fill"),
            column("Access ends", "seat", expiry_rule, sort="access_ends"),
            column("Mode", "get_mode_display", sort="mode"),
            column("Active", "seat.active", cells.yes_no, sort="seat__active"),
        ],
        "This team has no seats. Without a seat it sees no course and can enroll nobody.",
        permission="core.view_seat",
    ),
    Tab(
        "enrollments",
        "Enrollments",
        enrollments_of,
        [
            column("Student", "user", cells.link, sort="user__name"),
            COURSE_LINK,
            PROGRESS,
            SORTED_STATUS,
            EXPIRES,
        ],
        "No enrollments. Listed are those of the members in the products that the team has a seat on.",
        search="user__folded",
        permission="core.view_enrollment",
    ),
)
