"""Slow clients do not slow down others: slow sockets connect to the real web server."""

import contextlib
import signal
import socket
import threading
import time

import pytest

from tests.project.serving.server import HOST, Server, is_closed, production
from tests.project.test_run import wait_until

pytestmark = [pytest.mark.once, pytest.mark.slow]
OF_EACH = 30
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
BEGINNINGS = {
    "says nothing": b"",
    "trickles its headers": b"GET /admin/ HTTP/1.1\r\n" + HOST + b"X-Slow: ",
    "trickles a body": b"POST /admin/login/ HTTP/1.1\r\n" + HOST + FORM + b"Content-Length: 90000\r\n\r\n",
    "trickles a body with a session": b"POST /admin/ HTTP/1.1\r\nCookie: sessionid=" + b"a" * 32 + b"\r\n"
    b"" + HOST + FORM + b"Content-Length: 90000\r\n\r\n",
    "trickles chunks": b"POST /webhooks/thinkific/ HTTP/1.1\r\n" + HOST + b"X-Thinkific-Hmac-Sha256: a\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n",
    "does not read": b"GET /static/ninja/redoc.standalone.js HTTP/1.1\r\n" + HOST + b"\r\n",
    "keeps its connection": b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
}
ONE_MORE = {name: b"x" for name in BEGINNINGS if "headers" in name or "body" in name}
ONE_MORE["trickles chunks"] = b"1\r\nx\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with production(tmp_path_factory.mktemp("web"), DEBUG="1") as server:
        yield server


class Crowd:
    """So many slow clients of each kind, each of which sends one more byte twice a second."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.clients: list[tuple[str, socket.socket]] = []
        self.over = threading.Event()

    def __enter__(self) -> "Crowd":
        for name, beginning in BEGINNINGS.items():
            for _ in range(OF_EACH):
                client = self.server.connect(receive=4096 if name == "does not read" else None)
                client.sendall(beginning)
                self.clients.append((name, client))
        self.thread = threading.Thread(target=self._trickle)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()
        for _name, client in self.clients:
            client.close()

    def closed(self) -> dict[str, int]:
        counts = dict.fromkeys(BEGINNINGS, 0)
        for name, client in self.clients:
            counts[name] += name != "does not read" and is_closed(client)
        return counts

    def _trickle(self) -> None:
        while not self.over.wait(0.5):
            for name, client in self.clients:
                with contextlib.suppress(OSError):
                    client.send(ONE_MORE.get(name, b""))


def test_everybody_else_is_answered_while_slow_clients_wait(server):
    slowest: dict[str, float] = {}
    with Crowd(server) as crowd:
        until = time.monotonic() + 14  # longer than headers may take
        while time.monotonic() < until:
            for path in ("/healthz", "/readyz", "/admin/login/"):
                begun = time.monotonic()
                status, _, _ = server.get(path)
                slowest[path] = max(slowest.get(path, 0), time.monotonic() - begun)
                assert status == 200
        wait_until(lambda: crowd.closed()["trickles its headers"] == OF_EACH)
        closed = crowd.closed()

    # Eight of them stopped everything for good, so a slow machine changes nothing about this.
    assert max(slowest.values()) < 5, slowest
    assert closed["trickles its headers"] == OF_EACH
    assert closed["trickles a body"] == 0


def test_a_request_that_is_too_slow_is_told_so(server):
    client = server.connect()
    client.sendall(BEGINNINGS["trickles its headers"])

    answer = client.recv(65536)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive in time" in answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n" + HOST + b"X-Long: " + b"a" * 40_000 + b"\r\n\r\n", b"431"),
        (b"POST /admin/login/ HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999\r\n\r\n", b"413"),
        (b"rubbish\r\n\r\n", b"400"),
    ],
)
def test_what_is_too_large_or_no_request_is_refused_before_it_is_read(server, request_, status):
    client = server.connect()
    client.sendall(request_)

    assert client.recv(65536).split(b" ")[1] == status


def test_more_connections_than_one_process_keeps_lock_nobody_out(server):
    with contextlib.ExitStack() as clients:
        opened = [clients.enter_context(contextlib.closing(server.connect())) for _ in range(700)]

        assert server.get("/healthz")[0] == 200
        # Who waited longest made room, not who came last.
        assert is_closed(opened[0])
        assert not is_closed(opened[-1])


def test_a_stop_answers_what_clients_are_still_sending(tmp_path):
    with production(tmp_path, DEBUG="1") as server:
        client = server.connect()
        client.sendall(b"GET /healthz HTTP/1.1\r\n")
        time.sleep(0.5)  # until the server has seen it

        server.process.send_signal(signal.SIGTERM)
        time.sleep(1.5)
        client.sendall(HOST + b"\r\n")

        answer = client.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"Connection: close" in answer
        assert server.process.wait(30) == 0


@pytest.mark.parametrize(("behind", "scheme"), [("0", "http"), ("1", "https")])
def test_only_behind_a_proxy_its_headers_are_believed(tmp_path, behind, scheme):
    with production(tmp_path, BEHIND_PROXY=behind, SECURE_SSL_REDIRECT="1") as server:
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
        status, answered, _ = server.get("/admin/", **headers)

    assert (status, answered.get("Location", "")[:8]) == (
        (301, "https://") if scheme == "http" else (302, "/admin/l")
    )
