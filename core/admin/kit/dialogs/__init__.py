"""Dialogs: a question about an object, and the forms and pickers that ask it."""
