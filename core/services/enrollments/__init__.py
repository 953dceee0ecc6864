"""Enrollments: giving students access to products directly, through bundles and through seats."""
