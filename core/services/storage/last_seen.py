"""Values as the outbox remembers them: what Thinkific had of a field when we changed it."""

from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

_encode = DjangoJSONEncoder().default


def plain(value: Any) -> Any:
    """The value as it will come back from a JSON column."""
    return value if value is None or isinstance(value, str | int | float | bool) else _encode(value)
