"""Sending what waits in the outbox to Thinkific."""
