"""Connections to Thinkific, kept open between requests: each thread has its own session."""

import threading

import requests

from integrations.thinkific.client.wire import BoundedAdapter


class Sessions:
    """The sessions of `requests` for one address, one for each thread."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._local = threading.local()

    def prepare(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None
    ) -> requests.PreparedRequest:
        """Returns a request without its parameters. The last one without a body is kept and used again: the
        pages of a list differ only in their parameters, and preparing a request takes much of the time."""
        key = (method, path, headers)
        if body is None and getattr(self._local, "key", None) == key:
            return self._local.request.copy()
        request = requests.Request(method, f"{self._address}{path}", headers=headers, data=body)
        prepared = self.current().prepare_request(request)
        if body is None:
            self._local.key, self._local.request = key, prepared.copy()
        return prepared

    def current(self) -> requests.Session:
        """Returns the session of the calling thread."""
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = self._new_session()
        return session

    def _new_session(self) -> requests.Session:
        """Returns a session that reads the environment (proxies, certificates) only now, not at each request.

        So a ~/.netrc cannot replace our Authorization header.
        """
        session = requests.Session()
        adapter = BoundedAdapter()
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        found = session.merge_environment_settings(self._address, {}, None, None, None)
        session.proxies, session.verify = found["proxies"], found["verify"]
        session.trust_env = False
        return session
