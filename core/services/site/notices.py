"""Messages that reach a person on whatever page they are."""

from collections.abc import Iterable

from core.email_display import as_people_write
from core.models import Notice, User


def tell(users: Iterable[User], text: str, *, level: str = Notice.Level.SUCCESS, url: str = "") -> None:
    """Leave a notice for each of these people; the admin shows it within seconds, once."""
    text = as_people_write(text)
    Notice.objects.bulk_create(Notice(user=user, text=text, level=level, url=url) for user in users)
