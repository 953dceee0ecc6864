"""The time limit of statements is set after connecting to PostgreSQL, because PgBouncer refuses it before."""

import socket
import struct
import threading

import pytest
from django.db import connection, connections

needs_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="about PostgreSQL")


@pytest.fixture
def another():
    """A connection of its own, opened by the test."""
    mine = connections.create_connection("default")
    mine.inc_thread_sharing()
    yield mine
    mine.close()


@needs_postgresql
@pytest.mark.django_db
def test_the_limits_hold_on_every_connection(another, settings):
    settings.DATABASE_LIMITS = {"statement_timeout": 4321}
    with another.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("4321ms",)


@needs_postgresql
@pytest.mark.django_db
def test_what_is_sent_to_connect_holds_nothing_that_a_pooler_refuses(another):
    with Recorder(another.settings_dict) as recorder:
        # Not in place: every connection of the process has these settings.
        another.settings_dict = another.settings_dict | {"HOST": "127.0.0.1", "PORT": str(recorder.port)}
        with another.cursor() as cursor:
            cursor.execute("SELECT 1")

    # What PgBouncer knows without `ignore_startup_parameters`.
    known = {"user", "database", "client_encoding", "datestyle", "timezone", "application_name"}
    assert {name.lower() for name in recorder.parameters} <= known


class Recorder:
    """Stands before the server, and notes with which parameters a client begins."""

    def __init__(self, database: dict) -> None:
        self.server = (database["HOST"], int(database["PORT"]))
        self.parameters: list[str] = []

    def __enter__(self) -> "Recorder":
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            first = client.recv(65536)
            code = struct.unpack("!I", first[4:8])[0]
            if code != 196608:  # not version 3.0: it asks for TLS or GSS
                client.sendall(b"N")
                first = client.recv(65536)
                if struct.unpack("!I", first[4:8])[0] != 196608:
                    client.sendall(b"N")
                    first = client.recv(65536)
            self.parameters = [part.decode() for part in first[8:].split(b"\x00")[::2] if part]
            server = socket.create_connection(self.server)
            server.sendall(first)
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    while data := one.recv(65536):
        other.sendall(data)
    other.close()
