"""From which address a request comes, settled once for everything that asks: throttles, logs, impersonation.

Anybody can write an X-Forwarded-For header. It is read only behind proxies of ours, and of what it says only
what they added: each proxy adds, at the end, the address that it was asked from.
"""

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def settle(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: from here on REMOTE_ADDR is the client's address and not a proxy's."""

    def middleware(request: HttpRequest) -> HttpResponse:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        # With fewer entries than proxies the request came past one of them: nothing in the header is ours.
        if 0 < settings.PROXY_COUNT <= len(forwarded):
            client = _parsed(forwarded[-settings.PROXY_COUNT])
            if client is not None:
                request.META["REMOTE_ADDR"] = str(client)
        return get_response(request)

    return middleware


def network_of(request: HttpRequest) -> str | None:
    """Returns what is counted as one client: an IPv4 address, or a /64 of IPv6, of which one subscriber has
    all addresses. None when it is not known, as with a web server that listens on a Unix socket."""
    client = _parsed(request.META.get("REMOTE_ADDR", ""))
    if client is None:
        return None
    if client.version == 6:
        return str(ipaddress.ip_network((client, 64), strict=False).network_address)
    return str(client)


def _parsed(written: str) -> Address | None:
    """Returns the address without a port, brackets, or the form that IPv4 takes inside of IPv6."""
    text = written.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        client = ipaddress.ip_address(text)
    except ValueError:
        return None
    return client.ipv4_mapped or client if client.version == 6 else client
