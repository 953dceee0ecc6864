"""Tools: imports from Thinkific, started by a person."""
