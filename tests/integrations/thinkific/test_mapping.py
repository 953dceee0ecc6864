"""From Thinkific's rows to stored rows: all values fit into the columns, whatever Thinkific sends."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.folding import split_name
from integrations.thinkific.client import schemas
from integrations.thinkific.client.decoding import BadRow
from integrations.thinkific.mapping import (
    Notes,
    Unusable,
    email_of,
    enrollment_row,
    group_row,
    moment,
    product_row,
    user_row,
)
from integrations.thinkific.runs.pages import decode_row, read_page

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("0.42", "0.42"),
        (1, "1"),
        ("24.0", "0.24"),
        (100, "1"),
        (1000, "1"),
        ("0", "0"),
        ("0.33333333", "0.3333"),
    ],
)
def test_progress_is_a_share_from_0_to_1(theirs, ours):
    notes = Notes()

    assert notes.progress(theirs, "Enrollment 1") == Decimal(ours)
    assert notes.issues == []


@pytest.mark.parametrize("theirs", ["0,75", "-3", -1, "junk", "NaN", "Infinity"])
def test_progress_that_is_no_number_is_said_and_not_taken_for_0(theirs):
    notes = Notes()

    assert notes.progress(theirs, "Enrollment 1") is None
    assert [issue.object for issue in notes.issues] == ["Enrollment 1"]
    assert str(theirs) in notes.issues[0].message


@pytest.mark.parametrize("theirs", [None, ""])
def test_missing_progress_is_not_reported(theirs):
    notes = Notes()

    assert notes.progress(theirs, "Enrollment 1") is None
    assert notes.issues == []


@pytest.mark.parametrize(
    ("full", "parts"),
    [("Ana Maria Ames", ("Ana", "Maria Ames")), ("Ana", ("Ana", "")), (None, ("", "")), ("  ", ("", ""))],
)
def test_a_full_name_is_split_at_its_first_space(full, parts):
    assert split_name(full) == parts


def test_an_address_is_trimmed_and_lower_case():
    assert email_of("  Ana\x00@Example.ORG ") == "ana@example.org"


@pytest.mark.parametrize("address", [None, "", "  ", "\x00", f"{'a' * 255}@example.org"])
def test_an_address_that_cannot_be_stored_is_refused(address):
    with pytest.raises(Unusable):
        email_of(address)


@pytest.mark.parametrize(
    "text",
    [
        "[TEST] a@example.com",
        "ana",
        "ana@",
        "@example.org",
        "ana@example",
        "ana@.example.org",
        "ana@example..org",
        "an a@example.org",
        "ana@exa mple.org",
        "ana@a.example, bo@b.example",
        "Ana <ana@example.org>",
        "ana@@example.org",
        "mailto:ana@example.org",
        "an\x01a@example.org",
        "an\u200ba@example.org",
        "ana\n@example.org",
        "n/a",
    ],
)
def test_what_is_no_address_is_not_stored_as_one(text):
    with pytest.raises(Unusable, match="not an e-mail address"):
        email_of(text)


@pytest.mark.parametrize(
    "address", ["a..b@mobile.example", "jörg@xn--bro-hoa.example", "o'neil+x@sub.example.org", "1@2.example"]
)
def test_addresses_that_are_in_use_are_kept(address):
    assert email_of(address) == address


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300) | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
# Lone surrogates too, as JSON can carry them.
text = st.text(alphabet=st.characters(codec=None), max_size=700) | st.just("\ud800") | st.just("a\x00b")


def rows_of(struct, **known):
    names = [name for name in struct.__struct_fields__ if name not in {"id", *known}]
    usual = {
        name: st.one_of(text, st.none(), st.integers(), st.sampled_from(["1.5", "2026-01-01"]))
        for name in names
    }
    odd = dict.fromkeys(names, values)
    return st.fixed_dictionaries(
        {"id": st.integers(1, 2**62)} | known,
        optional={n: usual[n] | odd[n] for n in names},
    )


def through_a_page(row, row_type):
    """Returns the row of a page given as bytes. It must be the same when decoded in advance."""
    body = json.dumps({"items": [row]}).encode()
    page = read_page(body, number=1, what="GET /things")
    ahead = read_page(body, number=1, what="GET /things", ahead=row_type)
    assert len(page.items) + len(page.bad_rows) == 1
    if not page.items:
        return page.bad_rows[0]
    found = decode_row(page.items[0], row_type)
    assert ahead.items[0].decoded in (None, found)
    assert decode_row(ahead.items[0], row_type) == found
    return found


def fits(value, length):
    value.encode()  # no half characters
    return "\x00" not in value and len(value) <= length


@settings(max_examples=150, deadline=None)
@given(rows_of(schemas.User, email=text | values))
def test_any_person_fits_or_is_refused_with_a_reason(row):
    user = through_a_page(row, schemas.User)
    if isinstance(user, BadRow):
        assert user.message
        return
    notes = Notes()
    try:
        ours = user_row(user, notes, digest=1, now=NOW)
    except Unusable as reason:
        assert str(reason)
        return
    assert fits(ours["email"], 254)
    assert ours["email"] == ours["email"].lower()
    for name in ("first_name", "last_name", "company", "external_source"):
        assert fits(ours[name], 255)
    stored = json.dumps([ours["thinkific_roles"], ours["custom_profile_fields"]], allow_nan=False)
    assert "\\u0000" not in stored
    assert all(issue.message for issue in notes.issues)


@settings(max_examples=150, deadline=None)
@given(rows_of(schemas.Enrollment))
def test_any_enrollment_fits_or_is_refused(row):
    enrollment = through_a_page(row, schemas.Enrollment)
    if isinstance(enrollment, BadRow):
        return
    ours = enrollment_row(enrollment, user_id=1, product_id=1, digest=1, now=NOW)
    assert ours["percentage_completed"] is None or 0 <= ours["percentage_completed"] <= 1
    for name in ("activated_at", "started_at", "completed_at", "expiry_date", "remote_updated_at"):
        assert ours[name] is None or ours[name].utcoffset().total_seconds() == 0
    assert ours["remote_updated_at"] is None or ours["remote_updated_at"] <= NOW + timedelta(minutes=5)


@settings(max_examples=100, deadline=None)
@given(rows_of(schemas.Product, productable_type=st.sampled_from(["Course", "Bundle", "bundle", "?"])))
def test_any_product_fits_or_is_refused(row):
    product = through_a_page(row, schemas.Product)
    if isinstance(product, BadRow):
        return
    try:
        ours = product_row(product, Notes(), site_url="https://x.example", now=NOW)
    except Unusable:
        return
    assert fits(ours["name"], 500)
    assert fits(ours["card_image_url"], 2000)
    assert ours["price"] is None or abs(ours["price"]) < 10**10


@settings(max_examples=60, deadline=None)
@given(rows_of(schemas.Group))
def test_any_group_fits_and_has_a_name(row):
    group = through_a_page(row, schemas.Group)
    if isinstance(group, BadRow):
        return
    ours = group_row(group, Notes())
    assert ours["name"]
    assert fits(ours["name"], 255)


@given(st.datetimes(timezones=st.integers(-840, 840).map(lambda m: timezone(timedelta(minutes=m)))))
@settings(max_examples=200, deadline=None)
def test_any_moment_is_in_utc_or_left_out(value):
    found = moment(value)
    assert found is None or (found == value and found.utcoffset().total_seconds() == 0)
