"""Dates and times in GraphQL: whole seconds, as in the documented answers."""

from integrations.thinkific.sandbox.site.clock import to_iso


def moment(value: int | None) -> str | None:
    return None if value is None else to_iso(value)[:19] + "Z"
