"""Telling Thinkific about people."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from core.models import OutboxEntry, SiteSettings, User
from core.services.mirror.people import apply_users
from integrations.thinkific import schemas
from integrations.thinkific.client import ThinkificClient
from integrations.thinkific.errors import Rejected
from integrations.thinkific.mapping import Notes, user_row

SOURCE = "Thinkific, after a push"
FIELDS = ("first_name", "last_name", "email")


def push_user(entry: OutboxEntry, client: ThinkificClient) -> None:
    """Create the person's account in Thinkific, or link the one that is there, or send what changed."""
    user = User.objects.filter(pk=entry.object_id).first()
    if user is None:
        return
    if user.thinkific_id is None:
        remote = _create_or_find(user, entry, client)
        _link(user, remote)
    else:
        changed = [name for name in FIELDS if name in entry.last_seen] or list(FIELDS)
        client.update_user(user.thinkific_id, {name: body_of(user)[name] for name in changed})
        remote = client.get_user(user.thinkific_id)
    store(remote)


def body_of(user: User) -> dict[str, Any]:
    """The fields that Thinkific wants of a person; it takes no empty name."""
    return {
        "email": user.email,
        "first_name": user.first_name or user.email.partition("@")[0],
        "last_name": user.last_name or SiteSettings.load().placeholder_last_name,
    }


def _create_or_find(user: User, entry: OutboxEntry, client: ThinkificClient) -> schemas.User:
    # After an attempt whose outcome is not known the account may be there: look before creating it again.
    if entry.uncertain or entry.attempts > 1:
        found = client.find_user_by_email(user.email)
        if found is not None:
            return found
    body = body_of(user) | {
        # Required profile fields are for people who sign up by themselves.
        "skip_custom_fields_validation": True,
        "send_welcome_email": SiteSettings.load().thinkific_welcome_email,
    }
    try:
        return client.create_user(body)
    except Rejected:
        found = client.find_user_by_email(user.email)
        if found is None:
            raise
        return found


def _link(user: User, remote: schemas.User) -> None:
    try:
        with transaction.atomic():
            User.objects.filter(pk=user.pk, thinkific_id__isnull=True).update(thinkific_id=remote.id)
    except IntegrityError:
        other = User.objects.get(thinkific_id=remote.id)
        raise Rejected(
            "link",
            409,
            [(None, f"Thinkific's account for {user.email} already belongs to {other}, {other.email}.")],
        ) from None


def store(remote: schemas.User) -> None:
    """What Thinkific has now; fields with an unsent change of ours stay ours."""
    with transaction.atomic():
        apply_users([user_row(remote, Notes(), digest=None, now=timezone.now())], source=SOURCE)
