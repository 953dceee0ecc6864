"""Keeps up to date when each user last used the dashboard."""

from collections.abc import Callable

import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from core.models import User
from core.services.accounts.activity import note_activity

log = structlog.get_logger(__name__)
BY_ITSELF = "admin:live"  # an open page asks there every few seconds, also when nobody sits in front of it


def note(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: stores the activity of who is signed in, at most once in some minutes. Not that of a person
    as whom an administrator acts."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        match, user = request.resolver_match, getattr(request, "user", None)
        if match is None or match.view_name == BY_ITSELF or not isinstance(user, User):
            return response
        if user.is_authenticated and not getattr(user, "is_hijacked", False):
            try:
                note_activity(user)
            except DatabaseError:  # the answer is more important
                log.warning("activity was not stored", exc_info=True)
        return response

    return middleware
