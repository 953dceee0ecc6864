"""The addresses of a screen, read from its URL patterns."""

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from django.urls import URLPattern, reverse

from core.admin.kit.dialogs.dialog import RowDialog


class Address(NamedTuple):
    path: str
    view: str  # the name without app and model: "changelist", "do"
    dialog: str = ""


def addresses(screen: Any, key: Any, part: Any = 0) -> list[Address]:
    """Returns the addresses of the object with this key; `part` is the key of a row in one of its tabs."""
    return list(_all(screen, key, part))


def lists(screen: Any) -> list[Address]:
    """Returns the addresses that belong to no single object."""
    return [one for pattern in _named(screen) if not _about_one(pattern) for one in _of(screen, pattern, {})]


def _all(screen: Any, key: Any, part: Any) -> Iterator[Address]:
    for pattern in _named(screen):
        if _about_one(pattern):
            yield from _of(screen, pattern, {"row_id": part} | dict.fromkeys(KEYS, key))


KEYS = ("object_id", "run_id", "pk")  # names of an object's key in an address


def _named(screen: Any) -> Iterator[URLPattern]:
    return (pattern for pattern in screen.get_urls() if isinstance(pattern, URLPattern) and pattern.name)


def _about_one(pattern: URLPattern) -> bool:
    converters = set(pattern.pattern.converters)
    return bool(converters - {"slug"} if converters else pattern.pattern.regex.groups)


def _of(screen: Any, pattern: URLPattern, values: dict[str, Any]) -> Iterator[Address]:
    names = list(pattern.pattern.converters)
    prefix = f"{screen.opts.app_label}_{screen.opts.model_name}_"
    view = str(pattern.name).removeprefix(prefix)
    if not names and (groups := pattern.pattern.regex.groups):  # of the history: object, version
        yield Address(reverse(f"admin:{pattern.name}", args=[values["object_id"], 1][:groups]), view)
        return
    if view == "tab_selected":
        for tab in screen.tabs:
            for dialog in tab.actions:
                kwargs = {"object_id": values["object_id"], "tab": tab.slug, "slug": dialog.slug}
                yield Address(reverse(f"admin:{pattern.name}", kwargs=kwargs), view)
        return
    slugs = [d.slug for d in screen.selected_dialogs] if view == "selected" else _slugs(screen, names)
    choices = [slugs if name == "slug" else [values.get(name, 1)] for name in names]
    for chosen in product(*choices):
        arguments = dict(zip(names, chosen, strict=True))
        path = reverse(f"admin:{pattern.name}", kwargs=arguments)
        # For rows selected in a list there is no page of a dialog, only the pickers of its form.
        yield Address(path, view, "" if view == "selected" else str(arguments.get("slug", "")))


def _slugs(screen: Any, names: list[str]) -> list[str]:
    """Returns the slugs of the dialogs that have an address of this form."""
    new, row = "object_id" not in names, "row_id" in names
    return [d.slug for d in screen.dialogs if d.about_new == new and issubclass(d, RowDialog) == row]
