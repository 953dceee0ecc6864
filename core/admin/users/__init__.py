"""Users: the list, a user's page, and what can be done to people."""
