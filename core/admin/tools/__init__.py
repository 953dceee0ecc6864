"""Tools: imports from Thinkific that a user starts."""
