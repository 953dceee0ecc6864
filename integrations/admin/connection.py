"""The button Test connection. It sends requests to Thinkific while the administrator waits for the page."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from core.admin.kit.sitewide import sees_site
from core.wording import listed, one_or_many
from integrations.thinkific.budget.web_requests import NoTurn, turn
from integrations.thinkific.connection import ALL_WITHIN, check_connection


@require_POST
def test_connection(request: HttpRequest) -> HttpResponse:
    if not sees_site(request, "core.run_tools"):
        raise PermissionDenied
    try:
        with turn(seconds=ALL_WITHIN, what="A test is"):
            states = check_connection()
    except NoTurn as refusal:
        messages.warning(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:index") + "#connection")
    works = [state.surface for state in states if state.ok]
    broken = [state.surface for state in states if not state.ok]
    if not broken:
        messages.success(request, "The connection works: REST, GraphQL and webhooks all answer.")
    elif works:
        messages.warning(
            request,
            f"{listed(works)} {one_or_many(len(works), 'works', 'work')}. "
            f"{listed(broken)} {one_or_many(len(broken), 'does', 'do')} "
            "not work. Details below.",
        )
    else:
        messages.error(request, "Nothing answers with these credentials. Details below.")
    return HttpResponseRedirect(reverse("admin:index") + "#connection")
