"""What a schema is made of here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..options import Options

if TYPE_CHECKING:
    from ..site import Site

Kind = Literal["scalar", "object", "list", "connection", "wrapper"]


@dataclass
class Run:
    """One execution: where resolvers find the site and what they must look like."""

    site: "Site"
    options: Options
    errors: list[dict[str, Any]] = field(default_factory=list)


Resolver = Callable[[Run, Any, dict[str, Any]], Any]


@dataclass
class FieldType:
    """`of` names the type of the value (or of a connection's nodes); wrappers cost nothing."""

    resolve: Resolver
    kind: Kind = "scalar"
    of: str = ""
    arguments: dict[str, str] = field(default_factory=dict)  # name -> GraphQL type
    counted: bool = False  # a connection with totalCount


Types = dict[str, dict[str, FieldType]]


@dataclass
class Schema:
    types: Types
    inputs: dict[str, dict[str, str]]
    possible: dict[str, Callable[[Any], str]]  # interface or union -> concrete type of a value


@dataclass
class Connection:
    """A part of `rows`; cursors are base64 of the place, as graphql-ruby makes them."""

    rows: Sequence[Any]
    start: int
    end: int


PAGING = {"first": "Int", "last": "Int", "after": "String", "before": "String"}


def scalar(get: Callable[[Any], Any]) -> FieldType:
    return FieldType(lambda run, parent, arguments: get(parent))


def one(of: str, resolve: Resolver, **arguments: str) -> FieldType:
    return FieldType(resolve, "object", of, arguments)


def many(of: str, resolve: Resolver) -> FieldType:
    return FieldType(resolve, "list", of)


def connection(of: str, resolve: Resolver, *, counted: bool = False, **arguments: str) -> FieldType:
    return FieldType(resolve, "connection", of, PAGING | arguments, counted)
