"""Roles, and the permissions of roles and memberships."""
