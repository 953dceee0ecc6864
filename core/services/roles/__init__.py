"""Roles, and what a membership allows or denies beside its role."""
