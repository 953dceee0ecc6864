"""Users of the published API: people who use the dashboard, each with a personal team of students."""

from typing import NamedTuple

from django.db import transaction
from django.db.models import QuerySet
from django.views.decorators.debug import sensitive_variables

from core.errors import NotAllowed, Refusal
from core.folding import normalize_email
from core.models import EmailChange, Team, User
from core.permissions import scope, students
from core.services import people
from core.services.accounts import account_mail, deletions, email_changes, passwords
from core.services.api import personal_team, rights
from core.services.teams import teams

REASON = "changed by the REST API"
IN_THE_DASHBOARD = "Somebody with rights in all teams changes that in the dashboard, not with a token."


class NotNow(Refusal):
    """The present state does not allow it."""

    status = 409


class Changes(NamedTuple):
    """What a call changes of a user; None: not sent. `max_seats` counts when `sets_limit`."""

    name: str | None = None
    email: str | None = None
    password: str | None = None
    sets_limit: bool = False
    max_seats: int | None = None  # None: no limit

    def __repr__(self) -> str:  # without the password: a traceback may show it
        return f"Changes(name={self.name!r}, email={self.email!r})"


class Upserted(NamedTuple):
    user: User
    made: bool


def visible_to(issuer: User) -> QuerySet[User]:
    """Returns the users that the issuer sees. Raises NotAllowed without the right to see any."""
    if not issuer.has_perm("core.view_user"):
        raise NotAllowed("The issuer of this token may not see users.")
    return User.objects.visible_to(issuer).filter(is_dashboard_user=True)


def locked(issuer: User, key: int) -> User | None:
    """Returns the user with this primary key, with the rows that the API shows of it locked: so of two
    writers the second sees what the first has written. None when the issuer does not see the user."""
    user = visible_to(issuer).filter(pk=key).first()
    if user is None:
        return None
    if (team := personal_team.known(user)) is not None:
        Team.objects.select_for_update(of=("self",)).filter(pk=team.pk).first()
    return visible_to(issuer).select_for_update(of=("self",)).filter(pk=key).first()


def of_address(issuer: User, email: str) -> User | None:
    """Returns the user with this address, ignoring case; None when the issuer sees none."""
    found = User.objects.of_address(email).values("pk")
    return visible_to(issuer).filter(pk__in=found).first()


@sensitive_variables("wanted")
@transaction.atomic
def create(wanted: Changes, *, by: User) -> User:
    """Make a user with a personal team, which is the home team, and an account in Thinkific, as Add Team
    makes a new owner. Nobody can sign in while there is no password. Raises Refusal, and then writes
    nothing."""
    rights.check(by, "users.create", "teams.create")
    first, last = people.split_name(wanted.name) if wanted.name is not None else ("", "")
    user = people.create_user(
        email=wanted.email or "", first_name=first, last_name=last, is_dashboard_user=True, by=by
    )
    if wanted.password is not None:
        passwords.choose(user, wanted.password, by=by)
    team = personal_team.of(user, by=by)
    people.change_home_team(user, team=team, by=by)
    _set_limit(user, wanted, by)
    return User.objects.get(pk=user.pk)


@sensitive_variables("wanted")
@transaction.atomic
def update(user: User, wanted: Changes, *, by: User) -> User:
    """Change a user. Only differences are written, and only they need a right. Raises Refusal."""
    if wanted.name is not None:
        first, last = people.split_name(wanted.name, user)
        if (first, last) != (user.first_name, user.last_name):
            _check_account(user, by)
            people.update_user(user, by=by, reason=REASON, first_name=first, last_name=last)
    if wanted.email is not None:
        change_email(user, wanted.email, by=by)
    if wanted.password is not None:  # the rights come first: otherwise a 403 would tell a wrong password
        _check_account(user, by)
        _check_login(user)
        if not by.sees_everything:
            raise NotAllowed(
                "Only an administrator's token sets passwords. People set theirs by a link by mail."
            )
        passwords.choose(user, wanted.password, by=by)
    _set_limit(user, wanted, by)
    return User.objects.get(pk=user.pk)


