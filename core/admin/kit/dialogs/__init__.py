"""Dialogs: forms that ask for confirmation or values before something is changed."""
