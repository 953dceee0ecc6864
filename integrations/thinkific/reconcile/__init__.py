"""Comparing both sides of everything that is mirrored, and repairing what a person chose of the report."""
