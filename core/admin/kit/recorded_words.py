"""The words of histories: fields and values as the screens call them."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.db.models import Field
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from core import moments
from core.admin.kit import cells
from core.email_display import as_people_write
from core.permissions.codes import PERMISSIONS
from core.permissions.overrides import ALLOW, DENY

LONGEST = 120  # characters of a value
EFFECTS = {ALLOW: "allowed", DENY: "denied"}
ROLES = {"owner": "Owner", "manager": "Manager", "student": "Student"}
# By model and field; fields that are not here have the same name on the screens. "" is for all models.
LABELS = {
    "": {
        "created_at": "Created At",
        "removed_at": "Removed in Thinkific",
        "overrides": "Permissions",
        "global_role": "Role in the dashboard",
        "source_template": "Copy of",
    },
    "user": {
        "email": "Email",
        "is_dashboard_user": "Uses the dashboard",
        "primary_team": "Personal team",
    },
    "team": {
        "max_members": "Most students",
        "is_personal": "Personal team of its owner",
        "archived_at": "Archived",
    },
    "membership": {"joined_at": "Joined", "as_guest": "Guest"},
    "invitation": {"address": "Email", "sent_at": "Sent"},
    "signuplink": {
        "label": "Note",
        "max_uses": "How many people",
        "expires_at": "Works until",
        "revoked_at": "Revoked",
    },
    "shortlink": {"label": "Note", "revoked_at": "Revoked"},
    "role": {"code": "Built in as", "is_global": "In the whole dashboard"},
    "seat": {
        "max_seats": "Max seats",
        "expiry_type": "Access ends",
        "expiry_days": "Days",
        "expiry_date": "Last day",
    },
    "enrollment": {
        "activated_at": "Activated",
        "expiry_date": "End of access",
        "granted": "Given directly",
        "granted_until": "Given until",
        "last_seat": "Seat",
    },
    "groupassignment": {"role": "Role on joining"},
    "webhookendpoint": {
        "former_until": "Former secret signs until",
        "switched_off_at": "Switched off",
        "switched_off_why": "Why it was switched off",
    },
}


def label(slug: str, field: Field) -> str:
    """Returns what the screens call a field of the model."""
    known = {**LABELS[""], **LABELS.get(slug, {})}
    return known.get(field.name) or capfirst(str(field.verbose_name))


def in_words(field: Field, value: Any) -> str | SafeString:
    """Returns a value of a field that refers to no other object."""
    if value is None or value == "" or value == [] or value == {}:
        return cells.NOTHING
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, datetime):
        return cells.moment(value, ahead=True)
    if isinstance(value, date):
        return moments.day(value)
    if field.flatchoices:
        return str(dict(field.flatchoices).get(value, value))
    if field.name == "overrides":
        return _effects(value)
    if field.name == "default_overrides":
        return "; ".join(f"{ROLES.get(role, role)}: {_effects(some)}" for role, some in value.items())
    if field.name == "permissions":
        return _permissions(value)
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    text = as_people_write(str(value))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def difference(field: Field, before: Any, after: Any) -> tuple[str | SafeString, str | SafeString]:
    """Returns both values in words. Of the permissions of a role only those that differ are named."""
    if field.name != "permissions":
        return in_words(field, before), in_words(field, after)
    went, came = set(before or ()) - set(after or ()), set(after or ()) - set(before or ())
    return _held(went, came), _held(came, went)


def _held(held: Iterable[str], missing: Iterable[str]) -> str:
    parts = (("Allowed", held), ("not allowed", missing))
    return capfirst("; ".join(f"{word}: {_permissions(codes)}" for word, codes in parts if codes))


def _permissions(codes: Iterable[str]) -> str:
    """Returns the permissions as the screens call them, in their order there."""
    known = [PERMISSIONS[code].label for code in PERMISSIONS if code in set(codes)]
    return ", ".join([*known, *sorted(set(codes) - PERMISSIONS.keys())])


def _effects(overrides: Mapping[str, str]) -> str:
    said = [
        f"{PERMISSIONS[code].label if code in PERMISSIONS else code}: {EFFECTS.get(effect, effect)}"
        for code, effect in sorted(overrides.items())
    ]
    return ", ".join(said) or "as the role says"
