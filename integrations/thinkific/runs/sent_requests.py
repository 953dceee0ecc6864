"""Counts the requests that a run sends to Thinkific."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from integrations.thinkific.client.answers import Answer

LOOK_EVERY = 0.25  # seconds


class SentRequests:
    """Counts the requests of one run: `ThinkificClient(…, around=sent.send)`.

    `count` includes requests to GraphQL and repeated ones; `surfaces` has the surfaces (REST, GraphQL) that
    were used. While the thread that created this object waits for an answer, `while_waiting` is called every
    LOOK_EVERY seconds, so that the run's heartbeat does not stop.
    """

    def __init__(self) -> None:
        self.count = 0
        self.surfaces: set[str] = set()
        self.while_waiting: Callable[[], None] | None = None
        self._owner = threading.get_ident()
        self._counting = threading.Lock()
        self._other_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="thinkific-call")

    def send(self, surface: str, attempt: Callable[[], Answer]) -> Answer:
        """Count one attempt and make it. In the run's own thread, `while_waiting` is called meanwhile."""
        with self._counting:
            self.count += 1
            self.surfaces.add(surface)
        if threading.get_ident() != self._owner or self.while_waiting is None:
            return attempt()
        answer = self._other_thread.submit(attempt)
        while not wait([answer], timeout=LOOK_EVERY).done:
            self.while_waiting()
        return answer.result()

    def close(self) -> None:
        self._other_thread.shutdown(wait=False)
