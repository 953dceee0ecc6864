"""Keys of objects in addresses: what cannot be one leads nowhere, whichever screen it is."""

from collections.abc import Iterable

from django.urls import URLPattern, path, register_converter


class Key:
    """A number that every database can hold as a primary key, as text. Django's widgets also ask for an
    address with a placeholder, which their script fills in; it leads nowhere itself."""

    regex = "[0-9]{1,18}|__fk__"

    def to_python(self, value: str) -> str:
        if not value.isdigit():
            raise ValueError(value)
        return value

    def to_url(self, value: object) -> str:
        return str(value)


register_converter(Key, "key")


def only_keys(patterns: Iterable[URLPattern]) -> list[URLPattern]:
    """The same addresses, for objects whose key can be one. Django's take any text there, and hand it to the
    database."""
    return [_with_key(pattern) for pattern in patterns]


def _with_key(pattern: URLPattern) -> URLPattern:
    route = str(pattern.pattern)
    if "<path:object_id>" not in route:
        return pattern
    return path(route.replace("<path:object_id>", "<key:object_id>"), pattern.callback, name=pattern.name)
