"""The types of resolvers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from integrations.thinkific.sandbox.options import Options

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site


@dataclass
class Run:
    """One execution of a query: the site and the options for the resolvers, and the errors so far."""

    site: "Site"
    options: Options
    errors: list[dict[str, Any]] = field(default_factory=list)


Read = Callable[[Any], Any]


@dataclass(frozen=True)
class Get:
    """A resolver that needs only the row."""

    read: Read


Resolver = Callable[[Run, Any, dict[str, Any]], Any]
Types = dict[str, dict[str, Resolver | Get]]


def key(name: str) -> Get:
    return Get(lambda row: row.get(name))


def resolver(source: Resolver | Get) -> Resolver:
    if isinstance(source, Get):
        read = source.read
        return lambda run, row, arguments: read(row)
    return source
