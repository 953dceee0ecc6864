"""A minimal HTTP/1.1, so that benchmarks measure the client and not this server."""

from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

REASONS = {
    100: "Continue",
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    302: "Found",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    520: "Web Server Returned an Unknown Error",
}
LARGEST_BODY = 64 * 1024 * 1024


class BadRequest(Exception):
    """The request is not HTTP that this server reads. The connection is closed."""


class Request:
    __slots__ = ("_query", "body", "headers", "keep_alive", "method", "path", "query_string")

    def __init__(
        self, method: str, target: str, headers: dict[str, str], body: bytes, keep_alive: bool
    ) -> None:
        path, _, self.query_string = target.partition("?")
        self.method = method
        self.path = unquote(path)
        self.headers = headers
        self.body = body
        self.keep_alive = keep_alive
        self._query: dict[str, str] | None = None

    @property
    def query(self) -> dict[str, str]:
        if self._query is None:
            self._query = dict(parse_qsl(self.query_string, keep_blank_values=True))
        return self._query

    def json(self) -> Any:
        """Returns the body. Raises ValueError if it is not JSON."""
        return msgspec.json.decode(self.body) if self.body else {}


class Response:
    """An answer. `failure` is how sending it fails: "reset" (not sent) or "truncate" (half of it is sent)."""

    __slots__ = ("body", "content_type", "delay", "failure", "headers", "status")

    def __init__(
        self, status: int, body: bytes = b"", content_type: str = "application/json; charset=utf-8"
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers: list[tuple[str, str]] = []
        self.delay = 0.0
        self.failure: str | None = None

    @classmethod
    def of(cls, status: int, content: Any) -> "Response":
        return cls(status, msgspec.json.encode(content))

    def encoded(self, *, keep_alive: bool) -> bytes:
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unknown')}"]
        if self.body or self.status not in (204, 304):
            lines.append(f"content-type: {self.content_type}")
            lines.append(f"content-length: {len(self.body)}")
        lines.extend(f"{name}: {value}" for name, value in self.headers)
        lines.append("connection: keep-alive" if keep_alive else "connection: close")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


def take_request(buffer: bytearray) -> Request | None:
    """Remove the first request from the buffer and return it; None while it is incomplete.

    Raises BadRequest.
    """
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        if len(buffer) > 256 * 1024:
            raise BadRequest("headers too long")
        return None
    first, *lines = bytes(buffer[:end]).decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3:
        raise BadRequest(first[:80])
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    start = end + 4
    if headers.get("transfer-encoding", "").lower() == "chunked":
        taken = _take_chunks(buffer, start)
        if taken is None:
            return None
        body, start = taken
    else:
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            raise BadRequest("content-length")
        if len(buffer) < start + int(length):
            return None
        body = bytes(buffer[start : start + int(length)])
        start += int(length)
    del buffer[:start]
    connection = headers.get("connection", "").lower()
    keep_alive = connection != "close" and (parts[2] != "HTTP/1.0" or connection == "keep-alive")
    return Request(parts[0].upper(), parts[1], headers, body, keep_alive)


def _take_chunks(buffer: bytearray, start: int) -> tuple[bytes, int] | None:
    body = bytearray()
    while True:
        line_end = buffer.find(b"\r\n", start)
        if line_end < 0:
            return None
        try:
            size = int(bytes(buffer[start:line_end]).split(b";")[0], 16)
        except ValueError:
            raise BadRequest("chunk size") from None
        start = line_end + 2
        if len(buffer) < start + size + 2:
            return None
        body += buffer[start : start + size]
        start += size + 2
        if size == 0:
            return bytes(body), start
