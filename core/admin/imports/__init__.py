"""Imports: two ways to bring people in by a file (CSV Upload, CSV Import), and the list of all imports."""
