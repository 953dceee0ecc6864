"""What somebody else saved between our checks and our writing: refused by a constraint, told as by a check.

A check ("is this name taken?") and the writing after it are two moments. The constraint decides who is first;
the second tries once more, and now the check finds the other's row and says so in its own words.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import IntegrityError, transaction

P = ParamSpec("P")
T = TypeVar("T")


def checked_again(service: Callable[P, T]) -> Callable[P, T]:
    """Decorate a service: one transaction, and once more from its checks on where a constraint refused what
    they had let through. Raises IntegrityError only where the checks know nothing of that constraint.

    The service must not depend on what its first try left on the objects that it was given.
    """

    @wraps(service)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            with transaction.atomic():
                return service(*args, **kwargs)
        except IntegrityError:
            with transaction.atomic():
                return service(*args, **kwargs)

    return call
