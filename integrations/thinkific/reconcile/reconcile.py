"""A reconciliation."""

from integrations.thinkific.sync.pull import Pull


def reconcile(pull: Pull) -> None:
    """Compare both sides."""
