"""Accounts: signing in, rate limits, changes of the e-mail address, mails about the account, deletion."""
