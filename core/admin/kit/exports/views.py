"""The addresses of exports: the dialog, and the file that it leads to."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from core.admin.kit.dialogs.answering import render
from core.admin.kit.dialogs.carrying_out import process, show_messages
from core.admin.kit.dialogs.htmx import came_from, from_script, next_url
from core.admin.kit.exports.dialog import AT_ONCE, Export, Offered
from core.admin.kit.exports.listing import Listing, name_of_file, narrowed, of_list, of_tab
from core.admin.kit.viewer import viewer_of
from core.exports.formats import FORMATS, Head, written

OWN = ("file_format", "file_columns", "chosen")  # parameters that are not of the list


def urls_of(screen: Any) -> list[URLPattern]:
    """Returns the addresses of the exports of a screen: of its list, and of its tabs."""
    guard, name = screen.admin_site.admin_view, f"{screen.opts.app_label}_{screen.opts.model_name}"
    found = []
    if hasattr(screen, "has_export_permission"):
        found.append(path("export/file/", guard(partial(send_file, screen)), name=f"{name}_export_file"))
    if any(getattr(tab, "export", ()) for tab in screen.tabs):
        tab = "<key:object_id>/tab/<slug:tab>/export/"
        found.append(path(tab, guard(partial(ask, screen)), name=f"{name}_export_tab"))
        found.append(path(f"{tab}file/", guard(partial(send_file, screen)), name=f"{name}_export_tab_file"))
    return found


def ask(screen: Any, request: HttpRequest, object_id: str | None = None, tab: str = "") -> HttpResponse:
    """Shows the dialog, or answers it."""
    listing = _listing(screen, request, object_id, tab)
    base = f"admin:{screen.opts.app_label}_{screen.opts.model_name}"
    address = reverse(f"{base}_export_tab_file" if tab else f"{base}_export_file", args=_args(object_id, tab))
    offered = Offered(listing, address, request.GET.get("chosen", ""))
    form: Any = Export(
        request.POST if request.method == "POST" else None, viewer=viewer_of(request), obj=offered
    )
    page = next_url(request) or came_from(request)
    back = page or _list_or_tab(base, object_id, tab, listing)
    if form.is_bound:
        done, form, _ = process(form)
        if done is not None:
            show_messages(request, done)
            response = HttpResponseRedirect(done.url or back)
            if done.url:
                response["HX-Trigger"] = "dashboard:download"  # the page stays: modal.js closes the dialog
            return response
    context = {
        "original": listing.title,
        "back": back,
        "over_a_page": from_script(request),
        "kept": [("next", page)] if page and not from_script(request) else [],
    }
    return render(screen, request, form, context)


def send_file(
    screen: Any, request: HttpRequest, object_id: str | None = None, tab: str = ""
) -> HttpResponse | StreamingHttpResponse:
    """Sends the file that the address asks for; leads to the dialog when it would be too large."""
    listing = _listing(screen, request, object_id, tab)
    file_format = request.GET.get("file_format", "csv")
    if file_format not in FORMATS:
        raise Http404
    if listing.count(AT_ONCE) > AT_ONCE:
        return HttpResponseRedirect(f"{request.path.removesuffix('file/')}?{listing.query}")
    keys = [key for key in request.GET.get("file_columns", "").split(".") if key]
    name = f"{name_of_file(listing)}-{timezone.localdate()}.{file_format}"
    return StreamingHttpResponse(
        parts_of(listing, file_format, keys),
        content_type=FORMATS[file_format].content_type,
        headers={"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'},
    )


def parts_of(listing: Listing, file_format: str, columns: Iterable[str]) -> Iterator[bytes]:
    """Yields the bytes of the file of a listing. Columns that it does not have are left out."""
    chosen = listing.chosen(list(columns)) or listing.chosen(())
    heads: list[Head] = [one.head for one in chosen]
    return written(file_format, listing.title, heads, listing.values(chosen, listing.keys()))


def _listing(screen: Any, request: HttpRequest, object_id: str | None, tab: str) -> Listing:
    asked = request.GET.copy()
    for name in OWN:
        asked.pop(name, None)
    viewer, query = viewer_of(request), asked.urlencode()
    found = of_tab(screen, viewer, object_id, tab, query) if tab else of_list(screen, viewer, query)
    return narrowed(found, request.GET.get("chosen", ""))


def _args(object_id: str | None, tab: str) -> list[Any]:
    return [object_id, tab] if tab else []


def _list_or_tab(base: str, object_id: str | None, tab: str, listing: Listing) -> str:
    """Returns the page that has the rows."""
    if tab:
        return f"{reverse(f'{base}_change', args=[object_id])}?tab={tab}"
    address = reverse(f"{base}_changelist")
    return f"{address}?{listing.query}" if listing.query else address
