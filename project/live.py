"""What every open page asks for again and again: notices for its reader, and the runs that are under way."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.models import Notice, User
from core.services import authority
from integrations.models import SyncRun
from integrations.progress import describe

TOLD_AT_ONCE = 5  # more toasts than these cover the page; the rest follow with the next answers
LISTED = 50
RECENT = 8


@require_GET
def live(request: HttpRequest) -> JsonResponse:
    """Unseen notices and, for who may see runs, those under way. Reads only: `seen` is another request."""
    user = _person(request)
    notices = Notice.objects.filter(user=user, seen_at__isnull=True).order_by("id")[:TOLD_AT_ONCE]
    runs = SyncRun.objects.active().order_by("id") if may_see_runs(user) else []
    return JsonResponse(
        {
            "notices": [
                {"id": notice.pk, "level": notice.level, "text": notice.text, "url": notice.url}
                for notice in notices
            ],
            "runs": [describe(run) for run in runs],
        }
    )


@require_POST
def seen(request: HttpRequest) -> HttpResponse:
    """Mark the reader's own notices as seen: those in `id`, or all of them without one."""
    notices = Notice.objects.filter(user=_person(request), seen_at__isnull=True)
    ids = [int(number) for number in request.POST.getlist("id") if number.isdecimal() and len(number) < 19]
    if request.POST.getlist("id"):
        notices = notices.filter(pk__in=ids)
    notices.update(seen_at=timezone.now())
    return HttpResponse(status=204)


@require_GET
def notices(request: HttpRequest) -> HttpResponse:
    """The reader's last notices, seen or not."""
    mine = Notice.objects.filter(user=_person(request)).order_by("-id")
    if "recent" in request.GET:
        return render(request, "dashboard/notices_recent.html", {"notices": mine[:RECENT]})
    context: dict[str, Any] = {"title": "Notices", "notices": mine[:LISTED]}
    return render(request, "dashboard/notices.html", admin.site.each_context(request) | context)


def may_see_runs(user: User) -> bool:
    """Runs are about the whole site, so they are for who sees all of it."""
    return authority.holds_for_the_site(user, "integrations.view_syncrun")


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # admin_view has turned everybody else away
    return request.user
