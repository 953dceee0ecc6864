"""Requests of htmx (dialogs over a page) and their redirects.

A script would follow a redirect and insert the answer into the page; another page would be an empty box
there. So the response has the header HX-Redirect instead, and htmx loads the target as a whole page.
"""

from collections.abc import Callable
from urllib.parse import unquote, urlencode, urlsplit

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme


def from_script(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers


def referring_page(request: HttpRequest) -> str:
    """Returns the page of this site that sent the request; empty if it is not known."""
    url = request.headers.get("HX-Current-URL") or request.headers.get("Referer") or ""
    if request.headers.get("HX-Current-URL-URI-AutoEncoded") == "true":
        url = unquote(url)
    if not _is_of_this_site(request, url):
        return ""
    # Without the fragment ("#…"): with it, a browser would not load the page again.
    return urlsplit(url)._replace(scheme="", netloc="", fragment="").geturl()


def next_url(request: HttpRequest) -> str:
    """Returns the page of this site to return to (`next`); empty if the form names none."""
    url = request.POST.get("next", "")
    return url if _is_of_this_site(request, url) else ""


def came_from(request: HttpRequest) -> str:
    """Returns the list or page from which a dialog was opened, with its search, filters and page; empty if it
    is not known. The page of a dialog keeps it in its form (`next`)."""
    if from_script(request):
        return referring_page(request)
    page = referring_page(request) if request.method == "GET" else ""
    try:
        name = resolve(urlsplit(page).path).url_name or ""
    except Resolver404:
        return ""
    return page if name.endswith(("_changelist", "_change", "tools_teams")) else ""


def _is_of_this_site(request: HttpRequest, url: str) -> bool:
    return url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )


def redirect_whole_page(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable:
    """Middleware: answer a redirect of an htmx request by HX-Redirect.

    A user who has to sign in first returns to the page that they were on, not to a URL that accepts only POST
    requests.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code not in {301, 302, 303, 307, 308} or "Location" not in response:
            return response
        target, sign_in = response["Location"], reverse("admin:login")
        loads_page = request.method in {"GET", "HEAD"} and not from_script(request)
        if urlsplit(target).path == sign_in and request.path != sign_in and not loads_page:
            page = referring_page(request) or reverse("admin:index")
            target = f"{sign_in}?{urlencode({'next': page})}"
            response["Location"] = target
        if from_script(request):
            response.status_code = 200
            del response["Location"]
            response["HX-Redirect"] = target
        return response

    return answer
