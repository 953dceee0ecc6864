"""Asking Thinkific within a web request, where a person has pressed a button: at most AT_A_TIME such pages at
once, over all processes."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from core.errors import Refusal
from core.moments import come
from integrations.models import WebTurn

AT_A_TIME = 2
LONGEST = timedelta(minutes=1)  # of any page, SPARE included
SPARE = 10.0  # seconds after which a turn that was not given back is free again


class NoTurn(Refusal):
    """AT_A_TIME people are asking Thinkific already."""

    status = 503


@contextmanager
def turn(*, seconds: float, what: str) -> Iterator[None]:
    """Holds one of the AT_A_TIME turns for at most `seconds`. Raises NoTurn, with a sentence that begins with
    `what`."""
    holder = secrets.token_hex(16)
    if not any(_take(slot, holder, seconds) for slot in range(1, AT_A_TIME + 1)):
        raise NoTurn(f"{what} under way already. Wait some seconds, then look here again.")
    try:
        yield
    finally:
        WebTurn.objects.filter(holder=holder).update(until=timezone.now())


def _take(slot: int, holder: str, seconds: float) -> bool:
    now = timezone.now()
    until = now + timedelta(seconds=seconds + SPARE)
    free = WebTurn.objects.filter(come("until", now, longest=LONGEST), slot=slot)
    if free.update(holder=holder, until=until):
        return True
    try:
        with transaction.atomic():
            WebTurn.objects.create(slot=slot, holder=holder, until=until)
    except IntegrityError:
        return False
    return True
