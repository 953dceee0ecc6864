"""One module per screen; importing this package registers them all."""

from integrations.admin import conflicts, drift, events, runs, schedules

__all__ = ["conflicts", "drift", "events", "runs", "schedules"]
