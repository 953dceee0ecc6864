"""Deadlines of one connection, with waitress around it and a clock that the test moves."""

import socket
import time

import pytest
from django.urls import reverse
from waitress import wasyncore
from waitress.server import create_server

from core.imports.reading.table import LARGEST_FILE
from project.serving import limits
from project.serving.channel import Channel
from project.serving.worker import _options

pytestmark = [pytest.mark.once, pytest.mark.slow]
ANSWER = b"x" * 40_000_000  # more than the kernel keeps for a client, and than a view may be ahead
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Configuration:
    threads = 1


@pytest.fixture
def connected():
    """A client and its channel, and a function that lets the server work for a moment."""
    sockets: dict[int, object] = {}
    listener = socket.create_server(("127.0.0.1", 0))
    options = _options(Configuration, [type("Listener", (), {"sock": listener})])
    length = str(len(ANSWER))

    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", length if environ["PATH_INFO"] == "/" else "0")])
        return [ANSWER] if environ["PATH_INFO"] == "/" else []

    server = create_server(application, map=sockets, **options)
    server.channel_class = Channel
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(listener.getsockname())

    def work(until=lambda: False, seconds=5.0):
        deadline = time.monotonic() + seconds
        while not until() and time.monotonic() < deadline:
            wasyncore.poll2(0.01, sockets)

    work(until=lambda: server.active_channels)
    (channel,) = server.active_channels.values()
    yield client, channel, work
    client.close()
    server.task_dispatcher.shutdown(timeout=5)
    wasyncore.close_all(sockets)


def test_a_client_that_never_reads_its_answer_is_let_go(connected):
    client, channel, work = connected
    client.sendall(GET)
    work(until=lambda: channel.total_outbufs_len and not channel.requests)
    work(seconds=0.3)
    now = time.monotonic()

    channel.keep_deadlines(now)
    channel.keep_deadlines(now + limits.TAKEN_WITHIN - 1)
    assert channel.connected
    channel.keep_deadlines(now + limits.TAKEN_WITHIN + 1)
    assert not channel.connected


def test_a_client_that_reads_a_little_at_a_time_is_let_go_in_the_end(connected):
    client, channel, work = connected
    client.sendall(GET)
    work(until=lambda: channel.total_outbufs_len and not channel.requests)
    now = begun = time.monotonic()
    channel.keep_deadlines(now)

    while channel.connected and now < begun + 2 * limits.ANSWER_WITHIN:
        left, now = channel.total_outbufs_len, now + limits.TAKEN_WITHIN / 2
        deadline = time.monotonic() + 5
        while channel.total_outbufs_len == left and time.monotonic() < deadline:
            client.recv(8192)
            work(seconds=0.01)
        channel.keep_deadlines(now)

    assert limits.ANSWER_WITHIN <= now - begun <= limits.ANSWER_WITHIN + limits.TAKEN_WITHIN


def test_empty_lines_keep_no_connection_open(connected):
    client, channel, work = connected
    for _ in range(3):
        client.sendall(b"\r\n")
        work(seconds=0.1)

    channel.keep_deadlines(time.monotonic() + limits.IDLE_WITHIN + 1)

    assert not channel.connected


def test_a_kept_connection_starts_anew_with_each_request(connected):
    client, channel, work = connected
    channel.idle_since -= limits.IDLE_WITHIN - 1
    client.sendall(GET.replace(b"GET /", b"GET /empty"))
    work(until=lambda: channel.idle_since > time.monotonic() - 5 and not channel.requests)

    channel.keep_deadlines(time.monotonic() + limits.IDLE_WITHIN - 5)
    assert channel.connected

    client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
    work(until=lambda: channel.request is not None)
    channel.keep_deadlines(time.monotonic() + limits.REQUEST_WITHIN - 5)
    assert channel.connected
    channel.keep_deadlines(time.monotonic() + limits.REQUEST_WITHIN + 1)
    assert not channel.connected


@pytest.mark.parametrize("path", limits.UPLOADS)
def test_only_the_upload_of_a_file_may_be_large_and_slow(connected, path):
    client, channel, work = connected
    large = b"Host: a\r\nContent-Length: %d\r\n\r\n" % (limits.LARGEST_BODY + 1)
    client.sendall(b"POST %s HTTP/1.1\r\n" % path.encode() + large)
    work(until=lambda: channel.request is not None and channel.request.headers_finished)
    assert channel.request.error is None

    work(seconds=0.1)
    channel.keep_deadlines(channel.begun_at + limits.REQUEST_WITHIN + 1)
    assert channel.connected
    channel.keep_deadlines(channel.begun_at + limits.UPLOAD_WITHIN + 1)
    assert not channel.connected


@pytest.mark.parametrize(
    ("path", "length"),
    [("/admin/imports/new/", limits.LARGEST_BODY), (limits.UPLOADS[0], limits.LARGEST_UPLOAD)],
)
def test_what_is_larger_is_refused_before_it_is_read(connected, path, length):
    client, _, work = connected
    client.sendall(b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (path.encode(), length + 1))
    work(seconds=0.3)
    assert client.recv(65536).split(b" ")[1] == b"413"


def test_the_address_of_uploads_is_known():
    assert (reverse("admin:import_upload"), reverse("admin:tools_migration")) == limits.UPLOADS
    assert limits.LARGEST_UPLOAD > LARGEST_FILE + 1_000_000
