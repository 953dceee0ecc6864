"""Every list that is exported, in every format: whole files, opened again. From the registry."""

import csv
import io
import json

import openpyxl
import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils.safestring import SafeString

from core.admin.kit.exports.listing import TOGETHER, exporting_screens, kind_of, of_list
from core.admin.kit.exports.screens import ExportingAdmin
from tests.core.admin.walk.world import build

pytestmark = pytest.mark.django_db

# Lists that are not exported, and why.
NOT_EXPORTED = {
    "apitoken": "keys to the dashboard, which are out of reach while somebody acts as another",
    "webhookendpoint": "the same: where secrets are",
    "emailtext": "a setting: the texts of e-mails",
    "sitesettings": "one row, and no list",
    "syncschedule": "a setting: when each kind is read",
    "migration": "a few rows, whose pages say what came in",
    "quiz": "no screen leads to this list; filters search in it",
    "exportfile": "the files that were exported",
}


@pytest.fixture
def world(db):
    return build()


def address(screen, name: str) -> str:
    return reverse(f"admin:{screen.opts.app_label}_{screen.opts.model_name}_{name}")


def rows_of(response) -> list[dict]:
    assert response.status_code == 200, response
    content = b"".join(response)
    match response["Content-Type"].split(";")[0]:
        case "text/csv":
            return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
        case "application/json":
            return json.loads(content)
        case _:
            headings, *rows = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0].values
            return [dict(zip(headings, row, strict=True)) for row in rows]


def test_every_list_is_exported_or_says_here_why_not():
    screens = {
        model._meta.model_name: screen
        for model, screen in admin.site._registry.items()
        if model._meta.app_label in {"core", "integrations"}
    }
    without = {name for name, screen in screens.items() if not isinstance(screen, ExportingAdmin)}

    assert without == set(NOT_EXPORTED)
    assert len(exporting_screens()) == len(screens) - len(without)


@pytest.mark.parametrize("file_format", ["csv", "xlsx", "json"])
def test_an_administrator_gets_every_list_with_every_column(world, signed_in, file_format):
    viewer = world.people["superuser"]
    client, with_rows = signed_in(viewer), 0
    for kind, screen in exporting_screens().items():
        listing = of_list(screen, viewer)
        heads = [one.head for one in listing.columns]
        assert len({head.key for head in heads}) == len(heads) == len({head.heading for head in heads}), kind
        asked = {"file_format": file_format, "file_columns": ".".join(head.key for head in heads)}
        rows = rows_of(client.get(address(screen, "export_file"), asked))
        names = [head.key if file_format == "json" else head.heading for head in heads]

        assert len(rows) == listing.count(TOGETHER), kind
        assert all(list(row) == names for row in rows), kind
        with_rows += bool(rows)
    assert with_rows > 15


def test_no_value_of_a_file_is_html(world):
    viewer = world.people["superuser"]
    for kind, screen in exporting_screens().items():
        listing = of_list(screen, viewer)
        for row in listing.values(listing.columns, listing.keys()):
            for column, value in zip(listing.columns, row, strict=True):
                assert not isinstance(value, SafeString) or "<" not in value, (kind, column.head)


def test_a_file_read_from_columns_is_that_of_objects(world, monkeypatch):
    """`reading` is a short cut: the values are those of the objects."""
    viewer = world.people["superuser"]
    fast = 0
    for kind, screen in exporting_screens().items():
        listing = of_list(screen, viewer)
        for column in listing.columns:
            with monkeypatch.context() as patch:
                quick = [*map(tuple, listing.values([column], listing.keys()))]
                patch.setattr("core.admin.kit.exports.listing.reading", lambda columns, rows: None)
                slow = [*map(tuple, listing.values([column], listing.keys()))]
            assert quick == slow, (kind, column.head)
            fast += 1
    assert fast > 100


@pytest.mark.parametrize("who", ["owner", "manager"])
def test_a_team_exports_its_own_rows_only(world, signed_in, who):
    client, viewer = signed_in(world.people[who]), world.people[who]
    secrets = ["Globex", "Otto", "otto@", "Gwen", "gwen@", "Secret ", "secret", "Internal"]
    exported = []
    for model, screen in world.screens().items():
        if not isinstance(screen, ExportingAdmin):
            continue
        listing_address = address(screen, "export_file")
        answer = client.get(listing_address)
        if answer.status_code == 403:
            continue
        columns = ".".join(one.key for one in of_list(screen, viewer).columns)
        content = b"".join(client.get(listing_address, {"file_columns": columns})).decode()
        for name in secrets:
            assert name not in content, (model, name)
        hidden = str(world.foreign[model].pk)
        chosen = client.get(listing_address, {"file_columns": columns, "chosen": hidden})
        assert len(b"".join(chosen).splitlines()) == 1, model
        exported.append(kind_of(screen))

    assert {"users", "teams", "enrollments", "certificates", "quiz-results", "seats"} <= set(exported)
    assert "impersonations" not in exported
