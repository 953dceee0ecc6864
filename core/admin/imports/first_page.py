"""The first page of each way: the file to choose, what its columns are, and what is asked for all lines."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from core.admin.imports import words
from core.admin.imports.access import check_may_use, obstacle
from core.admin.imports.forms import OPTIONS_FORMS, FileForm, PeopleFileForm
from core.admin.imports.ways import BY_USERS, Way
from core.admin.kit.dialogs.answering import picker_results
from core.admin.kit.dialogs.pickers import PickingForm
from core.admin.kit.lists.filters import key_of
from core.admin.tools import teams
from core.admin.tools.dialogs import Tool
from core.imports import kinds
from core.models import ImportBatch, User
from core.permissions import scope


def file_form(request: HttpRequest, way: Way, viewer: User, *, sent: bool) -> FileForm:
    form_class = PeopleFileForm if way.kind == ImportBatch.Kind.USERS else FileForm
    form = form_class(request.POST if sent else None, files=request.FILES if sent else None, viewer=viewer)
    form.set_search_url(reverse(BY_USERS.first))
    form.list_choices()
    return form


@require_http_methods(["GET", "HEAD"])
def new(request: HttpRequest) -> HttpResponse:
    """The page CSV Upload, with `?team=` for a team that is chosen already."""
    viewer = check_may_use(request, BY_USERS)
    form = file_form(request, BY_USERS, viewer, sent=False)
    if "pick" in request.GET:
        return picker_results(request, form)
    team, key = form.fields["team"], key_of(request.GET.get("team"))
    if key is not None and team.queryset.filter(pk=key).exists():  # type: ignore[attr-defined]
        team.initial = key
    return show(request, BY_USERS, form)


@require_http_methods(["GET", "HEAD"])
def page(request: HttpRequest, way: Way) -> HttpResponse:
    """The page CSV Import, or Upload Group Matching."""
    viewer = check_may_use(request, way)
    options = OPTIONS_FORMS[way.kind](viewer=viewer, options=kinds.of(way.kind).Options())
    if "pick" in request.GET:
        options.set_search_url(request.path)
        options.list_choices()
        return picker_results(request, options)
    return show(request, way, file_form(request, way, viewer, sent=False), options)


def show(request: HttpRequest, way: Way, form: FileForm, options: PickingForm | None = None) -> HttpResponse:
    viewer = check_may_use(request, way)
    context: dict[str, Any] = {
        "form": form,
        "media": form.media,
        "obstacle": obstacle(),
        "upload_url": reverse("admin:import_upload"),
        "columns": words.columns(way.kind),
        "note": words.NOTES[way.kind],
        "templates": words.templates(way.kind),
    }
    if options is None:
        context |= admin.site.each_context(request)
        context |= {"title": "CSV Upload", "step": 1, "way": way.slug}
        return TemplateResponse(request, "dashboard/imports/new.html", context)
    options.set_search_url(reverse(way.first))
    options.list_choices()
    context |= {"options": options, "media": options.media}
    return render_in_tools(request, way, viewer, "dashboard/imports/tools.html", context)


def render_in_tools(
    request: HttpRequest, way: Way, viewer: User, name: str, context: dict[str, Any]
) -> HttpResponse:
    """Render a page with the tabs of Tools, where the viewer may use these."""
    of_people = way.kind == ImportBatch.Kind.USERS
    context = {
        **admin.site.each_context(request),
        "title": "Tools" if of_people else words.GROUP_MATCHING,
        "heading": "Users and teams from a file" if of_people else "Groups and teams from a file",
        "tab": "csv" if of_people else "import",
        "shows_tabs": Tool.may(viewer, None),
        "shows_teams": teams.may_see(viewer),
        "shows_csv": scope.holds(viewer, "tools.csv"),
        "way": way.slug,
        "first_url": reverse(way.first),
        **context,
    }
    return TemplateResponse(request, name, context)
