"""Waiting changes: changes to be sent to Thinkific."""
