"""Addresses that carry a secret, such as a link that sets a password: kept out of logs and caches.

Nothing is listed here. A route carries a secret when one of its parameters is named like one, so a new page
`invitation/<uidb64>/<token>/` is covered by itself.
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

# Parts of names. `uidb64` is no secret, but it stands before the token and tells whose link it is.
SECRET_PARAMETERS = re.compile(
    r"(?i)token|uidb64|secret|passw|signature|signed|nonce|credential|otp|_?key$|^code$"
)
SLASH = r"(?:\\*/|%(?:25)*2f)"  # escaped in JSON; written for a query, perhaps more than once
SLASHES = re.compile(r"\[[^\]]*\]|/")  # those in a class of characters stay as they are
PARAMETER = re.compile(r"<(?:(?P<converter>\w+):)?(?P<name>\w+)>")
NAMED_GROUP = re.compile(r"\(\?P<(\w+)>")

_patterns: dict[str, re.Pattern[str] | None] = {}


def carries_secret(name: str) -> bool:
    """Whether a parameter of this name holds a secret."""
    return SECRET_PARAMETERS.search(name) is not None


def in_text() -> re.Pattern[str] | None:
    """What finds these addresses in a text: group 1 is what may stay, the secret follows.

    Returns None until the URL configuration is loaded. It is never loaded from here: a log line may be
    written while another thread imports it, and the two would wait for each other.
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
    """Middleware: pages at these addresses are kept by no browser and no proxy.

    The Referrer-Policy stays `same-origin`, as everywhere: with `no-referrer` browsers send `Origin: null`,
    and the forms on these pages would be refused.
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
    """Every route of the site, as its patterns from the root on."""
    resolver = resolver or get_resolver(settings.ROOT_URLCONF)
    for entry in resolver.url_patterns:
        patterns = (*before, entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, patterns)
        elif isinstance(entry, URLPattern):
            yield patterns


def _prefixes(resolver: URLResolver) -> Iterator[str]:
    """For each route with a secret: a regular expression for what stands before the first one."""
    for patterns in routes(resolver):
        prefix = ""
        for pattern in patterns:
            text, ends = (_of_regex if isinstance(pattern, RegexPattern) else _of_route)(pattern)
            prefix += text
            if ends:
                yield SLASHES.sub(lambda found: found[0] if found[0][0] == "[" else SLASH, prefix)
                break


def _of_route(pattern: Any) -> tuple[str, bool]:
    """The expression for a route, up to its first secret parameter, and whether there is one."""
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
