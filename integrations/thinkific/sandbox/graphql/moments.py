"""Moments as GraphQL shows them: in seconds, as the documented answers have."""

from integrations.thinkific.sandbox.site.clock import to_iso


def moment(value: int | None) -> str | None:
    return None if value is None else to_iso(value)[:19] + "Z"
