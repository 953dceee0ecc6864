"""Pushing people."""

from typing import Any, cast

import msgspec
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from core.folding import normalize_email, tidy
from core.models import OutboxEntry, SiteSettings, User
from core.services import existing_accounts, identity, outbox
from core.services.mirror import returned_people
from core.services.mirror.outcome import Conflict
from core.services.mirror.people import apply_users
from core.services.mirror.protected_accounts import EMAIL
from core.services.outbox import outcomes
from core.services.outbox.outcomes import SOURCE
from integrations.thinkific import conflicts
from integrations.thinkific.cleaning import Notes, Unusable
from integrations.thinkific.client import schemas
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.errors import NotFound, Rejected, RetryLater
from integrations.thinkific.mapping import user_row
from integrations.thinkific.push import find_account, look_before_creating
from integrations.thinkific.push.gone_accounts import ask_an_administrator, link_recreated_account
from integrations.thinkific.push.prerequisites import Impossible

FORMER = 10  # versions of a person whose addresses may have been tried


def push_user(entry: OutboxEntry, client: ThinkificClient) -> None:
    """Create the person's account in Thinkific, or link an account that exists, or send changed fields.

    If the person is deleted here, delete their account in Thinkific. Raises ThinkificError.
    """
    user = User.objects.filter(pk=entry.object_id).first()
    if user is None:
        if entry.thinkific_id is not None:
            client.rest.delete_user(entry.thinkific_id)
        return
    if user.thinkific_id is None:
        remote, made_by_us = _find(user, entry, client), False
        perhaps_ours = remote is not None
        if remote is None:
            remote, made_by_us = _create(user, entry, client)
        _link(user, remote, made_by_us=made_by_us)
        was_there = not (made_by_us or perhaps_ours)
        if made_by_us:
            look_before_creating.note_new(client, remote.id)
        outbox.make_due(user.pk)
        if was_there:
            returned_people.note_linked(user)
        if was_there and existing_accounts.found_in_thinkific([user.pk]):
            names = (remote.first_name or "", remote.last_name or "")
            existing_accounts.replace_names(user, first_name=names[0], last_name=names[1])
            return
    else:
        remote = _read(user, user.thinkific_id, client)
    # Also after linking: an account that existed before may have another name.
    store(_send_changes(user, remote, entry, client))


def body_of(user: User, settings: SiteSettings) -> dict[str, str]:
    """Returns the fields of a person as Thinkific gets them.

    It refuses empty names, so those are filled in.
    """
    return {
        "email": user.email,
        "first_name": user.first_name or user.email.partition("@")[0],
        "last_name": user.last_name or settings.placeholder_last_name,
    }


def _find(user: User, entry: OutboxEntry, client: ThinkificClient) -> schemas.User | None:
    """Find the account that an earlier attempt may have created, also by former addresses.

    Returns None, without a request, if this is the first attempt.
    """
    if not entry.uncertain and entry.attempts == 1:
        return None
    former = user.history.order_by("-history_date").values_list("email", flat=True)[:FORMER]
    addresses = dict.fromkeys([user.email, *former])
    return next((found for one in addresses if (found := client.rest.find_user_by_email(one))), None)


def _create(user: User, entry: OutboxEntry, client: ThinkificClient) -> tuple[schemas.User, bool]:
    """Create the account. Returns it with True; or the account that has the address already, with False."""
    settings = SiteSettings.load()
    fields = body_of(user, settings)
    _note_before_sending(entry, fields)
    body: dict[str, Any] = {
        **fields,
        **_profile(user),
        # Required profile fields are for people who sign up by themselves.
        "skip_custom_fields_validation": True,
        "send_welcome_email": settings.thinkific_welcome_email,
    }
    try:
        return client.rest.create_user(body), True
    except Rejected as refusal:
        found = client.rest.find_user_by_email(user.email)  # there already
        if found is None and find_account.is_taken(refusal):
            found = find_account.find_ignoring_case(user, entry, client)
        if found is None:
            raise
        return found, False


def _profile(user: User) -> dict[str, Any]:
    """Returns what an import said about a person who is new in Thinkific. Thinkific has it from then on."""
    profile: dict[str, Any] = {"company": user.company} if user.company else {}
    custom = [
        {"custom_profile_field_definition_id": field["id"], "value": field["value"]}
        for field in user.custom_profile_fields
        if field.get("id") and field.get("value")
    ]
    return profile | ({"custom_profile_fields": custom} if custom else {})


