"""Odd values in Thinkific's answers are read or reported, and never stop the others."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.thinkific.client import schemas
from integrations.thinkific.client.decoding import decode_object, decode_page, parse_moment
from integrations.thinkific.client.errors import RetryLater
from integrations.thinkific.client.graphql.ids import parse_graphql_id

ROW = {
    "id": 700001,
    "user_id": 90001,
    "course_id": 3001,
    "user_email": "nadia.okafor@example.org",
    "percentage_completed": "0.42",
    "is_free_trial": False,
    "updated_at": "2025-03-09T16:45:10.512Z",
    "expiry_date": None,
}


def page(*rows, pagination=None):
    body = {"items": rows, "meta": {"pagination": pagination or {"total_items": len(rows), "total_pages": 1}}}
    return json.dumps(body).encode()


def enrollment(**changes):
    found = decode_page(page(ROW | changes), schemas.Enrollment)
    assert found.bad_rows == []
    return found.items[0]


def test_a_row_is_typed():
    row = enrollment()

    assert row.id == 700001
    assert row.percentage_completed == "0.42"
    assert row.updated_at == datetime(2025, 3, 9, 16, 45, 10, 512000, tzinfo=UTC)
    assert row.expiry_date is None
    assert row.expired is None  # missing


def test_one_bad_row_is_reported_and_the_others_survive():
    body = page(ROW, {"id": None}, {"id": 5, "updated_at": "soon"}, "text", ROW | {"id": 700002})

    found = decode_page(body, schemas.Enrollment)

    assert [row.id for row in found.items] == [700001, 700002]
    assert [row.id for row in found.bad_rows] == ["#2", "5", "#4"]
    assert "soon" in found.bad_rows[1].message
    assert found.fetched == 5


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-03-09", datetime(2025, 3, 9, tzinfo=UTC)),
        ("2025-03-09T16:45:10", datetime(2025, 3, 9, 16, 45, 10, tzinfo=UTC)),
        ("2025-03-09T16:45:10+02:00", datetime(2025, 3, 9, 14, 45, 10, tzinfo=UTC)),
        ("2025-03-09T16:45:10.123456789-05:00", datetime(2025, 3, 9, 21, 45, 10, 123457, tzinfo=UTC)),
        ("2025-03-09 16:45:10 UTC", datetime(2025, 3, 9, 16, 45, 10, tzinfo=UTC)),
        ("2025-03-09T16:45Z", datetime(2025, 3, 9, 16, 45, tzinfo=UTC)),
        ("", None),
    ],
)
def test_dates_come_in_many_forms(text, moment):
    assert enrollment(updated_at=text).updated_at == moment


def test_dates_are_aware_whatever_they_look_like():
    assert parse_moment("2025-03-09T16:45:10+02:00").tzinfo is UTC
    assert enrollment(updated_at="2025-03-09T16:45:10").updated_at.tzinfo is UTC


@pytest.mark.parametrize("value", ["0.42", 0.42, 1, "24.0", "", None])
def test_a_percentage_may_be_text_or_a_number(value):
    assert enrollment(percentage_completed=value).percentage_completed == value


def test_ids_and_flags_may_be_text_and_text_may_be_a_number():
    row = enrollment(id="700001", user_id="90001", expired="true", user_name=4711)

    assert (row.id, row.user_id, row.expired, row.user_name) == (700001, 90001, True, "4711")


@pytest.mark.parametrize("number", [0, -1, 2**63, "x", 1.5, [], {}])
def test_an_id_that_no_column_can_hold_is_reported(number):
    found = decode_page(page(ROW | {"id": number}), schemas.Enrollment)

    assert (found.items, len(found.bad_rows)) == ([], 1)


def test_nuls_lone_surrogates_and_broken_text_do_not_crash():
    body = page(ROW | {"user_name": "a\ud800b\x00c"}).replace(b"nadia.okafor", b"nadi\xff")

    row = decode_page(body, schemas.Enrollment).items[0]

    assert row.user_name == "a\ud800b\x00c"
    assert row.user_email == "nadi\ufffd@example.org"


def test_unknown_fields_and_values_are_no_obstacle():
    body = page({"id": 1, "contentable_type": "Hologram", "new": {"deep": [1]}})

    assert decode_page(body, schemas.Content).items[0].contentable_type == "Hologram"


def test_a_group_may_come_wrapped():
    for body in (b'{"group": {"id": 330, "name": "Acme"}}', b'{"id": 330, "name": "Acme"}'):
        assert decode_object(body, schemas.Group, unwrap="group").name == "Acme"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html></html>", b'{"items": [{"id": 1}', b"{}", b"null", b'{"items": null}', b"[" * 100_000],
)
def test_what_is_no_list_is_transient(body):
    with pytest.raises(RetryLater):
        decode_page(body, schemas.User)


def test_the_last_page_is_known_by_whatever_it_tells():
    def is_last(*rows, page_number=1, **pagination):
        return decode_page(page(*rows, pagination=pagination), schemas.User, page=page_number).is_last

    assert is_last({"id": 1}, next_page=None)
    assert not is_last({"id": 1}, next_page=2)
    assert not is_last({"id": 1}, total_pages=3, current_page=2)
    assert is_last({"id": 1}, total_pages="3", page_number=3)
    assert is_last(next_page=2)  # empty: whatever it promises
    assert decode_page(b'[{"id": 1}]', schemas.User).is_last


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("3001", 3001),
        (3001, 3001),
        ("gid://thinkific/Course/3001", 3001),
        ("Course:3001", 3001),
        ("sub_301", 301),
        (base64.b64encode(b"gid://thinkific/Course/3001").decode(), 3001),
        (base64.urlsafe_b64encode(b"Course:3001").decode().rstrip("="), 3001),
        ("5f0f0c1e-9f0b-4c15-9b53-123456789012", None),
        ("", None),
        ("Course", None),
        ("9" * 30, None),
        ("0", None),
        (None, None),
        (True, None),
    ],
)
def test_graphql_ids_are_unwrapped(value, number):
    assert parse_graphql_id(value) == number


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(rows=st.lists(st.dictionaries(st.sampled_from(sorted(ROW)), json_values) | json_values, max_size=5))
def test_whatever_the_rows_are_each_one_is_read_or_reported(rows):
    found = decode_page(json.dumps({"items": rows}).encode(), schemas.Enrollment)

    assert found.fetched == len(rows)
