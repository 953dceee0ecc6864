"""What can be done to a user: adding one, their teams and groups; their account is in `account_dialogs`."""

from dataclasses import replace

from django.db.models import F, QuerySet
from django.urls import reverse

from core.admin.enrollments.dialogs import IN_THE_TAB
from core.admin.kit import cells
from core.admin.kit.dialogs.dialog import Dialog, DialogForm, Done
from core.admin.kit.sync.sending import retry_all, retry_rows
from core.admin.kit.sync.sync_buttons import run_started
from core.admin.users.dialogs.account import ACCOUNT_DIALOGS
from core.admin.users.dialogs.delete_user import DELETE_USER
from core.admin.users.dialogs.fields import AddToGroupForm, AddToTeamForm, AddUserForm, PersonForm, RoleForm
from core.admin.users.tabs import groups_of
from core.models import Enrollment, Membership, Role, Team, User
from core.permissions import scope
from core.services import groups, memberships, people
from core.services.accounts import account_mail


def may_add(viewer: User, nobody: None = None) -> bool:
    return scope.holds(viewer, "users.create")


def _add(nobody: None, form: AddUserForm) -> Done:
    if not form.viewer.sees_everything:
        return _bring(form, [(team, form.cleaned_data["role"]) for team in form.cleaned_data["teams"]])
    values = form.cleaned_data
    global_role = values.get("global_role")
    works_here = {"global_role": global_role, "is_staff": True, "is_dashboard_user": True}
    user = people.create_user(
        email=values["email"],
        first_name=values["first_name"],
        last_name=values["last_name"],
        memberships=[(team, values["role"]) for team in values["teams"]],
        in_thinkific=values["thinkific"],
        by=form.viewer,
        **(works_here if global_role else {}),
    )
    said = f"{user} is added{f' as {global_role}' if global_role else ''}."
    if values["welcome"]:
        account_mail.ask_for_welcome(user, by=form.viewer)
        said += f" A welcome e-mail goes to {user.email}."
    return Done(said, cells.detail_url(user))


def _bring(form: PersonForm, with_roles: list[tuple[Team, Role]]) -> Done:
    """Add the person who has the address, or invite them: somebody who has an account outside the viewer's
    teams decides for themselves."""
    values = form.cleaned_data
    user, invited = people.add_to_teams(
        email=values["email"],
        first_name=values["first_name"],
        last_name=values["last_name"],
        memberships=with_roles,
        in_thinkific=values["thinkific"],
        by=form.viewer,
    )
    names = ", ".join(str(team) for team, _ in with_roles)
    if invited:
        said = (
            f"{user.email} has an account outside your teams, so an invitation is on its way. They join "
            f"{names} when they agree; until then they are listed under Invited."
        )
        return Done(said, cells.detail_url(with_roles[0][0], "invitations"))
    said = f"{user.email} is in {names} now, as {values['role']}."
    if values["welcome"]:
        account_mail.ask_for_welcome(user, by=form.viewer)
        said += f" A welcome e-mail goes to {user.email}."
    only = with_roles[0][0]
    url = cells.detail_url(only, "users") if len(with_roles) == 1 else reverse("admin:core_user_changelist")
    return Done(f"{said} Thinkific is told in the background." if values["thinkific"] else said, url)


def bring_into(team: Team, form: PersonForm) -> Done:
    return _bring(form, [(team, form.cleaned_data["role"])])


def _sync_now(user: User, form: DialogForm) -> Done:
    return Done(run_started("users", what=str(user), by=form.viewer, options={"user_id": user.pk}))


def _join(user: User, form: AddToTeamForm) -> Done:
    team, role = form.cleaned_data["team"], form.cleaned_data["role"]
    memberships.add_member(team=team, user=user, role=role, by=form.viewer)
    return Done(f"{user} is in {team} now, as {role}. Groups that the team sends to Thinkific take them in.")


def memberships_of(user: User, viewer: User) -> QuerySet[Membership]:
    return scope.memberships_where(viewer, "teams.assign").filter(user=user).select_related("team", "role")


def change_role(membership: Membership, form: RoleForm) -> Done:
    memberships.change_role(membership, role=form.cleaned_data["role"], by=form.viewer)
    return Done(f"{membership.user} is {form.cleaned_data['role']} in {membership.team} now.")


def leave(membership: Membership, form: DialogForm) -> Done:
    user, team = membership.user, membership.team
    memberships.remove_member(membership, by=form.viewer)
    # Somebody who is in no other team of the viewer's is out of their sight now.
    gone = not User.objects.visible_to(form.viewer).filter(pk=user.pk).exists()
    return Done(f"{user} has left {team}. Enrollments stay.", cells.detail_url(team, "users") if gone else "")


def not_the_owner(rows: QuerySet[Membership]) -> QuerySet[Membership]:
    return rows.exclude(team__owner=F("user"))


def what_leaving_does(membership: Membership) -> str:
    return (
        f"{membership.user} leaves {membership.team}. Enrollments stay; who is in no other team joins the "
        "default team of the settings."
    )


def _join_group(user: User, form: AddToGroupForm) -> Done:
    membership = groups.add_member(group=form.cleaned_data["group"], user=user, by=form.viewer)
    return Done(f"{user} is in the group {membership.group} now.")


USER_DIALOGS = (
    Dialog(
        "add",
        "Add User",
        may=may_add,
        work=_add,
        form=AddUserForm,
        about_new=True,
        text=lambda nobody: (
            "Makes an account in the dashboard and, unless you switch that off, in Thinkific."
        ),
    ),
    *ACCOUNT_DIALOGS,
    Dialog(
        "sync-now",
        "Sync Now",
        may=lambda viewer, user: scope.may_start_runs(viewer),
        applies=lambda user: user.thinkific_id is not None and user.removed_at is None,
        work=_sync_now,
        icon="sync",
        text=lambda user: "Reads this person again from Thinkific. Changes that wait here are kept.",
    ),
    DELETE_USER,
    *IN_THE_TAB,
    Dialog(
        "join-team",
        "Add to Team",
        may=lambda viewer, user: scope.holds(viewer, "teams.assign"),
        work=_join,
        form=AddToTeamForm,
        tab="teams",
        icon="group_add",
    ),
    Dialog(
        "change-role",
        "Change Role",
        may=lambda viewer, user: scope.holds(viewer, "teams.assign"),
        work=change_role,
        form=RoleForm,
        tab="teams",
        parts=lambda user, viewer: not_the_owner(memberships_of(user, viewer)),
    ),
    Dialog(
        "leave-team",
        "Remove from Team",
        may=lambda viewer, user: scope.holds(viewer, "teams.assign"),
        work=leave,
        tab="teams",
        danger=True,
        parts=memberships_of,
        offered_for=memberships.that_can_end,
        text=what_leaving_does,
    ),
    Dialog(
        "join-group",
        "Add to Group",
        may=lambda viewer, user: scope.groups_where(viewer, "groups.assign", user).exists(),
        work=_join_group,
        form=AddToGroupForm,
        tab="groups",
        icon="add",
        text=lambda user: "Only groups whose direction sends members to Thinkific take people in from here.",
    ),
    retry_all("enrollments"),
    retry_rows("enrollments", "enrollment", lambda user, viewer: Enrollment.objects.filter(user=user)),
    replace(retry_rows("groups", "groupmembership", groups_of, key="member"), slug="retry-group"),
)
