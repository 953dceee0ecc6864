"""Thinkific groups."""
