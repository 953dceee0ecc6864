"""Permissions: the codes that roles hold, Django's checks, and the people and teams that they apply to."""