def change_email(user: User, email: str, *, by: User) -> EmailChange | None:
    """Change the address of a user or student; nothing changes when it is theirs. Raises Refusal.

    An administrator's change holds at once, and the old address is told. That of a team's viewer is pending
    until it is confirmed by a link to the new address, as on the screens: it is returned then.
    """
    if normalize_email(email) == user.email:
        return None
    _check_account(user, by)
    _check_login(user)
    if not by.sees_everything:
        return email_changes.ask(user, email, by=by)
    email_changes.change_at_once(user, email, by=by, reason=REASON)
    return None


@sensitive_variables("wanted")
@transaction.atomic
def upsert(wanted: Changes, *, by: User) -> Upserted:
    """Update the user with this address, or make one. Somebody who is known as a student or from Thinkific
    becomes a user. Who has no password then gets a mail with a link to set one, if the settings send welcome
    mails. Raises Refusal, with the same text whether or not a hidden account has the address."""
    email = people.usable_address(wanted.email or "")
    user = of_address(by, email)
    if user is not None:
        seen = locked(by, user.pk)
        assert seen is not None
        return Upserted(update(seen, wanted._replace(email=None), by=by), made=False)
    rights.check(by, "users.create", "teams.create")
    known = User.objects.select_for_update(of=("self",)).of_address(email).first()
    user = create(wanted, by=by) if known is None else _let_in(known, wanted, by)
    if wanted.password is None and not user.has_usable_password():
        account_mail.ask_for_welcome(user, by=by)
    return Upserted(user, made=known is None)


def _let_in(person: User, wanted: Changes, by: User) -> User:
    """Make a user of somebody who is known already."""
    _check_account(person, by)
    if not person.is_active:
        raise NotNow(f"{person}'s account is switched off. Switch it on first.")
    person = update(person, wanted._replace(email=None), by=by)
    people.let_in(person, reason="made a user by the REST API", by=by)
    personal_team.of(person, by=by)
    return User.objects.get(pk=person.pk)


def delete(user: User, *, by: User) -> None:
    """Delete a user and the personal team, and what else the settings say. With the settings as delivered the
    team's students stay, here and in Thinkific. Raises NotAllowed, and NotNow for the last administrator, the
    owner of another team, and whatever else is in the way."""
    if not students.may_delete(by, user):
        raise NotAllowed(f"The issuer of this token may not delete {user}.")
    try:
        described = deletions.describe(user, by=by, with_team=True)
        deletions.delete(user, confirmed=described, by=by, with_team=True)
    except Refusal as refusal:
        raise NotNow(str(refusal)) from None


def team_of(user: User, *, by: User) -> Team:
    """Returns the user's personal team. Raises NotAllowed when it has to be made and `by` may not do so."""
    if personal_team.known(user) is None:
        rights.check(by, "teams.create")
    return personal_team.of(user, by=by)


def _set_limit(user: User, wanted: Changes, by: User) -> None:
    if not wanted.sets_limit:
        return
    team = personal_team.known(user)
    if wanted.max_seats == (team.max_members if team else None):
        return
    rights.check(by, "teams.edit")
    teams.update(team_of(user, by=by), max_members=wanted.max_seats, by=by)


def _check_account(user: User, by: User) -> None:
    if not scope.may_change_account(by, user):
        raise NotAllowed(f"The issuer of this token may not change the account of {user}.")


def _check_login(user: User) -> None:
    """Raises NotAllowed for the address and password of somebody with rights in all teams: with a token that
    its scopes narrow, that account could be taken over."""
    if user.is_superuser or user.is_staff or user.global_role_id is not None:
        raise NotAllowed(f"{user} has rights in all teams. {IN_THE_DASHBOARD}")
