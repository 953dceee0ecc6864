"""Values in the form in which the outbox stores them (`OutboxEntry.last_seen` and `sent`)."""

from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

_encode = DjangoJSONEncoder().default


def plain(value: Any) -> Any:
    """Returns the value as a JSON column gives it back."""
    return value if value is None or isinstance(value, str | int | float | bool) else _encode(value)
