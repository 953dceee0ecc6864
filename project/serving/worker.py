"""The web server: gunicorn manages the processes, waitress the connections.

In gunicorn's own workers a thread reads the request and writes the answer, so eight slow clients block eight
threads. Waitress does both in one loop, and gives a request to a thread only when it has arrived completely.
"""

import logging
import os
import resource
import time
from typing import Any

from django.conf import settings
from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.server import BaseWSGIServer, MultiSocketServer, create_server

from project.serving import limits
from project.serving.channel import Channel

LOOK_EVERY = 1.0  # seconds
LINGER = 0.5  # seconds that a stopping process keeps idle connections open, for requests under way
OPEN_FILES = 4096  # a connection may have a temporary file for each direction


class BufferingWorker(Worker):
    """`gunicorn --worker-class project.serving.worker.BufferingWorker`; see project/serving/config.py."""

    servers: list[BaseWSGIServer] = []  # one for each address

    def run(self) -> None:
        _allow_open_files()
        # Under load requests wait for a thread. That is normal, so no warning for each.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self.map: dict[int, Any] = {}
        server = create_server(self.count_requests, map=self.map, **_options(self.cfg, self.sockets))
        self.servers = [entry for entry in self.map.values() if isinstance(entry, BaseWSGIServer)]
        for one in self.servers:
            one.channel_class = Channel
        self.serve()
        self.finish(server)

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        for server in self.servers:
            server.pull_trigger()  # wakes the loop at once

    def count_requests(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.nr += 1
        if self.nr == self.max_requests:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
        return self.wsgi(environ, start_response)

    def serve(self) -> None:
        looked_at = time.monotonic()
        while self.alive:
            wasyncore.poll2(LOOK_EVERY, self.map)
            now = time.monotonic()
            if len(self.channels()) >= limits.CONNECTIONS:
                self.make_room()
            if now - looked_at < LOOK_EVERY:
                continue
            looked_at = now
            self.notify()
            for channel in self.channels():
                channel.keep_deadlines(now)
            if self.ppid != os.getppid():
                self.log.info("Parent changed, shutting down: %s", self)
                return

    def channels(self) -> list[Channel]:
        return [channel for server in self.servers for channel in server.active_channels.values()]

    def make_room(self) -> None:
        """Close up to a tenth of the allowed connections: idle ones first, then incomplete requests, and
        among each those that have waited longest."""
        waiting = [channel for channel in self.channels() if channel.waits_for_request]
        waiting.sort(
            key=lambda channel: (channel.begun_at is not None, channel.begun_at or channel.idle_since)
        )
        for channel in waiting[: limits.CONNECTIONS // 10]:
            channel.refuse()

    def finish(self, server: BaseWSGIServer | MultiSocketServer) -> None:
        """Stop accepting connections, answer requests that are under way, and close."""
        for one in self.servers:
            one.channel_class.last_answers = True
            one.accepting = False
            one.del_channel()
            one.socket.close()
        now = time.monotonic()
        linger_until, deadline = now + LINGER, now + self.cfg.graceful_timeout
        while self.channels() and now < deadline:
            self.notify()
            wasyncore.poll2(0.1, self.map)
            now = time.monotonic()
            for channel in self.channels():
                if now > linger_until and channel.waits_for_request and channel.begun_at is None:
                    channel.handle_close()
                else:
                    channel.keep_deadlines(now)
        server.task_dispatcher.shutdown(timeout=1)
        wasyncore.close_all(self.map)


def _options(cfg: Any, sockets: list[Any]) -> dict[str, Any]:
    options = {
        "sockets": [listener.sock for listener in sockets],
        "threads": cfg.threads,
        "ident": None,
        "asyncore_use_poll": True,
        "connection_limit": 10 * limits.CONNECTIONS,  # never reached: `make_room` closes connections before
        "cleanup_interval": 10**9,  # never: the channels have their own deadlines
        "log_socket_errors": False,  # clients that disconnect are normal
        "recv_bytes": 64 * 1024,
        "max_request_header_size": limits.LARGEST_HEADERS,
        "max_request_body_size": limits.LARGEST_BODY,
        "inbuf_overflow": limits.BODY_IN_MEMORY,
        "outbuf_overflow": limits.ANSWER_IN_MEMORY,
        "outbuf_high_watermark": limits.ANSWER_AHEAD,
    }
    if getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        # Waitress removes these headers unless it is told that our own proxy sets them.
        options["trusted_proxy"] = "*"
        options["trusted_proxy_headers"] = {"x-forwarded-for", "x-forwarded-proto"}
    return options


def _allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
