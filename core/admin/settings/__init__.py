"""The screen Settings: one row, in tabs."""
