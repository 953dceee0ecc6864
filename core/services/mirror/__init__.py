"""The mirror: stores what Thinkific sends. It writes only differences and never marks anything stale."""

from core.services.mirror.outcome import Applied, Conflict, Issue

__all__ = ["Applied", "Conflict", "Issue"]
