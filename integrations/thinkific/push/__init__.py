"""Sending the changes of the outbox to Thinkific."""
