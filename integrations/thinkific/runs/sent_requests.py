"""The client of a run: it counts what it sends."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from integrations.thinkific.client.answers import Answer
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import REST

LOOK_UP = 0.25  # seconds


class CountingClient(ThinkificClient):
    """`sent` is the number of requests made so far, GraphQL and repeated ones included; `surfaces` where to.

    While the thread that made the client waits for an answer, `while_waiting` is called now and then: a slow
    answer must not look like a dead process.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.sent = 0
        self.surfaces: set[str] = set()
        self.while_waiting: Callable[[], None] | None = None
        self._owner = threading.get_ident()
        self._counting = threading.Lock()
        self._other_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="thinkific-call")

    def send_raw(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        *,
        surface: str = REST,
    ) -> Answer:
        with self._counting:
            self.sent += 1
            self.surfaces.add(surface)
        if threading.get_ident() != self._owner or self.while_waiting is None:
            return super().send_raw(method, path, params, json, surface=surface)
        answer = self._other_thread.submit(super().send_raw, method, path, params, json, surface=surface)
        while not wait([answer], timeout=LOOK_UP).done:
            self.while_waiting()
        return answer.result()

    def close(self) -> None:
        self._other_thread.shutdown(wait=False)
