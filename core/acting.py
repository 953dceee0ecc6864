"""Who acts as whom in the present request.

The middleware sets it (project/middleware/impersonation.py). History rows, outbox entries and runs read it
when they are made, so that no code that writes them has to pass it on. Services that touch a secret ask it
before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from core.errors import NotInTheirName

REFUSED = "You act as {person}. {what} Leave the impersonation first, then do it in your own name."
SECRETS = "Passwords, e-mail addresses, links to sign in, keys and tokens are out of reach meanwhile."
AGREEMENT = "Whoever decides who a person is, or agrees for them, does so in their own name."


@dataclass(frozen=True)
class Acting:
    """An impersonation under way."""

    session_id: int
    impersonator_id: int
    impersonator: str  # their names, for sentences
    person: str


_current: ContextVar[Acting | None] = ContextVar("acting", default=None)


def current() -> Acting | None:
    """Returns the impersonation of the present request; None when people act in their own name."""
    return _current.get()


def impersonator_id() -> int | None:
    """Returns the administrator (primary key) who acts as somebody else in the present request."""
    acting = _current.get()
    return acting.impersonator_id if acting is not None else None


def session_id() -> int | None:
    """Returns the impersonation (primary key) of the present request."""
    acting = _current.get()
    return acting.session_id if acting is not None else None


@contextmanager
def begun(acting: Acting) -> Iterator[None]:
    """Everything inside the block is done by the administrator who acts as somebody else."""
    token = _current.set(acting)
    try:
        yield
    finally:
        _current.reset(token)


def obstacle(what: str = SECRETS) -> str:
    """Returns why a thing that only the person themselves may do cannot be done; empty when nobody acts as
    somebody else. `what` is the sentence that says what is refused."""
    acting = _current.get()
    return REFUSED.format(person=acting.person, what=what) if acting else ""


def refuse(what: str = SECRETS) -> None:
    """Raise NotInTheirName while somebody acts as another user. Services call it before they touch a
    secret."""
    if why := obstacle(what):
        raise NotInTheirName(why)
