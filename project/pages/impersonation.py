"""Leaving an impersonation."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from core.models import ImpersonationSession
from core.services.accounts import impersonation
from project.middleware.impersonation import WHY, came_back, page_of

NOT_ACTING = "You act in your own name already: the impersonation was left or has ended."
Ended = ImpersonationSession.Ended


@csrf_exempt  # where nothing is left to leave, as in a second tab, the form's token is an old one
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Ends the impersonation of this browser, and shows the person's page to the administrator again."""
    if hasattr(request, "impersonation"):
        return _leave(request)
    if request.user.is_authenticated:
        messages.info(request, NOT_ACTING)
    return HttpResponseRedirect(reverse("admin:index"))


@csrf_protect
def _leave(request: HttpRequest) -> HttpResponse:
    session: ImpersonationSession = request.impersonation  # type: ignore[attr-defined]
    impersonation.end(session, Ended.LEFT)
    if not came_back(request, session):  # the account was changed at this moment
        request.session.flush()
        return HttpResponseRedirect(reverse("admin:login"))
    del request.impersonation  # type: ignore[attr-defined]  # no banner any more
    messages.success(request, WHY[Ended.LEFT].format(person=session.impersonated))
    return HttpResponseRedirect(page_of(session))
