"""Primary keys in addresses: a text that cannot be one gets a 404 on every screen."""

from collections.abc import Iterable

from django.urls import URLPattern, path, register_converter


class Key:
    """A URL converter for numbers that fit every database's primary key; the value stays text. Django's
    widgets also need an address with a placeholder, which their script replaces; that address itself gets a
    404."""

    regex = "[0-9]{1,18}|__fk__"

    def to_python(self, value: str) -> str:
        if not value.isdigit():
            raise ValueError(value)
        return value

    def to_url(self, value: object) -> str:
        return str(value)


register_converter(Key, "key")


def only_keys(patterns: Iterable[URLPattern]) -> list[URLPattern]:
    """Returns the same patterns, but for valid keys only. Django's own accept any text and pass it to the
    database."""
    return [_with_key(pattern) for pattern in patterns]


def _with_key(pattern: URLPattern) -> URLPattern:
    route = str(pattern.pattern)
    if "<path:object_id>" not in route:
        return pattern
    return path(route.replace("<path:object_id>", "<key:object_id>"), pattern.callback, name=pattern.name)
