"""Reading the body of a webhook into an unsaved `InboundEvent`. Only the signature of the body is trusted."""

import hashlib
import math
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.utils import timezone

from core.moments import happened
from integrations.models import InboundEvent
from integrations.thinkific.cleaning import clean_json, moment
from integrations.thinkific.client.decoding import load_json, parse_moment
from integrations.thinkific.client.errors import RetryLater

ID_LENGTH, TOPIC_LENGTH = 200, 100
DEEPEST = 50  # Thinkific's payloads nest four deep; databases give up at a thousand
UNKNOWN = "unknown"


class NotAnEvent(ValueError):
    """A signed body that cannot be stored; the message says why."""


def read_envelope(body: bytes) -> InboundEvent:
    """Returns the unsaved event. Raises NotAnEvent if the body is no JSON object or cannot be stored."""
    try:
        envelope = load_json(body, "The webhook")
    except RetryLater:
        raise NotAnEvent("The body is not JSON.") from None
    if not isinstance(envelope, dict):
        raise NotAnEvent("The body is not a JSON object.")
    envelope = _storable(envelope, DEEPEST)
    payload = envelope.get("payload")
    parts = [str(envelope.get(name) or "") for name in ("resource", "action")]
    return InboundEvent(
        event_id=_event_id(envelope.get("id"), body),
        topic=".".join(parts)[:TOPIC_LENGTH] if all(parts) else UNKNOWN,
        payload={} if payload is None else payload,
        occurred_at=_occurred_at(envelope),
    )


def _event_id(value: Any, body: bytes) -> str:
    """Returns Thinkific's id of the event, or a digest of the body: a repeated event has the same one."""
    if isinstance(value, str | int) and not isinstance(value, bool) and 0 < len(str(value)) <= ID_LENGTH:
        return str(value)
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _occurred_at(envelope: dict[str, Any]) -> datetime | None:
    created_at, timestamp = envelope.get("created_at"), envelope.get("timestamp")
    try:
        if isinstance(created_at, str):
            return _happened(parse_moment(created_at))
        if isinstance(timestamp, int | float):
            return _happened(datetime.fromtimestamp(timestamp, UTC))
    except (msgspec.ValidationError, ValueError, OverflowError, OSError):
        pass  # the time of arrival is known
    return None


def _happened(told: datetime) -> datetime | None:
    storable = moment(told)
    return None if storable is None else happened(storable, timezone.now())


def _storable(value: Any, depth: int) -> Any:
    """Returns the value as both databases can store it: without NULs, incomplete characters and infinities.

    Raises NotAnEvent if it is nested more than `depth` deep.
    """
    if not depth:
        raise NotAnEvent(f"The body is nested more than {DEEPEST} deep.")
    if isinstance(value, dict):
        return {clean_json(key): _storable(part, depth - 1) for key, part in value.items()}
    if isinstance(value, list):
        return [_storable(part, depth - 1) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return clean_json(value)
