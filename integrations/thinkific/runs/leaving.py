"""Exceptions that end the work on a run before its end."""

from integrations.thinkific.client.errors import NotConfigured


class Cancelled(Exception):
    """Somebody pressed Cancel on a screen, or Ctrl-C in a terminal."""


class SliceOver(Exception):
    """The worker has other tasks: the run goes back to the queue and continues from its cursor later."""


class TakenOver(Exception):
    """Another process has taken this run over, because our heartbeat was too old."""


class NeedsToken(NotConfigured):
    """GraphQL cannot be used without an access token."""
