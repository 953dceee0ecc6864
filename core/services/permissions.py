"""Kept for its name alone: each session stores `core.services.permissions.RoleBackend` as the way its person
signed in, and under another name everybody would be signed out. Its code: core/permissions/backend.py."""

from core.permissions.backend import RoleBackend as RoleBackend
