"""`Flow` goes through both ways to import with a client, as a browser does without scripts."""

import io
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from openpyxl import Workbook

from core.imports import running
from core.models import ImportBatch, User

UPLOAD = "/admin/imports/upload/"
OPTIONS = {"existing": "leave", "emails": "no", "in_thinkific": "on"}


def a_file(text: str | bytes, name: str = "people.csv") -> io.BytesIO:
    file = io.BytesIO(text.encode() if isinstance(text, str) else text)
    file.name = name
    return file


def a_book(sheets: dict[str, list[list[str]]]) -> bytes:
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


class Flow:
    def __init__(self, client: Client) -> None:
        self.client = client

    def get(self, url: str) -> str:
        answer = self.client.get(url)
        assert answer.status_code == 200, (url, answer.status_code)
        return unescape(answer.content.decode())

    def post(self, url: str, data: dict[str, Any] | None = None) -> str:
        answer = self.client.post(url, data or {}, follow=True)
        assert answer.status_code == 200, (url, answer.status_code)
        self.at = answer.redirect_chain[-1][0] if answer.redirect_chain else url
        return unescape(answer.content.decode())

    def upload(self, text: str | bytes, name: str = "people.csv", **fields: Any) -> str:
        return self.post(UPLOAD, {"file": a_file(text, name), "way": "users", **fields})

    def in_tools(self, text: str | bytes, name: str = "people.csv", **fields: Any) -> str:
        return self.upload(text, name, **{"way": "tools", **OPTIONS, **fields})

    @property
    def batch(self) -> ImportBatch:
        return ImportBatch.objects.order_by("-pk").first()

    def map(self, *fields: str, **options: Any) -> str:
        mapping = {f"m-{index}": field for index, field in enumerate(fields)}
        return self.post(f"/admin/imports/{self.batch.pk}/columns/", {**mapping, **OPTIONS, **options})

    def start(self, page: str, **fields: Any) -> str:
        digest = re.search(r'name="digest" value="(\w+)"', page)
        sent = {"digest": digest[1] if digest else "", "way": "users", **fields}
        return self.post(f"/admin/imports/{self.batch.pk}/start/", sent)

    def carry_out(self) -> ImportBatch:
        running.run_due()
        return self.batch


@pytest.fixture
def flow(signed_in):
    def of(user: User) -> Flow:
        return Flow(signed_in(user))

    return of


@pytest.fixture
def client_with_csrf():
    def of(user: User) -> Flow:
        client = Client(enforce_csrf_checks=True)
        client.force_login(user)
        return Flow(client)

    return of
