"""The client's address of a request, found once for all code that needs it: rate limits, logs, impersonation.

Any client can send an X-Forwarded-For header. It is used only behind our own proxies, and only the entries
that they added: each proxy appends the address that its request came from.
"""

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def settle(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: sets REMOTE_ADDR to the client's address instead of the proxy's."""

    def middleware(request: HttpRequest) -> HttpResponse:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        # With fewer entries than proxies the request bypassed a proxy, so no entry can be trusted.
        if 0 < settings.PROXY_COUNT <= len(forwarded):
            client = _parsed(forwarded[-settings.PROXY_COUNT])
            if client is not None:
                request.META["REMOTE_ADDR"] = str(client)
        return get_response(request)

    return middleware


def network_of(request: HttpRequest) -> str | None:
    """Returns what counts as one client: an IPv4 address, or the /64 network of an IPv6 address, as one
    customer of a provider has all addresses in it. None when unknown, for example on a Unix socket."""
    client = _parsed(request.META.get("REMOTE_ADDR", ""))
    if client is None:
        return None
    if client.version == 6:
        return str(ipaddress.ip_network((client, 64), strict=False).network_address)
    return str(client)


def _parsed(written: str) -> Address | None:
    """Returns the address without port and brackets, and as IPv4 if it is an IPv4 address in IPv6 form. None
    for any other text."""
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
