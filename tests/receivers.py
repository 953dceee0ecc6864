"""Receivers of webhooks: small HTTP servers on the loopback that keep what they get."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Respond = Callable[[Any], None]


class Receiver:
    """`received` holds (path, headers, body) of each request. `respond` answers one (the handler of
    http.server); it can be exchanged at any time."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.respond: Respond = answering(200)
        self.under_way = self.most_under_way = 0
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with outer._lock:
                    outer.received.append((self.path, dict(self.headers.items()), body))
                    outer.under_way += 1
                    outer.most_under_way = max(outer.most_under_way, outer.under_way)
                try:
                    outer.respond(self)
                except OSError:
                    self.close_connection = True
                finally:
                    with outer._lock:
                        outer.under_way -= 1

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *args: Any) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def bodies(self) -> list[bytes]:
        return [body for _, _, body in self.received]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def receiver(respond: Respond | None = None) -> Iterator[Receiver]:
    one = Receiver()
    one.respond = respond or one.respond
    try:
        yield one
    finally:
        one.close()


def answering(status: int, body: bytes = b"ok", **headers: str) -> Respond:
    def respond(handler: Any) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return respond


def after(seconds: float, respond: Respond | None = None) -> Respond:
    def slowly(handler: Any) -> None:
        time.sleep(seconds)
        (respond or answering(200))(handler)

    return slowly


def hanging_up(handler: Any) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def trickling(handler: Any) -> None:
    """An answer that never ends: a header each tenth of a second."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for n in range(200):
        handler.wfile.write(b"X-Header-%d: x\r\n" % n)
        handler.wfile.flush()
        time.sleep(0.1)


def endless(handler: Any) -> None:
    """An answer of gigabytes."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(10**10))
    handler.end_headers()
    for _ in range(10_000):
        handler.wfile.write(b"x" * 65_536)
