"""The screens of the sync, one module for each. Importing this package registers them."""

from integrations.admin import conflicts, drift, events, runs, schedules

__all__ = ["conflicts", "drift", "events", "runs", "schedules"]
