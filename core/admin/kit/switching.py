"""Signs a browser in as the person whom an administrator acts as, and back.

Django's `login` does it: it ends the old session, begins a new one with another key, and changes the CSRF
token. So a page from before the switch cannot send a form after it. The list of administrators in the session
is django-hijack's, whose middleware says on each request that somebody acts (`is_hijacked`).
"""

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, login
from django.http import HttpRequest
from hijack.views import keep_session_age

from core.models import ImpersonationSession, User

# In the session: the impersonation, and the session hash of the administrator from when it began.
IMPERSONATION, ADMINISTRATOR_HASH, ADMINISTRATORS = "impersonation", "impersonator_hash", "hijack_history"


def act(request: HttpRequest, session: ImpersonationSession) -> None:
    """Sign the browser in as the person. The administrator is signed in until then."""
    administrator = session.impersonator
    _sign_in(request, session.impersonated)
    request.user.is_hijacked = True  # type: ignore[union-attr]  # for what still looks at this request
    request.session[IMPERSONATION] = session.pk
    request.session[ADMINISTRATOR_HASH] = administrator.get_session_auth_hash()
    request.session[ADMINISTRATORS] = [str(administrator.pk)]


def come_back(request: HttpRequest, session: ImpersonationSession) -> None:
    """Sign the browser in as the administrator again."""
    _sign_in(request, session.impersonator)


def impersonation_of(request: HttpRequest) -> int | None:
    """Returns the impersonation (primary key) that the browser's session is in."""
    return request.session.get(IMPERSONATION)


def hashes_of(request: HttpRequest) -> tuple[str, str]:
    """Returns the session hashes of the administrator and of the person from when it began."""
    session = request.session
    return session.get(ADMINISTRATOR_HASH, ""), session.get(HASH_SESSION_KEY, "")


def person_of(request: HttpRequest) -> str:
    """Returns the primary key of the user whom the browser's session is signed in as."""
    return str(request.session.get(SESSION_KEY, ""))


def _sign_in(request: HttpRequest, user: User) -> None:
    backend = request.session[BACKEND_SESSION_KEY]
    with keep_session_age(request.session):
        login(request, user, backend=backend)
