"""The viewer of a request."""

from django.http import HttpRequest

from core.models import User


def viewer_of(request: HttpRequest) -> User:
    """Returns the signed-in user. The site has refused everybody else before."""
    assert isinstance(request.user, User)
    return request.user
