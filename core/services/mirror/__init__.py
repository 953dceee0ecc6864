"""The door for Thinkific's facts: stores what it says, writes only what changed, marks nothing stale."""

from core.services.mirror.outcome import Applied, Conflict, Issue

__all__ = ["Applied", "Conflict", "Issue"]
