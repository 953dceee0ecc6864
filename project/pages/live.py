"""What every open page polls: the viewer's notices, runs under way, and whether the page is still up to
date."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core import acting
from core.admin.kit.lists.filters import key_of
from core.admin.kit.sync.page_version import digest_now
from core.admin.kit.viewer import viewer_of
from core.models import Notice, User
from core.permissions import scope
from integrations.models import SyncRun
from integrations.progress import describe

LISTED = 50
RECENT = 8


@require_GET
def live(request: HttpRequest) -> JsonResponse:
    """Unseen notices; for who may see runs, those under way and the number of the newest; and, where the page
    says what it shows, the word for how that stands now (core/admin/kit/sync/page_version.py). Reads only:
    `seen` is another request."""
    user = viewer_of(request)
    notices = Notice.objects.filter(user=user, seen_at__isnull=True).order_by("id")[:LISTED]
    runs = _runs() if may_see_runs(user) else []
    return JsonResponse(
        {
            "page": digest_now(request) if "object" in request.GET else None,
            "newest_run": max((run.pk for run in runs), default=None),
            "notices": [
                {
                    "id": notice.pk,
                    "level": notice.level,
                    "text": notice.text,
                    "url": notice.url,
                    "link": notice.link,
                }
                for notice in notices
            ],
            "runs": [describe(run) for run in runs if run.status in SyncRun.ACTIVE],
        }
    )


def _runs() -> list[SyncRun]:
    """Returns the runs under way and the newest run, which may have begun and ended between two polls."""
    newest = SyncRun.objects.order_by("-id").values("pk")[:1]
    return list(SyncRun.objects.filter(Q(status__in=SyncRun.ACTIVE) | Q(pk__in=newest)).order_by("id"))


@require_POST
def seen(request: HttpRequest) -> HttpResponse:
    """Mark the viewer's own notices as seen: those in `id`, or all when there is no `id`. Whoever acts as the
    viewer leaves them unseen."""
    if acting.current() is not None:
        return HttpResponse(status=204)
    notices = Notice.objects.filter(user=viewer_of(request), seen_at__isnull=True)
    if asked := request.POST.getlist("id"):
        notices = notices.filter(pk__in=[key for key in map(key_of, asked) if key is not None])
    notices.update(seen_at=timezone.now())
    return HttpResponse(status=204)


@require_GET
def notices(request: HttpRequest) -> HttpResponse:
    """Renders the viewer's latest notices, seen or not."""
    mine = Notice.objects.filter(user=viewer_of(request)).order_by("-id")
    if "recent" in request.GET:
        return render(request, "dashboard/notices_recent.html", {"notices": mine[:RECENT]})
    context: dict[str, Any] = {"title": "Notices", "notices": mine[:LISTED]}
    return render(request, "dashboard/notices.html", admin.site.each_context(request) | context)


def may_see_runs(user: User) -> bool:
    """Whether the user may see runs. They are about the whole site, so a role in a team does not give it."""
    return scope.holds_for_the_site(user, "integrations.view_syncrun")
