"""Limits for one whole request over the network: its time, its bytes, and a stop from outside.

A time-out of a socket begins again with every byte, so a very slow answer never reaches it. Therefore nothing
here blocks for longer than CHECK_EVERY: name resolution, connecting, the TLS handshake, headers and body wait
in short steps, and between them an `Exchange` checks whether to go on.
"""

import errno
import io
import os
import queue
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util.connection import allowed_gai_family
from urllib3.util.ssl_ import create_urllib3_context

CHECK_EVERY = 0.25  # seconds
BUFFER = 1 << 16
SENDING = 10.0  # seconds; what we send is small


class CutOff(Exception):
    """We ended the exchange ourselves. No OSError, so that `urllib3` does not take it for a network error."""


class OutOfTime(CutOff):
    pass


class TooLarge(CutOff):
    pass


class ToldToStop(CutOff):
    pass


class Exchange:
    """One request and its answer, in one thread: `with exchange:` around both.

    It ends at `until`, a moment of `time.monotonic()`, after `idle` seconds without a byte, after `largest`
    bytes of an answer with its headers, or when `stop()` returns True.
    """

    def __init__(self, *, until: float, idle: float, largest: int, stop: Callable[[], bool]) -> None:
        self.until = until
        self.idle = idle
        self.largest = largest
        self.stop = stop
        self.received = 0
        self.began = time.monotonic()

    def __enter__(self) -> "Exchange":
        _thread.exchange = self
        return self

    def __exit__(self, *error: object) -> None:
        _thread.exchange = None

    def check(self) -> None:
        """Raises ToldToStop or OutOfTime when the exchange must end."""
        if self.stop():
            raise ToldToStop
        if time.monotonic() >= self.until:
            raise OutOfTime

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def next_wait(self) -> float:
        """Returns the seconds to block before the next check."""
        return max(0.001, min(CHECK_EVERY, self.until - time.monotonic()))

    def count(self, count: int) -> None:
        self.received += count
        if self.received > self.largest:
            raise TooLarge


class _Thread(threading.local):
    exchange: Exchange | None = None


_thread = _Thread()


def _current() -> Exchange:
    exchange = _thread.exchange
    if exchange is None:
        raise RuntimeError("A bounded connection is used outside of an Exchange.")
    return exchange


# --- reading ------------------------------------------------------------------------------------------------


class _BoundedReading(io.RawIOBase):
    """Reads a socket in short steps. Keeps the socket's own file, which keeps the socket open."""

    def __init__(self, sock: socket.socket, inner: io.RawIOBase) -> None:
        self.sock = sock
        self.inner = inner
        self.exchange = _current()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        exchange = self.exchange
        idle_until = time.monotonic() + exchange.idle
        while True:
            exchange.check()
            self.sock.settimeout(exchange.next_wait())
            try:
                count = self.sock.recv_into(buffer)
            except TimeoutError:
                if time.monotonic() >= idle_until:
                    raise
                continue
            exchange.count(count)
            return count

    def close(self) -> None:
        super().close()
        self.inner.close()


class _BoundedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        inner: Any = self.fp.detach()
        self.fp = io.BufferedReader(_BoundedReading(sock, inner), BUFFER)


# --- connecting ---------------------------------------------------------------------------------------------


class _TlsSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        exchange = _thread.exchange
        while exchange is not None:
            exchange.check()
            self.settimeout(exchange.next_wait())
            try:
                return super().do_handshake(block)
            except TimeoutError:  # the next call goes on with the handshake
                continue
        return super().do_handshake(block)


class _Bounded:
    """The limits, for HTTP and HTTPS connections."""

    response_class: Any = _BoundedResponse

    def _new_conn(self: Any) -> socket.socket:
        exchange = _current()
        until = time.monotonic() + (self.timeout or exchange.idle)
        try:
            return _connected(self._dns_host, self.port, self.socket_options or (), exchange, until)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "The connection timed out.") from error
        except OSError as error:
            raise NewConnectionError(self, f"No connection: {error}") from error

    def send(self: Any, data: Any) -> None:
        if self.sock is not None:  # a kept connection has the time-out of its last step
            self.sock.settimeout(SENDING)
        super().send(data)  # type: ignore[misc]


class _Http(_Bounded, HTTPConnection):
    pass


class _Https(_Bounded, HTTPSConnection):
    def connect(self) -> None:
        if self.ssl_context is None:
            self.ssl_context = create_urllib3_context()
        self.ssl_context.sslsocket_class = _TlsSocket
        super().connect()


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


POOLS = {"http": _HttpPool, "https": _HttpsPool}


class BoundedAdapter(HTTPAdapter):
    """An adapter for a session of `requests`: its connections keep to the limits of the thread's Exchange."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = POOLS
        return manager


def _connected(host: str, port: int, options: Any, exchange: Exchange, until: float) -> socket.socket:
    problem: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in _addresses(host, port, exchange, until):
        sock = socket.socket(family, kind, protocol)
        try:
            for option in options:
                sock.setsockopt(*option)
            _connect(sock, address, exchange, until)
            return sock
        except OSError as error:
            sock.close()
            problem = error
        except CutOff:
            sock.close()
            raise
    raise problem


def _addresses(host: str, port: int, exchange: Exchange, until: float) -> list[Any]:
    """Resolves the name in another thread, because that cannot be interrupted; a late result is not used."""
    host = host.strip("[]")
    try:
        host.encode("idna")
    except UnicodeError:
        raise LocationParseError(f"“{host}” is no host name") from None
    found: queue.SimpleQueue[list[Any] | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found.put(socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM))
        except OSError as error:
            found.put(error)

    threading.Thread(target=look_up, name="thinkific-name", daemon=True).start()
    while True:
        try:
            answer = found.get(timeout=exchange.next_wait())
            break
        except queue.Empty:
            exchange.check()
            if time.monotonic() >= until:
                raise TimeoutError(f"{host} was not found in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _connect(sock: socket.socket, address: Any, exchange: Exchange, until: float) -> None:
    sock.setblocking(False)
    problem = sock.connect_ex(address)
    if problem in (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY):
        with selectors.DefaultSelector() as ready:
            ready.register(sock, selectors.EVENT_WRITE)
            while not ready.select(exchange.next_wait()):
                exchange.check()
                if time.monotonic() >= until:
                    raise TimeoutError("The connection timed out.")
        problem = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if problem:
        raise OSError(problem, os.strerror(problem))
    sock.settimeout(SENDING)
