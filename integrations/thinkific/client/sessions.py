"""Connections to Thinkific, kept from request to request: each thread has a session of its own."""

import threading

import requests

from integrations.thinkific.client.wire import BoundedAdapter


class Sessions:
    """The half of Transport that knows requests' sessions."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._local = threading.local()

    def _prepared(
        self, session: requests.Session, method: str, path: str, headers: dict[str, str], body: bytes | None
    ) -> requests.PreparedRequest:
        """A request without its parameters. The last one of a thread serves again: the pages of a list differ
        in nothing else, and putting it together is a good part of the work."""
        key = (method, path, headers)
        if body is None and getattr(self._local, "key", None) == key:
            return self._local.request.copy()
        request = requests.Request(method, f"{self._address}{path}", headers=headers, data=body)
        prepared = session.prepare_request(request)
        if body is None:
            self._local.key, self._local.request = key, prepared.copy()
        return prepared

    def _thread_session(self) -> requests.Session:
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = self._new_session()
        return session

    def _new_session(self) -> requests.Session:
        """A session that has read the environment (proxies, certificates) once and not for every request.

        With that, it also leaves our Authorization header alone, which a ~/.netrc would replace.
        """
        session = requests.Session()
        adapter = BoundedAdapter()
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        found = session.merge_environment_settings(self._address, {}, None, None, None)
        session.proxies, session.verify = found["proxies"], found["verify"]
        session.trust_env = False
        return session
