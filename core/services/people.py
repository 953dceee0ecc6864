"""Accounts: making and changing them, and making the Thinkific account of a user."""

import unicodedata
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from core import folding
from core.errors import Refusal
from core.folding import normalize_email, tidy_name
from core.models import Membership, OutboxEntry, Role, Team, User
from core.models.people import EMAIL_LENGTH, NAME_LENGTH
from core.services import invitations, outbox, webhooks
from core.services.history import signed
from core.services.memberships import add_member
from core.services.mirror import former_accounts
from core.services.mirror.source import Source
from core.services.roles import administrators
from core.services.teams.personal import personal_of
from core.wording import first_of

CHANGEABLE = {*User.NAMES, "is_active"}


class EmailTaken(Refusal):
    """`account` is who has the address; None where whoever asked may not know it."""

    status = 422
    field = "email"

    def __init__(self, text: str, account: User | None = None) -> None:
        super().__init__(text)
        self.account = account


class NotAnAddress(Refusal):
    status = 422
    field = "email"


class BadName(Refusal):
    status = 422
    field = "name"


class OwnsTeams(Refusal):
    status = 422


class IsMember(Refusal):
    status = 409


@transaction.atomic
def create_user(
    *,
    email: str,
    first_name: str = "",
    last_name: str = "",
    memberships: Iterable[tuple[Team, Role]] = (),
    in_thinkific: bool = True,
    by: User | None = None,
    beyond_limit: bool = False,
    **fields: Any,
) -> User:
    """Make an account with memberships. Nobody can sign in before a password is set through a link by mail.

    The first team is the account's home team, whose managers may change it. `in_thinkific` makes a Thinkific
    account too, or links the one with this address. If the account here is protected
    (core/services/identity.py), it is not linked, and an administrator decides. `beyond_limit`: full teams
    take a student too, as the Student API always may. Raises Refusal, and then writes nothing.
    """
    memberships = list(memberships)
    home = memberships[0][0] if memberships else None
    values = _checked({"email": email, "first_name": first_name, "last_name": last_name}, by=by)
    user = User(**values, home_team=home, **fields)
    user.set_unusable_password()
    signed(user, by=by, reason="account made").save()
    for team, role in memberships:
        add_member(team=team, user=user, role=role, by=by, as_guest=False, beyond_limit=beyond_limit)
    if in_thinkific:
        outbox.mark_stale([user], reason="account made", requested_by=by)
    if user.is_dashboard_user:
        webhooks.emit("user.created", [user])
    return user


def let_in(person: User, *, reason: str, by: User | None) -> None:
    """Make a user of the dashboard of somebody whose row the caller has locked; nothing when they are one."""
    if not person.is_dashboard_user:
        person.is_dashboard_user = True
        signed(person, by=by, reason=reason).save(update_fields=["is_dashboard_user", "updated_at"])
        webhooks.emit("user.created", [person])


class AddResult(NamedTuple):
    """The user with an address, and whether the user is invited (True) or a member (False)."""

    user: User
    invited: bool


@transaction.atomic
def add_to_teams(
    *,
    email: str,
    first_name: str,
    last_name: str,
    memberships: Iterable[tuple[Team, Role]],
    in_thinkific: bool,
    by: User,
) -> AddResult:
    """Add the person with this address to teams.

    Without an account one is made. A user whom `by` can see joins at once, and the account stays as it is.
    Any other user is invited and joins after accepting: typing an address must not show or change anything
    about the account. Raises Refusal, also when a user whom `by` can see is in one of the teams already.
    """
    memberships = list(memberships)
    values = _checked({"first_name": first_name, "last_name": last_name})
    user = User.objects.of_address(email).first()
    if user is None:
        made = create_user(email=email, memberships=memberships, in_thinkific=in_thinkific, by=by, **values)
        return AddResult(made, invited=False)
    there = set(Membership.objects.filter(user=user).values_list("team", flat=True))
    seen = User.objects.visible_to(by).filter(pk=user.pk).exists()
    for team, role in memberships:
        if team.pk not in there and not seen:
            invitations.invite(team=team, user=user, role=role, address=user.email, by=by)
        elif team.pk not in there:
            add_member(team=team, user=user, role=role, by=by)
        elif seen:
            raise IsMember(f"{user} is in {team} already. Change the role there instead.")
    return AddResult(user, invited=not seen)


@transaction.atomic
def change_home_team(user: User, *, team: Team | None, by: User) -> User:
    """Set the team whose managers may change the account; None: administrators only. Raises Refusal when the
    user is not in the team."""
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if team is not None and not Membership.objects.filter(team=team, user=user).exists():
        raise Refusal(f"{user} is not in {team}. Add them to the team first.")
    if user.home_team_id != (team.pk if team else None):
        user.home_team = team
        signed(user, by=by, reason="home team changed").save(update_fields=["home_team", "updated_at"])
    return user


def update_user(
    user: User, *, by: User | None = None, reason: str = "profile changed", push: bool = False, **values: Any
) -> User:
    """Change the names or `is_active`; only differences are written. Changed names are sent to Thinkific if
    the user has an account there; `push` sends unchanged ones too. Raises Refusal. The e-mail address is
    changed by core/services/accounts/email_changes.py only.
    """
    if unknown := set(values) - CHANGEABLE:
        raise TypeError(f"update_user() does not change {', '.join(sorted(unknown))}")
    return write(user, values, by=by, reason=reason, push=push)


