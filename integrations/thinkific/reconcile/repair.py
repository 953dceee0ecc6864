"""Repairs."""

from integrations.thinkific.sync.pull import Pull


def repair(pull: Pull) -> None:
    """Repair what was chosen."""
