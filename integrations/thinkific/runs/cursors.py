"""A cursor as it was: the dicts in it are what walks hold on to."""

from typing import Any


def put_back(current: dict[str, Any], before: dict[str, Any]) -> None:
    """Make a dict what it was, keeping the inner dicts that others hold on to."""
    for key in set(current) - set(before):
        del current[key]
    for key, value in before.items():
        if isinstance(value, dict) and isinstance(current.get(key), dict):
            put_back(current[key], value)
        else:
            current[key] = value
