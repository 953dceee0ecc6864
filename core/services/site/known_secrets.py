"""Secrets that this process has read from the database, so that logs can blank them (project/logs.py)."""

_known: set[str] = set()


def add(secret: str) -> None:
    if secret:
        _known.add(secret)


def known() -> frozenset[str]:
    return frozenset(_known)
