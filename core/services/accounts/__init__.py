"""What belongs to an account: signing in, its address, its mails, invitations, its end."""
