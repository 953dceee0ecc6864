"""The server: an event loop in a thread of its own that answers all connections."""

import asyncio
import logging
import socket
import struct
import threading
from typing import TYPE_CHECKING

from integrations.thinkific.sandbox.web.http import BadRequest, Request, Response, take_request

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.web.app import App

log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """A connection. It answers requests one after the other, in order, as HTTP/1.1 requires."""

    transport: asyncio.Transport

    def __init__(self, app: "App", open_connections: set["Connection"]) -> None:
        self.app = app
        self.open_connections = open_connections
        self.buffer = bytearray()
        self.busy = False  # whether an answer is being delayed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.open_connections.add(self)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open_connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self._serve()

    def _serve(self) -> None:
        while self.buffer and not self.busy and not self.transport.is_closing():
            try:
                request = take_request(self.buffer)
            except BadRequest as problem:
                body = Response.of(400, {"error": f"Bad request: {problem}"}).encoded(keep_alive=False)
                self.transport.write(body)
                self.transport.close()
                return
            if request is None:
                return
            self.app.arrived()
            self._begin(request)

    def _begin(self, request: Request) -> None:
        early = self.app.delay_before(request)
        if early:
            self.busy = True
            asyncio.get_running_loop().call_later(early, self._answer, request)
        else:
            self._answer(request)

    def _answer(self, request: Request) -> None:
        response = self.app.handle(request)
        if response.delay:
            self.busy = True
            asyncio.get_running_loop().call_later(response.delay, self._finish, request, response)
        else:
            self._finish(request, response)

    def _finish(self, request: Request, response: Response) -> None:
        self.app.departed()
        was_busy, self.busy = self.busy, False
        if self.transport.is_closing():
            return
        if response.failure == "reset":
            reset(self.transport)
            return
        data = response.encoded(keep_alive=request.keep_alive)
        if response.failure == "truncate":
            self.transport.write(data[: len(data) - (len(response.body) + 1) // 2])
            self.transport.close()
            return
        self.transport.write(data)
        if not request.keep_alive:
            self.transport.close()
        elif was_busy:
            self._serve()


def reset(transport: asyncio.Transport) -> None:
    """Close the connection with RST, as a crashed proxy does."""
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class Server:
    def __init__(self, app: "App", host: str, port: int) -> None:
        self.app = app
        self.connections: set[Connection] = set()
        # Bound here, so that a port in use raises in the caller, and the chosen port is known at once.
        self.socket = socket.create_server((host, port), backlog=512)
        self.host, self.port = self.socket.getsockname()[:2]
        self._serving = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"thinkific-sandbox-{self.port}", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        self._thread.start()
        self._serving.wait(timeout=10)

    def stop(self) -> None:
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        serving = self._loop.create_server(lambda: Connection(self.app, self.connections), sock=self.socket)
        listener = self._loop.run_until_complete(serving)
        self._loop.call_soon(self._serving.set)
        try:
            self._loop.run_forever()
        finally:
            listener.close()
            for connection in list(self.connections):
                connection.transport.abort()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()
