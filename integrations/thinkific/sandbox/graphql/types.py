"""What the parts of a schema are made of: where each field of each type finds its value."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from integrations.thinkific.sandbox.options import Options

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site


@dataclass
class Run:
    """One execution: where resolvers find the site and what they must look like."""

    site: "Site"
    options: Options
    errors: list[dict[str, Any]] = field(default_factory=list)


Read = Callable[[Any], Any]


@dataclass(frozen=True)
class Get:
    """A value that stands on the row itself."""

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
