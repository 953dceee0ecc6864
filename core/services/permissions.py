"""Sessions keep this name of the backend. Its code is in core/permissions/backend.py."""

from core.permissions.backend import RoleBackend as RoleBackend
