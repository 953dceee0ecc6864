"""One module per screen; importing this package registers them all."""

from integrations.admin import conflicts, events, runs, schedules

__all__ = ["conflicts", "events", "runs", "schedules"]
