"""The list of users: optional columns, actions for selected users, and the export."""

from collections.abc import Callable
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, QuerySet, Value
from django.http import HttpRequest
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.admin.kit.base import visible
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.lists.chosen_columns import ChosenColumns
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.lists import BoundedChangeList
from core.admin.kit.viewer import viewer_of
from core.admin.users.dialogs.chosen_users import AddChosenToGroup, AddChosenToTeam, EnrollChosen
from core.admin.users.dialogs.impersonate import prepare_buttons
from core.admin.users.dialogs.single_sign_on import CHOSEN_SSO_DIALOGS
from core.admin.users.dialogs.tags import CHOSEN_TAG_DIALOGS
from core.models import Membership, User
from core.pills import pill
from core.wording import first_of

NAMED = 2  # the most teams that a cell names


def with_columns(people: QuerySet, viewer: User) -> QuerySet:
    """Returns the users with the values of the optional columns: `shown_memberships` (in teams that the
    viewer may see), `is_own` (see `with_is_own`), and `names_global_role` (whether the viewer may see the
    global role)."""
    memberships = visible(Membership.objects.all(), viewer).select_related("team", "role")
    places = Prefetch("memberships", memberships.order_by("team__name", "pk"), to_attr="shown_memberships")
    people = people.prefetch_related(places)
    people = with_is_own(people, viewer)
    if viewer.sees_everything:
        return people.annotate(names_global_role=Value(True))
    return people.annotate(names_global_role=Value(False))


def with_is_own(people: QuerySet, viewer: User) -> QuerySet:
    """Returns the users with `is_own`: whether the viewer may see their account. A team's viewer sees only
    name, e-mail address and memberships of a guest."""
    if viewer.sees_everything:
        return people.select_related("global_role").annotate(is_own=Value(True))
    return people.annotate(is_own=Exists(User.objects.own_people_of(viewer).filter(pk=OuterRef("pk"))))


def of_own(source: Callable[[User], Any]) -> Callable[[Any], Any]:
    """Returns a function for a cell about the account: its value for own people, else None."""
    return lambda user: source(user) if user.is_own else None


def roles_of(user: Any) -> list[str]:
    """Returns the names of the user's roles without duplicates: the global one first, then those in teams."""
    everywhere = [user.global_role.name] if user.names_global_role and user.global_role else []
    return list(dict.fromkeys([*everywhere, *(m.role.name for m in user.shown_memberships)]))


def status_of(user: User) -> str:
    """Returns the status of the account in words."""
    if not user.is_active:
        return "Switched off"
    return "Removed in Thinkific" if user.removed_at else "Active"


def _team_names(user: Any) -> SafeString:
    names = [membership.team.name for membership in user.shown_memberships]
    return cells.text(first_of(names, NAMED), tooltip=", ".join(names))


def _all_team_names(user: Any) -> str:
    return ", ".join(membership.team.name for membership in user.shown_memberships)


def _last_activity(user: Any) -> SafeString:
    return cells.moment(user.last_activity_at, empty="Never") if user.is_own else cells.NOTHING


def _status(user: Any) -> SafeString:
    return pill(status_of(user)) if user.is_own else cells.NOTHING


class UserChangeList(BoundedChangeList):
    def get_results(self, request: HttpRequest) -> None:
        self.viewer = viewer_of(request)
        super().get_results(request)
        prepare_buttons(self.viewer, self.keys)

    def _rows(self, keys: list[Any]) -> QuerySet:
        rows = super()._rows(keys)
        if not set(self.list_display) & set(self.model_admin.optional_columns):
            return with_is_own(rows, self.viewer)
        # The badge beside the name would repeat the column.
        return with_columns(rows, self.viewer).annotate(status_shown=Value("status" in self.list_display))


class UserList(ChosenColumns, ExportingAdmin):
    team_names = column("Teams", _team_names, in_file=_all_team_names)
    role_names = column("Role", lambda user: ", ".join(roles_of(user)), cells.text)
    active_last = column("Last activity", _last_activity, in_file=of_own(lambda user: user.last_activity_at))
    status = column("Status", _status, in_file=of_own(status_of))
    created = column("Created At", of_own(lambda user: user.created_at), cells.moment, sort="created_at")

    optional_columns = {
        "team_names": "Teams",
        "role_names": "Role",
        "active_last": "Last activity",
        "status": "Status",
    }
    actions = [
        AddChosenToTeam,
        AddChosenToGroup,
        EnrollChosen,
        *CHOSEN_TAG_DIALOGS,
        *CHOSEN_SSO_DIALOGS,
        "export_selected",
    ]
    export_columns = (column("Tags", of_own(lambda user: ", ".join(tag.name for tag in user.tags.all()))),)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BoundedChangeList]:
        return UserChangeList

    def export_rows(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return with_columns(queryset, viewer_of(request)).prefetch_related("tags")
