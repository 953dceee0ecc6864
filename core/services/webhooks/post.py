"""One HTTP request to an endpoint: a POST to an address that was checked, within a deadline. It follows no
redirect, uses no proxy and keeps no cookies, and knows nothing of deliveries."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from certifi import where

from core.services.webhooks.addresses import Address, BadAddress, NotFound, lookup, parse

CONNECT_SECONDS = 5.0  # to one of the host's addresses
READ_SECONDS = 10.0  # without receiving a byte
TOTAL_SECONDS = 15.0  # for the whole request
KEPT_BYTES = 2048  # of an answer's body
KEPT_HEADERS, KEPT_LENGTH = 40, 500
LATE = "No complete answer within {:g} seconds."
SECRET_HEADERS = {"set-cookie", "set-cookie2", "authorization", "proxy-authenticate", "www-authenticate"}


@dataclass(frozen=True)
class Answer:
    """`problem`: why it is no success, in a sentence; empty for a success. `unreachable`: whether the next
    delivery would fare no better."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    milliseconds: int = 0
    problem: str = ""
    unreachable: bool = False
    retry_after: float | None = None  # seconds


def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = TOTAL_SECONDS) -> Answer:
    """Send it and return the answer. Raises nothing: what went wrong is the answer's problem."""
    began = time.monotonic()

    def failed(problem: str) -> Answer:
        return Answer(milliseconds=_since(began), problem=problem, unreachable=True)

    connection = None
    try:
        address = parse(url)
        connection = _Connection(address, began + seconds)
        with closing(connection), connection.cut_off_when_late():
            connection.request("POST", address.target, body=body, headers=dict(headers))
            with closing(connection.getresponse()) as response:
                answer = _answer(response, began)
        # Headers that were cut off look like complete ones.
        return failed(LATE.format(seconds)) if connection.is_late else answer
    except NotFound as error:
        return failed(str(error))
    except BadAddress as error:
        return failed(f"Not sent: {error}")
    except ssl.SSLCertVerificationError as error:
        return failed(f"The certificate is not valid: {error.verify_message}.")
    except (OSError, http.client.HTTPException, ValueError) as error:
        if connection is not None and connection.is_late:
            return failed(LATE.format(seconds))
        return failed(_words(error))


def _answer(response: http.client.HTTPResponse, began: float) -> Answer:
    kept = response.read(KEPT_BYTES)  # what follows is not read
    status = response.status
    names = [name for name in dict.fromkeys(response.headers) if name.lower() not in SECRET_HEADERS]
    headers = {name: _clean(response.headers[name])[:KEPT_LENGTH] for name in names[:KEPT_HEADERS]}
    return Answer(
        status=status,
        headers=headers,
        body=_clean(kept.decode("utf-8", errors="replace")),
        milliseconds=_since(began),
        problem=_problem(status, response.headers.get("Location", "")),
        unreachable=status in {429, 502, 503, 504},
        retry_after=_seconds(response.headers.get("Retry-After", "")) if status in {429, 503} else None,
    )


def _problem(status: int, location: str) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        to = f" to {_clean(location)[:200]}" if location else ""
        return f"Answered {status}: it redirects{to}. Redirects are not followed; enter the final address."
    return f"Answered {status} {http.client.responses.get(status, '')}".strip() + "."


def _words(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "The connection was refused."
    if isinstance(error, TimeoutError):
        return "No answer in time."
    if isinstance(error, http.client.RemoteDisconnected | ConnectionError):
        return "The connection was closed before an answer came."
    if isinstance(error, ssl.SSLError):
        return f"No encrypted connection: {error.reason or type(error).__name__}."
    if isinstance(error, http.client.HTTPException):
        return f"The answer is not HTTP: {type(error).__name__}."
    return f"The connection failed: {getattr(error, 'strerror', None) or type(error).__name__}."


def _clean(text: str) -> str:
    return text.replace("\x00", "\ufffd")


def _seconds(value: str) -> float | None:
    return float(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


@lru_cache(maxsize=1)
def _context() -> ssl.SSLContext:
    """The authorities of the machine count besides the usual ones: a company may have its own."""
    context = ssl.create_default_context(cafile=where())
    context.load_default_certs()
    return context


class _Connection(http.client.HTTPConnection):
    """A connection to an address that `lookup` has just checked. The certificate and the header Host are
    still about the name."""

    def __init__(self, address: Address, deadline: float) -> None:
        super().__init__(address.host, address.port, timeout=READ_SECONDS)
        self.address = address
        self.deadline = deadline
        self.is_late = False

    def connect(self) -> None:
        self.sock: Any = self._checked()
        self._check_time()
        if self.address.scheme == "https":
            # Not yet shaken hands, so that `cut` finds the socket already.
            self.sock = _context().wrap_socket(
                self.sock, server_hostname=self.address.host, do_handshake_on_connect=False
            )
            self._check_time()
            self.sock.do_handshake()

    def _check_time(self) -> None:
        """`cut` cannot end a socket that it did not find yet. Raises TimeoutError."""
        if self.is_late:
            raise TimeoutError

    def _checked(self) -> socket.socket:
        last: OSError = TimeoutError()
        for family, kind, protocol, _, place in lookup(self.address):
            left = self.deadline - time.monotonic()
            if left <= 0:
                break
            connecting = socket.socket(family, kind, protocol)
            try:
                connecting.settimeout(min(CONNECT_SECONDS, left))
                connecting.connect(place)
                connecting.settimeout(READ_SECONDS)
                return connecting
            except OSError as error:
                connecting.close()
                last = error
        raise last

    def cut_off_when_late(self) -> "_Deadline":
        return _Deadline(self)

    def cut(self) -> None:
        """End the request from another thread: an answer that trickles in never times out."""
        self.is_late = True
        if self.sock is not None:
            with suppress(OSError):  # not of SSLSocket, which would take its state from under the reader
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class _Deadline:
    def __init__(self, connection: _Connection) -> None:
        self.timer = threading.Timer(max(0.0, connection.deadline - time.monotonic()), connection.cut)
        self.timer.daemon = True

    def __enter__(self) -> None:
        self.timer.start()

    def __exit__(self, *error: object) -> None:
        self.timer.cancel()
