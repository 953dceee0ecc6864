"""Who may do what: the codes, the answers to Django's checks, and over whom they hold."""