def _link(user: User, remote: schemas.User, *, made_by_us: bool) -> None:
    """Store which Thinkific account is the person's. A name that is missing here is taken from Thinkific.

    Raises Impossible if the account here is protected and the one in Thinkific existed before: the address
    alone does not prove that both are one person. Also if the Thinkific account belongs to somebody else
    here.
    """
    filled = body_of(user, SiteSettings.load())
    names = {
        name: told
        for name in User.NAMES
        if not getattr(user, name) and (told := getattr(remote, name) or "") and told != filled[name]
    }
    try:
        with transaction.atomic():
            if not made_by_us and identity.protected_among([user.pk], lock=True):
                raise _NotProven
            here = User.objects.select_for_update(of=("self",)).filter(pk=user.pk, thinkific_id=None).first()
            if here is not None:
                outcomes.note_linked(here, thinkific_id=remote.id, removed_at=None, **names)
    except _NotProven:
        ask_an_administrator(user, remote)
    except IntegrityError:
        other = User.objects.get(thinkific_id=remote.id)
        raise Impossible(
            f"The Thinkific account with the address {user.email} is that of {other} ({other.email}) here. "
            "Change one of the two addresses, then retry."
        ) from None
    for name, told in names.items():
        setattr(user, name, told)


class _NotProven(Exception):
    pass


def _read(user: User, thinkific_id: int, client: ThinkificClient) -> schemas.User:
    try:
        return client.rest.get_user(thinkific_id)
    except NotFound:
        return link_recreated_account(user, client)


def _send_changes(
    user: User, remote: schemas.User, entry: OutboxEntry, client: ThinkificClient
) -> schemas.User:
    """Send the fields that we have changed and Thinkific does not have. Returns what Thinkific has then.

    `remote` was read just before. So a change that was made in Thinkific in the meantime becomes a conflict
    and is not overwritten unnoticed. Reading before the update needs no more requests than reading after it.
    """
    settings = cast("SiteSettings", SimpleLazyObject(SiteSettings.load))  # mostly not needed
    ours, seen = body_of(user, settings), _sent_before(entry, user, settings)
    send: dict[str, str] = {}
    found: list[Conflict] = []
    for name in User.SHARED:
        theirs = getattr(remote, name) or ""
        if _same(theirs, ours[name]) or (entry.last_seen and name not in seen):
            continue  # both sides agree; or we have not changed this field, so Thinkific's value counts
        kept_ours = True
        from_us = any(_same(theirs, value) for value in entry.sent.get(name, ()))
        was_empty = not theirs and not entry.last_seen.get(name)  # Thinkific may have had an empty name
        if name in seen and not from_us and not was_empty and not _same(theirs, seen[name]):
            kept_ours = settings.conflict_winner == SiteSettings.Winner.DASHBOARD
            if kept_ours or name != EMAIL or not identity.is_protected(user):
                found.append(conflicts.about(user, name, theirs, kept_ours=kept_ours))
            # For a protected account Thinkific's address is not taken: store() makes that conflict.
        if kept_ours:
            send[name] = ours[name]
    if send:
        _note_before_sending(entry, send)
        client.rest.update_user(remote.id, send)
    conflicts.keep(found)
    return msgspec.structs.replace(remote, **send)


def _note_before_sending(entry: OutboxEntry, fields: dict[str, str]) -> None:
    """Store what is about to be sent. Raises RetryLater if another process has taken the entry over.

    If this process dies before it gets the answer, a later push recognizes the values in Thinkific as ours.
    """
    if not outcomes.about_to_send(entry, fields):
        raise RetryLater("Not sent: another process has taken this change over.")


def _sent_before(entry: OutboxEntry, user: User, settings: SiteSettings) -> dict[str, str]:
    """What Thinkific had of the changed fields when we changed them: an empty name went there filled in."""
    before = User(**({name: getattr(user, name) for name in User.SHARED} | entry.last_seen))
    filled = body_of(before, settings)
    return {name: filled[name] for name in User.SHARED if name in entry.last_seen}


def _same(one: str, other: str) -> bool:
    return tidy(one) == tidy(other) or (("@" in one) and normalize_email(one) == normalize_email(other))


def store(remote: schemas.User) -> None:
    """Store what Thinkific has now. Fields with a newer change of ours stay ours.

    Does nothing if Thinkific has no usable e-mail address for the account; pulls report that.
    """
    try:
        row = user_row(remote, Notes(), digest=None, now=timezone.now())
    except Unusable:
        return
    with transaction.atomic():
        conflicts.keep(apply_users([row], source=SOURCE).conflicts)
