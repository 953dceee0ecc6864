"""Impersonation in requests: the check of each one, what is refused meanwhile, and the banner on every page.

`checked` stands after the sessions and messages, before anything asks who is signed in; `refuses` after the
middleware of the log. `with_banner` stands
outside of everything that can answer with a page of its own, so that error pages have the banner too.
"""

import re
from collections.abc import Callable
from typing import Any

from csp.constants import SELF
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import ResolverMatch, resolve, reverse
from django.urls.exceptions import Resolver404
from django.utils import timezone

from core import acting
from core.admin.kit import switching
from core.admin.kit.dialogs.htmx import from_script
from core.models import ImpersonationSession, User
from core.services.accounts import impersonation
from core.services.opening import opening
from project.middleware.secret_addresses import carries_secret

Answer = Callable[[HttpRequest], HttpResponse]
Ended = ImpersonationSession.Ended

LOGOUT = "admin:logout"
# What nobody does in somebody else's name, by the name of its address. Addresses that carry a secret are
# refused without being named here.
REFUSED = {
    "admin:password_change": "Their password is out of reach meanwhile.",
    "admin:login": "Signing in as another person is not possible meanwhile.",
    "admin:open_in_thinkific": opening.OWN_ACCOUNT,
    "admin:forgotten_password": "Links to set a password are out of reach meanwhile.",
    "admin:ask_for_sign_in_link": "Links to sign in are out of reach meanwhile.",
}
LINK = "Whoever answers a link does so in their own name."
OWN_SCREENS = {"apitoken": "API tokens are out of reach meanwhile."}

WHY = {
    Ended.LEFT: "You have left the impersonation of {person}.",
    Ended.SIGNED_OUT: "The impersonation of {person} has ended.",
    Ended.TIMED_OUT: "The impersonation of {person} has ended after an hour, the longest time.",
    Ended.REPLACED: "The impersonation of {person} has ended, because you began another one elsewhere.",
    Ended.REVOKED: "The impersonation of {person} has ended: you may no longer act as this person, because "
    "your rights or theirs have changed.",
    Ended.PERSON: "The impersonation of {person} has ended, because this account was changed: another "
    "password or e-mail address, or it was switched off.",
    Ended.ACCOUNT: "You were signed out and the impersonation of {person} has ended, because your own "
    "account was changed: another password or e-mail address, or it was switched off.",
}
NOT_DONE = "What you sent at that moment was not done."

# The opening tag, whose attributes may contain ">" in quotes.
BODY = re.compile(r"""<body(?:[^>"']|"[^"]*"|'[^']*')*>""")
HTML = ("text/html", "application/xhtml+xml")


