"""The client of a run: it counts what it sends."""

import threading
from collections.abc import Mapping
from typing import Any

from integrations.thinkific.answers import Answer
from integrations.thinkific.client import ThinkificClient
from integrations.thinkific.credentials import REST


class CountingClient(ThinkificClient):
    """`sent` is the number of requests made so far, GraphQL and repeated ones included."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.sent = 0
        self._counting = threading.Lock()

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
        return super().send_raw(method, path, params, json, surface=surface)
