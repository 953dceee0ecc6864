"""Tests of all addresses, dialogs, actions and form fields of all screens, read from the admin's registry.

A new screen, dialog, action or field is tested without being named here. `world.py` creates the people and
one object of each kind for each of two teams; `tables.py` says which permission allows what.
"""
