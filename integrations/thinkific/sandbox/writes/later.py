"""Writes that are accepted now and carried out later, such as a bundle enrollment answered with 202."""

from typing import TYPE_CHECKING, Any

from integrations.thinkific.sandbox.web.problems import Problem

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site


def postpone(site: "Site", *, seconds: float, write: str, arguments: dict[str, Any]) -> None:
    site.pending.append((site.clock.now() + int(seconds * 1000), write, arguments))


def carry_out_pending(site: "Site") -> None:
    now = site.clock.now()
    due = [entry for entry in site.pending if entry[0] <= now]
    site.pending = [entry for entry in site.pending if entry[0] > now]
    for _, name, arguments in due:
        # A write that has become impossible (the person is deleted) is dropped, like a failed job.
        try:
            site.write(name, **arguments)
        except Problem:
            continue
