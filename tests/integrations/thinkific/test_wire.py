"""Requests to servers that are slow, never end or send too much: each request ends in time."""

import gzip
import socket
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import pytest

from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.client.errors import Interrupted, Rejected, RetryLater, Unfinished

from .sockets import HEAD, SLOW, after_the_request, dripping_body, mute, serve, silent

pytestmark = [pytest.mark.slow, pytest.mark.once]

ROOT = Path(__file__).parents[3]
KEY = "0123456789abcdef0123456789abcdef"
SOON = 8.0  # seconds: far below what these servers would take, far above what a busy machine needs


def client_of(url, **options):
    return ThinkificClient(Credentials("acme", KEY, api_url=url), retries=0, **options)


def seconds_until(error, work):
    began = time.monotonic()
    with pytest.raises(error) as caught:
        work()
    return time.monotonic() - began, caught.value


@pytest.mark.parametrize("script", SLOW, ids=lambda one: one.__name__)
def test_a_deadline_is_for_the_whole_answer(script):
    with serve(script) as url:
        seconds, error = seconds_until(Unfinished, lambda: client_of(url, seconds=1.0).rest.users_page())

    assert 0.9 < seconds < SOON
    assert "GET /users: Thinkific's answer was not complete after 1 s: " in str(error)
    assert "bytes came." in str(error)
    assert not error.uncertain


@pytest.mark.parametrize("script", SLOW, ids=lambda one: one.__name__)
def test_whoever_is_told_to_stop_waits_for_nothing_more(script):
    stop = threading.Event()
    timer = threading.Timer(0.5, stop.set)
    with serve(script) as url:
        client = client_of(url, stop=stop.is_set)
        timer.start()
        seconds, error = seconds_until(Interrupted, lambda: client.rest.create_group("Acme"))

    assert seconds < SOON
    assert error.uncertain


def test_a_handshake_that_never_ends_has_the_deadline_too():
    with serve(mute) as url:
        url = url.replace("http:", "https:")
        seconds, _ = seconds_until(Unfinished, lambda: client_of(url, seconds=1.0).rest.users_page())
        assert seconds < SOON
        stop = threading.Event()
        threading.Timer(0.3, stop.set).start()
        seconds, _ = seconds_until(Interrupted, lambda: client_of(url, stop=stop.is_set).rest.users_page())
        assert seconds < SOON


def test_a_connection_that_is_not_taken_has_the_deadline_too():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        others = []
        for _ in range(3):  # as many as the machine lets wait; the next one gets no answer
            other = socket.socket()
            other.setblocking(False)
            other.connect_ex(address)
            others.append(other)
        url = f"http://127.0.0.1:{address[1]}"
        seconds, error = seconds_until(
            RetryLater, lambda: client_of(url, timeout=(1.0, 30.0)).rest.users_page()
        )
        assert seconds < SOON
        assert "no connection to" in str(error)
        seconds, _ = seconds_until(Unfinished, lambda: client_of(url, seconds=1.0).rest.users_page())
        assert seconds < SOON
        for other in others:
            other.close()


def test_a_name_that_is_never_found_has_the_deadline_too(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *about: time.sleep(20))

    seconds, _ = seconds_until(
        Unfinished, lambda: client_of("http://thinkific.example", seconds=1.0).rest.users_page()
    )

    assert seconds < SOON


def test_silence_ends_before_the_deadline():
    with serve(silent) as url:
        seconds, error = seconds_until(
            RetryLater, lambda: client_of(url, timeout=(1.0, 0.5)).rest.users_page()
        )

    assert seconds < SOON
    assert "no answer within 0.5 s" in str(error)


def test_the_time_of_a_client_is_for_all_its_requests():
    with serve(dripping_body) as url:
        client = ThinkificClient(
            Credentials("acme", KEY, api_url=url), retries=3, until=time.monotonic() + 1.0
        )
        seconds, _ = seconds_until(Unfinished, client.rest.users_page)
        assert seconds < SOON
        seconds, _ = seconds_until(Unfinished, client.rest.users_page)
        assert seconds < 1


def test_a_connection_serves_again_after_a_whole_answer():
    taken = []

    def script(connection):
        taken.append(connection)
        for _ in range(3):
            after_the_request(connection)
            time.sleep(0.4)  # longer than a look: the time-out of a look must not be that of the next request
            connection.sendall(HEAD + b'Content-Length: 12\r\n\r\n{"items":[]}')

    with serve(script) as url:
        client = client_of(url)
        for _ in range(3):
            assert client.rest.users_page().items == []

    assert len(taken) == 1