@transaction.atomic
def write(
    user: User,
    values: dict[str, Any],
    *,
    by: User | None,
    reason: str,
    push: bool = False,
    last_seen: dict[str, Any] | None = None,
) -> User:
    """`update_user` for any field. Callers are services that have made their own checks. `last_seen` gives
    Thinkific's values of the fields, where they differ from ours."""
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    values = _checked(values, user, by=by)
    changed = {name: value for name, value in values.items() if getattr(user, name) != value}
    told = [name for name in values if name in User.SHARED and (push or name in changed)]
    seen = {} if push else {name: getattr(user, name) for name in told}
    if changed:
        for name, value in changed.items():
            setattr(user, name, value)
        signed(user, by=by, reason=reason).save(update_fields=[*changed, "updated_at"])
    if told and _is_known_there(user):
        outbox.mark_stale(
            [user], reason=reason, last_seen={user.pk: seen | (last_seen or {})}, requested_by=by
        )
    return user


def split_name(full: str, user: User | None = None) -> tuple[str, str]:
    """Returns the first and the last name of a name in one text: the first word, and the rest. The name that
    the user has stays divided as it is. Raises BadName for an empty or too long one."""
    full = tidy_name(full)
    if user is not None and full == f"{user.first_name} {user.last_name}".strip():
        return user.first_name, user.last_name
    first, last = folding.split_name(full)
    if not first:
        raise BadName("Enter a name.")
    if max(len(first), len(last)) > NAME_LENGTH:
        raise BadName(
            f"The name is too long: {NAME_LENGTH} characters is the most for each of its two parts."
        )
    return first, last


def check_email(user: User, email: str, *, by: User | None = None) -> str:
    """Returns the address as it would be stored. Raises Refusal when the user cannot have it."""
    return str(_checked({"email": email}, user, by=by)["email"])


@transaction.atomic
def create_thinkific_account(user: User, *, by: User | None = None) -> None:
    """Make an account in Thinkific for a user without one, or link the one with the user's address. If the
    user is protected (core/services/identity.py), it is not linked, and an administrator decides. Raises
    Refusal when the user has an account there, or is switched off here."""
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if user.thinkific_id is not None and user.removed_at is None:
        raise Refusal(f"{user} has a Thinkific account already, number {user.thinkific_id}.")
    if not user.is_active:
        raise Refusal(f"{user}'s account is switched off. Switch it on first.")
    if user.thinkific_id is not None:  # the old account was deleted in Thinkific
        reason = "new Thinkific account asked for"
        former_accounts.remove_former_data({user.pk: None}, source=Source(reason), now=timezone.now())
        user.thinkific_id, user.removed_at, user.remote_digest = None, None, None
        fields = ["thinkific_id", "removed_at", "remote_digest"]
        signed(user, by=by, reason=reason).save(update_fields=fields)
    outbox.mark_stale([user], reason="Thinkific account asked for", requested_by=by)


def _is_known_there(user: User) -> bool:
    """Whether the user has a Thinkific account, or one is being made now, maybe with the values of before."""
    if user.thinkific_id is not None:
        return user.removed_at is None
    return OutboxEntry.objects.unsent().filter(entity="user", object_id=user.pk).exists()


def _checked(values: dict[str, Any], user: User | None = None, *, by: User | None = None) -> dict[str, Any]:
    """Returns the values as they are stored. Raises Refusal for values that are not allowed."""
    values = dict(values)
    for name, label in (("first_name", "first name"), ("last_name", "last name")):
        if name in values:
            values[name] = tidy_name(str(values[name] or ""))
            if len(values[name]) > NAME_LENGTH:
                raise Refusal(f"The {label} has {len(values[name])} characters; {NAME_LENGTH} is the most.")
    if "email" in values:
        typed = str(values["email"] or "")
        values["email"] = normalize_email(typed)
        if user is None or values["email"] != user.email:  # the stored address may stay, even if unusable
            values["email"] = usable_address(typed)
        other = User.objects.exclude(pk=user.pk if user else None).of_address(values["email"])
        if other.exists():
            seen = (other if by is None else other.visible_to(by)).first()
            raise EmailTaken(_taken(values["email"], hidden=seen is None), seen)
    if values.get("is_active") is False and user is not None:
        # A personal team stands for its owner, so nobody else could be made the owner: it stays as it is.
        owned = user.owned_teams.exclude(pk__in=personal_of(user).values("pk"))
        if owned:
            raise OwnsTeams(
                f"{user} owns {first_of([str(team) for team in owned])}. Make somebody else the owner before "
                "switching the account off."
            )
        if user.is_active:
            administrators.check_another_is_left(user)
    return values


def usable_address(typed: str) -> str:
    """Returns the address as it would be stored. Raises NotAnAddress."""
    typed = typed.strip()
    address = normalize_email(typed)
    try:
        validate_email(address)
        if has_invisible(typed) or len(address) > EMAIL_LENGTH:
            raise ValidationError("unusable")
    except ValidationError:
        raise NotAnAddress(f"“{typed}” is not an e-mail address. Correct it.") from None
    if "." not in address.rpartition("@")[2]:  # Django takes localhost
        raise NotAnAddress(f"“{typed}” is not an e-mail address: what follows the @ has no dot. Correct it.")
    return address


def has_invisible(text: str) -> bool:
    """Whether a text contains an invisible character: then two addresses could look the same and differ."""
    return any(unicodedata.category(character)[0] in "CZ" for character in text)


def _taken(email: str, *, hidden: bool) -> str:
    if hidden:  # the viewer may not learn whose address it is
        return f"{email} cannot be used here. Use another address, or ask an administrator."
    return f"Somebody has an account with {email} already. Use another address."
