"""The runs of these tests are pulls, against the same site and watched as strictly."""

from tests.integrations.thinkific.pull.conftest import (
    _every_write_has_a_history,
    _short_pauses,
    asked,
    pull,
    pull_everything,
    site,
)

__all__ = ["_every_write_has_a_history", "_short_pauses", "asked", "pull", "pull_everything", "site"]
