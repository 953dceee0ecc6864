"""One module per screen; importing this package registers them all."""

from core.admin import (
    audit,
    catalog,
    enrollments,
    groups,
    imports,
    outbox,
    people,
    results,
    roles,
    seats,
    site,
    tags,
    teams,
    tokens,
)

__all__ = [
    "audit",
    "catalog",
    "enrollments",
    "groups",
    "imports",
    "outbox",
    "people",
    "results",
    "roles",
    "seats",
    "site",
    "tags",
    "teams",
    "tokens",
]
