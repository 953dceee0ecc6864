"""Giving students access, by grants, bundles and seats."""