def checked(get_response: Answer) -> Answer:
    """Middleware: checks an impersonation on each of its requests, and brings the administrator back when it
    may not go on. Requests without a session cookie read nothing."""

    def answer(request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return get_response(request)
        key = switching.impersonation_of(request)
        if key is None:
            return get_response(request)
        found = impersonation.check(
            key, person_id=switching.person_of(request), hashes=switching.hashes_of(request)
        )
        match = _match(request)
        if found.ending or found.session is None:
            if match is not None and match.view_name == LOGOUT:
                return get_response(request)  # it ends the browser's session
            return _over(request, found)
        session = found.session
        request.impersonation = session  # type: ignore[attr-defined]
        request.banner_token = get_token(request)  # type: ignore[attr-defined]
        administrator, person = session.impersonator, session.impersonated
        with acting.begun(
            acting.Acting(session.pk, administrator.pk, administrator.get_full_name(), person.get_full_name())
        ):
            return get_response(request)

    return answer


def refuses(get_response: Answer) -> Answer:
    """Middleware: refuses what nobody does in somebody else's name. It stands after the one that gives log
    lines their context, so that the line about a refusal names both people."""

    def answer(request: HttpRequest) -> HttpResponse:
        if acting.current() is not None and (why := _refused(_match(request))):
            return _refusal(request, acting.obstacle(why))
        return get_response(request)

    return answer


def _match(request: HttpRequest) -> ResolverMatch | None:
    try:
        return resolve(request.path_info)
    except Resolver404:
        return None


def _refused(match: ResolverMatch | None) -> str:
    """Returns what is refused at this address meanwhile; empty for all others."""
    if match is None:
        return ""
    if any(carries_secret(name) for name in match.kwargs):
        return LINK
    screen = (match.url_name or "").split("_")
    own = OWN_SCREENS.get(screen[1], "") if match.app_names == ["admin"] and len(screen) > 2 else ""
    return REFUSED.get(match.view_name, own)


def _refusal(request: HttpRequest, text: str) -> HttpResponse:
    if not _loads_page(request):
        return HttpResponse(f"{text}\n", status=403, content_type="text/plain; charset=utf-8")
    return render(request, "acting_refused.html", {"text": text}, status=403)


def _over(request: HttpRequest, found: impersonation.Checked) -> HttpResponse:
    """Returns the answer to a request of an impersonation that has ended. A script's request gets no page,
    and the browser's session stays until the next page is loaded: only that can show the message."""
    session = found.session
    person = session.impersonated if session is not None else "another person"
    why = WHY[Ended(found.ending)].format(person=person)
    if not _loads_page(request):
        return JsonResponse({"message": why}, status=403, headers={"X-Ended": "1"})
    if session is None or found.ending == Ended.ACCOUNT or not came_back(request, session):
        request.session.flush()
        request.user = AnonymousUser()
        target = reverse("admin:login")
    elif found.ending == Ended.REVOKED:
        target = reverse("admin:index")
    else:
        target = page_of(session)
    if request.method not in {"GET", "HEAD"}:
        why += f" {NOT_DONE}"
    messages.warning(request, why)
    return HttpResponseRedirect(target)


def came_back(request: HttpRequest, session: ImpersonationSession) -> bool:
    """Sign the browser in as the administrator again, whose account must be as it was when it began. Returns
    whether that was so."""
    administrator = User.objects.filter(pk=session.impersonator_id, is_active=True).first()
    if administrator is None or not impersonation.same_account(
        administrator, switching.hashes_of(request)[0]
    ):
        return False
    session.impersonator = administrator
    switching.come_back(request, session)
    return True


def page_of(session: ImpersonationSession) -> str:
    """Returns the page where the administrator began: the person's."""
    return reverse("admin:core_user_change", args=[session.impersonated_id])


def _loads_page(request: HttpRequest) -> bool:
    """Whether the browser shows the answer, as a page. htmx loads a page when it is told to."""
    if "X-Live" in request.headers or request.headers.get("X-Requested-With") == "XMLHttpRequest":
        return False
    if from_script(request):
        return True
    if request.headers.get("Sec-Fetch-Dest", "document") == "empty":
        return False
    return request.get_preferred_type(["text/html", "application/json"]) == "text/html"


def end_with_sign_out(sender: Any, request: Any, **_: Any) -> None:
    """Receiver of Django's signal: signing out while acting as somebody else ends the impersonation too."""
    if hasattr(request, "impersonation"):
        impersonation.end(request.impersonation, Ended.SIGNED_OUT)
        del request.impersonation


def with_banner(get_response: Answer) -> Answer:
    """Middleware: puts the banner at the beginning of every page of an impersonation."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if hasattr(request, "impersonation") and _is_page(response):
            _insert(request, response)
        return response

    return answer


def _is_page(response: HttpResponse) -> bool:
    kind = response.get("Content-Type", "").partition(";")[0]
    return not response.streaming and kind in HTML and "Content-Encoding" not in response


def _insert(request: Any, response: HttpResponse) -> None:
    text = response.content.decode(response.charset)
    opened = BODY.search(text)
    if opened is None:
        return
    left = request.impersonation.ends_at_the_latest - timezone.now()
    context = {
        "impersonation": request.impersonation,
        "token": request.banner_token,
        "minutes": max(1, round(left.total_seconds() / 60)),
    }
    banner = render_to_string("dashboard/acting_banner.html", context)
    response.content = f"{text[: opened.end()]}{banner}{text[opened.end() :]}"
    if "Content-Length" in response:
        response["Content-Length"] = str(len(response.content))
    # Error pages outside of the admin may not send forms; this one may.
    response._csp_replace = {"form-action": [SELF]}  # type: ignore[attr-defined]
