"""Requests that a page's script sends (htmx, for dialogs over a page) and where they lead.

A script follows a redirect unseen and puts what it finds into the page: of another page that is an empty box.
So such an answer names the address, and htmx goes there with the whole page.
"""

from collections.abc import Callable
from urllib.parse import unquote, urlencode, urlsplit

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def from_script(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers


def page_behind(request: HttpRequest) -> str:
    """The page of this site that a request was sent from; empty where that is not known."""
    url = request.headers.get("HX-Current-URL") or request.headers.get("Referer") or ""
    if request.headers.get("HX-Current-URL-URI-AutoEncoded") == "true":
        url = unquote(url)
    here = url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    # Without what follows "#": a browser would stay on the page that it has.
    return urlsplit(url)._replace(scheme="", netloc="", fragment="").geturl() if here else ""


def asked_back(request: HttpRequest) -> str:
    """The page of this site that a button stood on, where that is not the object's own."""
    url = request.POST.get("next", "")
    here = url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return url if here else ""


def with_whole_pages(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable:
    """Middleware. Also: whoever has to sign in first comes back to the page that they were on, not to an
    address that only takes what a form sends."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code not in {301, 302, 303, 307, 308} or "Location" not in response:
            return response
        target, sign_in = response["Location"], reverse("admin:login")
        is_question = request.method in {"GET", "HEAD"} and not from_script(request)
        if urlsplit(target).path == sign_in and request.path != sign_in and not is_question:
            page = page_behind(request) or reverse("admin:index")
            target = f"{sign_in}?{urlencode({'next': page})}"
            response["Location"] = target
        if from_script(request):
            response.status_code = 200
            del response["Location"]
            response["HX-Redirect"] = target
        return response

    return answer
