"""Users: the list, a user's page, and their dialogs."""
