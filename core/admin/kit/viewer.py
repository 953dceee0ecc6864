"""Who is looking."""

from django.http import HttpRequest

from core.models import User


def viewer_of(request: HttpRequest) -> User:
    """The signed-in person: the site lets nobody else as far as a screen."""
    assert isinstance(request.user, User)
    return request.user
