"""A browser whose requests are rolled back, and which knows the tables that they wrote to."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.contrib.messages import get_messages
from django.db import connection, transaction
from django.template import engines
from django.test import Client
from django.utils.deprecation import MiddlewareMixin

from core.models import User

WRITES = re.compile(r'^\s*(INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)"?', re.IGNORECASE)
# Random letters, among which a name may stand by chance.
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')
NOT_DATA = {"django_session"}
UNDRAWN = "X-Undrawn"


@dataclass
class Answer:
    status: int
    location: str
    said: list[str]
    body: str  # without the tokens of its forms
    wrote: set[str]  # tables


class Browser:
    def __init__(self, person: User | None) -> None:
        self.client = Client(raise_request_exception=True)
        if person is not None:
            self.client.force_login(person)

    def ask(self, method: str, address: str, data: Any = None, *, drawn: bool = True) -> Answer:
        """Send a request and roll its changes back. With `drawn=False`, the template is not rendered."""
        cookies = self.client.cookies.copy()  # another session would be rolled back too
        with undone():
            answer = self.send(method, address, data, drawn=drawn)
        self.client.cookies = cookies
        return answer

    def send(self, method: str, address: str, data: Any = None, *, drawn: bool = True) -> Answer:
        headers = {} if drawn else {UNDRAWN: "1"}
        with written() as wrote:
            response = getattr(self.client, method)(address, data or {}, headers=headers)
        body = TOKEN.sub("", response.getvalue().decode(errors="replace"))  # of a file, all that is sent
        said = [str(message) for message in get_messages(response.wsgi_request)]
        return Answer(response.status_code, response.headers.get("Location", ""), said[-1:], body, wrote)


class WithoutDrawing(MiddlewareMixin):
    """Middleware that leaves templates out on request: rendering takes most of the time of an answer."""

    def process_template_response(self, request: Any, response: Any) -> Any:
        if UNDRAWN in request.headers:
            response.template_name = engines["django"].from_string("")
        return response


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def written() -> Iterator[set[str]]:
    """Collect the names of the tables that the block writes to."""
    tables: set[str] = set()

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = WRITES.match(sql)
        if found and found.group(2) not in NOT_DATA:
            tables.add(found.group(2))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield tables
