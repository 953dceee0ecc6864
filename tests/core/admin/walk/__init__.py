"""A walk over every door: people, screens, objects, actions and form fields, all read from the registry.

A new screen, dialog, action or field is walked without being named here; `world.py` holds the people and one
object of each kind on either side, and the tests hold the few tables of what is right.
"""
