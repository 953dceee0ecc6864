"""Impersonations: the list of all, and what was changed in each."""
