"""Two people who save the same thing at the same time: the second gets the message of a check, not an error.

Another transaction can commit between a check ("is this name taken?") and our write. Then a constraint
refuses our write. We run the service once more: its check now finds the other row and raises a Refusal.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import IntegrityError, transaction

P = ParamSpec("P")
T = TypeVar("T")


def checked_again(service: Callable[P, T]) -> Callable[P, T]:
    """Decorator for a service: runs it in a transaction, and once more when a constraint refused its write.
    Raises IntegrityError only when no check of the service covers that constraint.

    The service must not depend on changes that its first run made to the objects that it was given.
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
