"""Why a run is left before its end."""

from integrations.thinkific.client.errors import NotConfigured


class Cancelled(Exception):
    """Somebody pressed Cancel, or Ctrl-C in a terminal."""


class SliceOver(Exception):
    """The worker has others to serve: the run goes back to the queue and continues from its cursor."""


class LostRun(Exception):
    """Another worker has taken this run over, because we were silent for too long."""


class NeedsToken(NotConfigured):
    """GraphQL is out of reach without an access token."""
