"""Servers that break HTTP or never end: `serve(script)` runs `script(connection)` for each connection."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def serve(script: Callable[[socket.socket], None]) -> Iterator[str]:
    """Run the server; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_ones: list[socket.socket] = []

    def work(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            script(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            open_ones.append(connection)
            threading.Thread(target=work, args=[connection], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in open_ones:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def after_the_request(connection: socket.socket) -> None:
    """Read the headers of a request."""
    read = b""
    while b"\r\n\r\n" not in read:
        part = connection.recv(65536)
        if not part:
            raise OSError("gone")
        read += part


def drip(connection: socket.socket, text: bytes, *, every: float = 0.1) -> None:
    """Send the text byte by byte, again and again, until the other side closes the connection."""
    while True:
        for place in range(len(text)):
            connection.sendall(text[place : place + 1])
            time.sleep(every)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def silent(connection: socket.socket) -> None:
    after_the_request(connection)
    time.sleep(60)


def mute(connection: socket.socket) -> None:
    """Send nothing, not even a TLS handshake."""
    time.sleep(60)


def dripping_body(connection: socket.socket) -> None:
    after_the_request(connection)
    connection.sendall(HEAD + b"Content-Length: 1000000\r\n\r\n")
    drip(connection, b" ")


def dripping_chunks(connection: socket.socket) -> None:
    after_the_request(connection)
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    drip(connection, b"1\r\n \r\n", every=0.03)


def dripping_chunk_size(connection: socket.socket) -> None:
    after_the_request(connection)
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    drip(connection, b"0")


def dripping_until_closed(connection: socket.socket) -> None:
    """Send a body without a length, whose end is the end of the connection."""
    after_the_request(connection)
    connection.sendall(HEAD + b"Connection: close\r\n\r\n")
    drip(connection, b"[")


def dripping_headers(connection: socket.socket) -> None:
    after_the_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    drip(connection, b"X-Slow: 1\r\n", every=0.05)


def dripping_status(connection: socket.socket) -> None:
    after_the_request(connection)
    drip(connection, b"H")


def always_continue(connection: socket.socket) -> None:
    after_the_request(connection)
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.05)


SLOW = [
    silent,
    dripping_body,
    dripping_chunks,
    dripping_chunk_size,
    dripping_until_closed,
    dripping_headers,
    dripping_status,
    always_continue,
]