def test_a_redirection_takes_the_key_to_no_other_host():
    asked = []

    def elsewhere(connection):
        asked.append(connection)

    with serve(elsewhere) as other:

        def script(connection):
            after_the_request(connection)
            where = f"Location: {other}/api\r\n".encode()
            connection.sendall(b"HTTP/1.1 302 Found\r\n" + where + b"Content-Length: 0\r\n\r\n")

        with serve(script) as url, pytest.raises(Rejected, match="redirection"):
            client_of(url).rest.users_page()

    assert asked == []


# --- size ---------------------------------------------------------------------------------------------------


def answer(head: bytes, body: bytes):
    def script(connection):
        after_the_request(connection)
        connection.sendall(HEAD + head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    return script


@pytest.mark.parametrize("extra", [-64, 64])
@pytest.mark.parametrize("coding", ["plain", "gzip", "deflate", "chunked"])
def test_an_answer_may_be_as_large_as_the_setting_says(settings, coding, extra):
    settings.THINKIFIC_LARGEST_ANSWER = 1
    size = (1 << 20) + extra
    body = b'{"items":[]' + b" " * (size - 12) + b"}"
    if coding in ("plain", "chunked"):
        body = body[: len(body) - 512 - 1] + b"}"  # the headers count as well, as they come
    packed = {"gzip": gzip.compress, "deflate": zlib.compress}.get(coding, bytes)(body)
    head = f"Content-Encoding: {coding}\r\n".encode() if coding in ("gzip", "deflate") else b""
    script = answer(head, packed)
    if coding == "chunked":

        def script(connection):
            after_the_request(connection)
            connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
            connection.sendall(b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")

    with serve(script) as url:
        if extra < 0:
            assert client_of(url).rest.users_page().items == []
        elif coding in ("gzip", "deflate"):
            with pytest.raises(Unfinished, match=r"larger than 1 MiB \(THINKIFIC_LARGEST_ANSWER\)"):
                client_of(url).rest.users_page()


def test_headers_without_end_are_too_large_as_well(settings):
    settings.THINKIFIC_LARGEST_ANSWER = 1

    def script(connection):
        after_the_request(connection)
        while True:
            connection.sendall(b"HTTP/1.1 100 Continue\r\nX-Many: " + b"x" * 60_000 + b"\r\n\r\n")

    with serve(script) as url, pytest.raises(Unfinished, match="larger than 1 MiB"):
        client_of(url).rest.users_page()


# Sends far more than the limit, in each way; says what the request ended with and how the memory grew.
GREEDY = """
import gzip, resource, sys, threading, zlib
import django
django.setup()
from tests.integrations.thinkific.sockets import HEAD, after_the_request, serve
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.client.errors import RetryLater

how = sys.argv[1]
block = b" " * (1 << 20)
if how in ("gzip", "deflate", "twice", "chunked bomb"):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31 if how != "deflate" else 15)
    body = b"".join(packer.compress(block) for _ in range(200)) + packer.flush()
    if how == "twice":
        body = gzip.compress(body)

def script(connection):
    after_the_request(connection)
    if how == "plain":
        connection.sendall(HEAD + b"Content-Length: %d\\r\\n\\r\\n" % (200 << 20))
        for _ in range(200):
            connection.sendall(block)
    elif how == "chunk size":
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\\r\\n\\r\\n")
        while True:
            connection.sendall(b"0" * (1 << 16))
    elif how == "chunked":
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\\r\\n\\r\\n")
        connection.sendall(b"%x\\r\\n" % (200 << 20))
        for _ in range(200):
            connection.sendall(block)
    else:
        coding = {"twice": "gzip, gzip", "deflate": "deflate"}.get(how, "gzip").encode()
        connection.sendall(HEAD + b"Content-Encoding: " + coding + b"\\r\\n")
        if how == "chunked bomb":
            connection.sendall(b"Transfer-Encoding: chunked\\r\\n\\r\\n")
            connection.sendall(b"%x\\r\\n" % len(body) + body + b"\\r\\n0\\r\\n\\r\\n")
        else:
            connection.sendall(b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body)

with serve(script) as url:
    client = ThinkificClient(Credentials("acme", "k" * 32, api_url=url), retries=0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        client.rest.users_page()
    except RetryLater as error:
        print(error)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) // 1024)
"""


@pytest.mark.parametrize(
    "how", ["plain", "chunked", "chunk size", "gzip", "deflate", "chunked bomb", "twice"]
)
def test_two_hundred_megabytes_cost_less_than_eighty(process_environment, how):
    environment = process_environment | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run(
        [sys.executable, "-c", GREEDY, how],
        cwd=ROOT, env=environment, text=True, capture_output=True, timeout=120,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-2000:]
    words, grown = done.stdout.splitlines()
    assert "larger than 32 MiB" in words or (how == "chunk size" and "cut off" in words)
    assert int(grown) < 80
