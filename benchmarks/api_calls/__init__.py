"""Calls of the REST API in a kill storm, and what must be true after it."""
