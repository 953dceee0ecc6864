"""The invented site: its rows, its clock, and how it is generated."""
