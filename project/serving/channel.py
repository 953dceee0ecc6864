"""One connection of the web server, which has deadlines: waitress only notices a client that is silent."""

import contextlib
import math
import time
from typing import Any

from waitress.channel import HTTPChannel

from project.serving.limits import (
    ANSWER_WITHIN,
    HEADERS_WITHIN,
    IDLE_WITHIN,
    REQUEST_WITHIN,
    TAKEN_WITHIN,
)

_TEXT = b"The request did not arrive in time.\n"
TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"X-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'none'\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_TEXT), _TEXT)
)


class Channel(HTTPChannel):
    """Closed by `keep_deadlines`, which the main loop calls, when the client is too slow.

    One clock for each phase, none of which a trickled byte can set back.
    """

    last_answers = False  # the process stops: no connection is kept

    def __init__(self, *args: Any, **options: Any) -> None:
        self.idle_since = time.monotonic()
        self.begun_at: float | None = None  # the first byte of the request that is not here yet
        self.behind_since: float | None = None  # the client has not taken what we have for it
        self.left, self.moved_at = 0, 0.0
        super().__init__(*args, **options)

    @property
    def waits_for_request(self) -> bool:
        """Nothing of ours is lost when the connection is closed now."""
        return not self.requests and not self.total_outbufs_len

    def received(self, data: bytes) -> bool:
        if self.begun_at is None:
            self.begun_at = time.monotonic()
        taken = super().received(data)
        if self.requests:
            # It is our turn now, however long it takes.
            self.begun_at, self.idle_since = None, math.inf
        elif self.request is None:
            self.begun_at = None  # only empty lines, which may come between requests; not an end to idling
        return taken

    def service(self) -> None:
        if self.last_answers:
            self.requests[0].headers["CONNECTION"] = "close"
        super().service()
        self.idle_since = time.monotonic()
        # What is here of a next request that came right behind begins to count now.
        self.begun_at = self.idle_since if self.request is not None else None

    def keep_deadlines(self, now: float) -> None:
        """Close the connection if its client is too slow. Only for the thread of the main loop."""
        if self._is_too_slow_to_read(now):
            # Not by `will_close`: that waits until the client takes something.
            self.handle_close()
        elif self.waits_for_request and self._is_too_slow_to_ask(now):
            self.refuse()

    def refuse(self) -> None:
        if self.begun_at is not None:
            with contextlib.suppress(OSError):  # it may be gone, or not read either
                self.socket.send(TOO_SLOW)
        self.handle_close()

    def _is_too_slow_to_ask(self, now: float) -> bool:
        if self.begun_at is None:
            return now - self.idle_since > IDLE_WITHIN
        request = self.request
        has_headers = request is not None and request.headers_finished
        return now - self.begun_at > (REQUEST_WITHIN if has_headers else HEADERS_WITHIN)

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
