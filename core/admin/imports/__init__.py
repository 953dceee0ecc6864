"""Imports: bringing people in by a file, assigning groups to teams by one, and the list of all imports."""
