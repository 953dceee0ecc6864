"""Addresses that contain a secret, such as a link to set a password. They are kept out of logs and caches.

There is no list of them. A route contains a secret when the name of a parameter says so, so a new page at
`invitation/<uidb64>/<token>/` is covered automatically.
"""

import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import IntConverter, PathConverter
from django.urls.resolvers import RegexPattern
from django.utils.cache import add_never_cache_headers

# Parts of names. `uidb64` is not secret, but it stands before the token and shows whose link it is.
SECRET_PARAMETERS = re.compile(
    r"(?i)token|uidb64|secret|passw|signature|signed|nonce|credential|otp|_?key$|^code$"
)
SLASH = r"(?:\\*/|%(?:25)*2f)"  # plain, escaped in JSON, or percent-encoded, also repeatedly
SLASHES = re.compile(r"\[[^\]]*\]|/")  # a slash within a character class is not replaced
PARAMETER = re.compile(r"<(?:(?P<converter>\w+):)?(?P<name>\w+)>")
NAMED_GROUP = re.compile(r"\(\?P<(\w+)>")

_patterns: dict[str, re.Pattern[str] | None] = {}


def carries_secret(name: str) -> bool:
    """Whether a parameter with this name contains a secret."""
    return SECRET_PARAMETERS.search(name) is not None


def in_text() -> re.Pattern[str] | None:
    """Returns the pattern that finds these addresses in a text. Group 1 may be shown; the rest is secret.

    Returns None until the URL configuration is loaded. This function does not load it: a line may be logged
    while another thread imports the URLs, and the two threads would wait for each other.
    """
    name = settings.ROOT_URLCONF
    if name not in _patterns:
        if not hasattr(sys.modules.get(name), "urlpatterns"):
            return None
        prefixes = sorted({prefix for prefix in _prefixes(get_resolver(name)) if re.search(r"\w{2}", prefix)})
        before = rf"(?:(?<![\w-])|(?<=2f))(?:{'|'.join(prefixes)})"
        rest = r"(?:[^\s\"'<>?#&\\]|\\+/)+"
        _patterns[name] = re.compile(rf"(?i)({before}){rest}") if prefixes else None
    return _patterns[name]


def never_kept(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: tells browsers and proxies not to cache pages at these addresses.

    The Referrer-Policy stays `same-origin`, as on all pages: with `no-referrer` browsers send `Origin: null`,
    and Django would refuse the forms on these pages.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        match = request.resolver_match
        if match is not None and any(
            carries_secret(name) and not isinstance(value, int) for name, value in match.kwargs.items()
        ):
            add_never_cache_headers(response)
        return response

    return middleware


def routes(resolver: URLResolver | None = None, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yields every route of the site, as the tuple of its patterns from the root."""
    resolver = resolver or get_resolver(settings.ROOT_URLCONF)
    for entry in resolver.url_patterns:
        patterns = (*before, entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, patterns)
        elif isinstance(entry, URLPattern):
            yield patterns


def _prefixes(resolver: URLResolver) -> Iterator[str]:
    """Yields for each route with a secret a regular expression for the text before its first secret."""
    for patterns in routes(resolver):
        prefix = ""
        for pattern in patterns:
            text, ends = (_of_regex if isinstance(pattern, RegexPattern) else _of_route)(pattern)
            prefix += text
            if ends:
                yield SLASHES.sub(lambda found: found[0] if found[0][0] == "[" else SLASH, prefix)
                break


def _of_route(pattern: Any) -> tuple[str, bool]:
    """Returns the regular expression for a route up to its first secret parameter, and whether it has one."""
    text, position = "", 0
    for found in PARAMETER.finditer(str(pattern)):
        text += re.escape(str(pattern)[position : found.start()])
        converter = pattern.converters[found["name"]]
        if carries_secret(found["name"]) and not isinstance(converter, IntConverter):
            return text, True
        text += r"[^\s\"'?#]+?" if isinstance(converter, PathConverter) else r"[^\s\"'?#/]+?"
        position = found.end()
    return text + re.escape(str(pattern)[position:]), False


def _of_regex(pattern: Any) -> tuple[str, bool]:
    text = str(pattern).removeprefix("^").removesuffix("$").removesuffix(r"\Z")
    for found in NAMED_GROUP.finditer(text):
        if carries_secret(found[1]):
            return NAMED_GROUP.sub("(?:", text[: found.start()]), True
    return NAMED_GROUP.sub("(?:", text), False
