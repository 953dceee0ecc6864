"""Which addresses deliveries may go to: public ones, by https. The same checks are made when an endpoint is
saved and at each attempt, where the connection goes to exactly the address that was checked."""

import ipaddress
import queue
import re
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import idna
from django.conf import settings
from django.core import checks

from core.errors import Refusal
from core.models.webhooks import URL_LENGTH

RESOLVE_SECONDS = 5.0
KNOWN_SECONDS, MOST_KNOWN = 10.0, 100
_checked: dict[str, float] = {}  # address -> when it was checked
LOWEST_PORT = 1024  # below it only the ports of the web
WEB_PORTS = {"https": 443, "http": 80}
NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)$", re.I)  # a host that ends so is an IPv4 address, or tries to
INVISIBLE = re.compile(r"[\x00-\x20\x7f\\]")
# What `ipaddress` calls global, in one of the versions of Python that are supported, and is not for us:
# addresses that stand for an IPv4 address, and services of a cloud at its own machines.
NOT_FOR_US = [
    ipaddress.ip_network(text)
    for text in (
        "100.64.0.0/10",  # carrier-grade NAT
        "192.0.0.0/24",
        "192.88.99.0/24",
        "168.63.129.16/32",  # Azure's machines ask it for their settings
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
]
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


class BadAddress(Refusal):
    """An address that deliveries cannot go to."""


class NotFound(BadAddress):
    """The host has no address now; it may have one later."""


@dataclass(frozen=True)
class Address:
    scheme: str
    host: str  # as it stands in DNS, in the certificate and in the header Host
    port: int
    target: str  # path and query

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == WEB_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.target}"


def parse(url: str) -> Address:
    """Returns the parts of an address. Raises BadAddress when one of them is not allowed. Looks up
    nothing."""
    url = url.strip()
    if INVISIBLE.search(url) or len(url) > URL_LENGTH:
        raise BadAddress("This is not an address: it has blanks or other characters that cannot be in one.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadAddress("This is not an address. It looks like https://hooks.example.com/path.") from None
    if parts.scheme not in WEB_PORTS or not host:
        raise BadAddress("Enter the whole address, beginning with https://.")
    if parts.username is not None or parts.password is not None:
        raise BadAddress(
            "The address may not hold a user name or password, which would be readable here. The signature "
            "proves who sends."
        )
    host = _ascii(host)
    if parts.scheme == "http" and not (settings.DEBUG or _is_allowed_loopback(host)):
        raise BadAddress("The address has to begin with https://, so that nobody on the way can read it.")
    port = WEB_PORTS[parts.scheme] if port is None else port
    if port not in WEB_PORTS.values() and port < LOWEST_PORT:
        raise BadAddress(f"Port {port} is not allowed. Use 443, or one from {LOWEST_PORT:,}.")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return Address(parts.scheme, host, port, f"{path}?{query}" if query else path)


def _ascii(host: str) -> str:
    """Returns the host as it stands in DNS. Raises BadAddress for what is none."""
    host = host.rstrip(".").lower()
    with suppress(ValueError):
        if "%" not in host:  # the interface of a link-local address
            return str(ipaddress.ip_address(host))
    if NUMERIC.fullmatch(host.rpartition(".")[2]) or "%" in host or ":" in host:
        raise BadAddress(f"“{host}” is not a host. Write an IP address in its usual form, or a name.")
    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        raise BadAddress(f"“{host}” is not the name of a host.") from None


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if any(ip.version == net.version and ip in net for net in NOT_FOR_US):
        return False
    if ip.is_multicast or ip.is_reserved or not ip.is_global:
        return False
    return ip.version == 4 or ip in GLOBAL_UNICAST


def lookup(address: Address) -> list[tuple[Any, ...]]:
    """Returns where to connect to, as `socket.getaddrinfo` does. Raises NotFound, and BadAddress when one of
    the host's addresses is not public: then none is used."""
    found = _resolve(address.host, address.port)
    for *_, where in found:
        if not (is_public(where[0]) or (settings.WEBHOOKS_ALLOW_LOOPBACK and _is_loopback(where[0]))):
            named = "" if where[0] == address.host else f"{address.host} leads to {where[0]}, which "
            raise BadAddress(
                f"{named or f'{where[0]} '}is not a public address. Deliveries go to the public internet "
                "only, never to machines beside this one."
            )
    return found


def check(url: str) -> str:
    """Returns the address as it is stored. Raises BadAddress when deliveries cannot go there, and NotFound
    when its host has no address.

    What it has just said yes to it knows for some seconds: a form asks before its transaction, and the
    service in it. An attempt to send always looks up anew.
    """
    address, now = parse(url), time.monotonic()
    if now - _checked.get(address.url, -KNOWN_SECONDS) >= KNOWN_SECONDS:
        lookup(address)
        if len(_checked) > MOST_KNOWN:
            _checked.clear()
        _checked[address.url] = now
    return address.url


def _resolve(host: str, port: int) -> list[tuple[Any, ...]]:
    """`socket.getaddrinfo` with a time limit, which the system's resolver does not have."""
    answer: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answer.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answer.put(error)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        found = answer.get(timeout=RESOLVE_SECONDS)
    except queue.Empty:
        raise NotFound(f"The address of {host} could not be looked up in time.") from None
    if isinstance(found, Exception) or not found:
        raise NotFound(f"There is no host {host}.")
    return list(found)


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _is_allowed_loopback(host: str) -> bool:
    if not settings.WEBHOOKS_ALLOW_LOOPBACK:
        return False
    try:
        return _is_loopback(host)
    except ValueError:
        return host == "localhost"


def check_deployment(app_configs: Any, **options: Any) -> list[checks.CheckMessage]:
    """For `check --deploy`."""
    if not settings.WEBHOOKS_ALLOW_LOOPBACK:
        return []
    return [
        checks.Error(
            "WEBHOOKS_ALLOW_LOOPBACK lets webhooks reach services on this machine.",
            hint="Unset it. It is for development and tests.",
            id="core.E001",
        )
    ]
