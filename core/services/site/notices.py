"""Notices: messages that a user sees on any page of the dashboard."""

from collections.abc import Iterable

from core import acting
from core.email_display import as_people_write
from core.models import Notice, User


def waiting(by: User | None) -> int | None:
    """Returns the primary key of the user who is told how work ends that is started in the name of `by`: of
    the impersonator while somebody acts as `by`, as the impersonated person knows nothing of it."""
    return acting.impersonator_id() or (by.pk if by is not None else None)


def tell(users: Iterable[User], text: str, *, level: str = Notice.Level.SUCCESS, url: str = "") -> None:
    """Store a notice for each of these users; their open page shows it once, within seconds."""
    text = as_people_write(text)
    Notice.objects.bulk_create(Notice(user=user, text=text, level=level, url=url) for user in users)
