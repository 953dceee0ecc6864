"""A connection of the web server with deadlines. Waitress itself closes only connections without any
traffic."""

import contextlib
import math
import time
from copy import copy
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser

from project.serving.limits import (
    ANSWER_WITHIN,
    HEADERS_WITHIN,
    IDLE_WITHIN,
    LARGEST_UPLOAD,
    REQUEST_WITHIN,
    TAKEN_WITHIN,
    UPLOAD_WITHIN,
    UPLOADS,
)

_TEXT = b"The request did not arrive in time.\n"
TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"X-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'none'\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_TEXT), _TEXT)
)


class Parser(HTTPRequestParser):
    """A request, which may have a larger body if it uploads a file."""

    adj: Any

    @property
    def is_upload(self) -> bool:
        return getattr(self, "path", "") in UPLOADS

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if self.is_upload:
            limits = copy(self.adj)
            limits.max_request_body_size = LARGEST_UPLOAD
            self.adj = limits


class Channel(HTTPChannel):
    """A connection that `keep_deadlines`, called by the main loop, closes when the client is too slow.

    Each phase has its own deadline. A client cannot extend one by sending single bytes.
    """

    parser_class = Parser
    last_answers = False  # True when the process stops: connections are closed after their answer

    def __init__(self, *args: Any, **options: Any) -> None:
        self.idle_since = time.monotonic()
        self.begun_at: float | None = None  # when the first byte of an incomplete request came
        self.behind_since: float | None = None  # since when the client has not read all of our answer
        self.left, self.moved_at = 0, 0.0  # bytes that are left to send, and when they last became fewer
        super().__init__(*args, **options)

    @property
    def waits_for_request(self) -> bool:
        """Whether the connection has neither a request in work nor an answer to send, so that it can be
        closed."""
        return not self.requests and not self.total_outbufs_len

    def received(self, data: bytes) -> bool:
        if self.begun_at is None:
            self.begun_at = time.monotonic()
        taken = super().received(data)
        if self.requests:
            # The request is complete: no deadline for the client while we answer it.
            self.begun_at, self.idle_since = None, math.inf
        elif self.request is None:
            self.begun_at = None  # only empty lines, which may come between requests: still idle
        return taken

    def service(self) -> None:
        if self.last_answers:
            self.requests[0].headers["CONNECTION"] = "close"
        super().service()
        self.idle_since = time.monotonic()
        # A part of the next request may be here already. Its deadline begins now.
        self.begun_at = self.idle_since if self.request is not None else None

    def keep_deadlines(self, now: float) -> None:
        """Close the connection if its client is too slow. Call it only in the thread of the main loop."""
        if self._is_too_slow_to_read(now):
            # `will_close` would wait until the client reads something.
            self.handle_close()
        elif self.waits_for_request and self._is_too_slow_to_ask(now):
            self.refuse()

    def refuse(self) -> None:
        if self.begun_at is not None:
            with contextlib.suppress(OSError):  # the client may be gone or not read
                self.socket.send(TOO_SLOW)
        self.handle_close()

    def _is_too_slow_to_ask(self, now: float) -> bool:
        if self.begun_at is None:
            return now - self.idle_since > IDLE_WITHIN
        request = self.request
        has_headers = request is not None and request.headers_finished
        if request is not None and has_headers:
            return now - self.begun_at > (UPLOAD_WITHIN if request.is_upload else REQUEST_WITHIN)
        return now - self.begun_at > HEADERS_WITHIN

    def _is_too_slow_to_read(self, now: float) -> bool:
        left = self.total_outbufs_len
        if not left:
            self.behind_since = None
            return False
        if self.behind_since is None:
            self.behind_since = self.moved_at = now
        elif left < self.left:
            self.moved_at = now
        self.left = left
        return now - self.moved_at > TAKEN_WITHIN or now - self.behind_since > ANSWER_WITHIN
