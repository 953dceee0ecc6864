"""Waiting changes: what Thinkific must still be told."""
