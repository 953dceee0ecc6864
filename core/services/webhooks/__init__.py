"""Webhooks out: which events there are, telling endpoints of them, and sending what waits."""

from core.services.webhooks.emit import emit, is_wanted

__all__ = ["emit", "is_wanted"]
