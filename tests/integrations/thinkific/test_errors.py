"""Thinkific's error bodies, and what a status means."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from integrations.thinkific.client.answers import Answer, check
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.client.errors import (
    CredentialsRefused,
    NotFound,
    RateLimited,
    Rejected,
    RetryLater,
    error_messages,
)
from integrations.thinkific.client.rates import RateHeaders, read_rate_headers, reset_wait

KEY = "0123456789abcdef0123456789abcdef"
NOW = 1_785_947_650.0
HTML = b"<!DOCTYPE html>\n<html><head><title>520: Web server is returning an unknown error</title></html>"


def answer(status, body=b"", request="GET /users", headers=None):
    headers = headers or {}
    return Answer(status, headers, body, read_rate_headers(headers, status, time.time()), request)


def raised_by(given):
    with pytest.raises(Exception) as caught:
        check(given, Credentials("acme", KEY))
    return caught.value


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        ('{"errors": {"first_name": ["can\'t be blank"]}}', [("first_name", "can't be blank")]),
        (
            '{"errors": ["Course could not be found.", "User could not be found."]}',
            [(None, "Course could not be found."), (None, "User could not be found.")],
        ),
        ('{"errors": {"user_id": "Invalid user IDs: 3, 4"}}', [("user_id", "Invalid user IDs: 3, 4")]),
        ('{"errors": [{"user_ids": "Invalid user IDs: 1"}]}', [("user_ids", "Invalid user IDs: 1")]),
        ('[{"errors": [{"user_id": "not found"}]}]', [("user_id", "not found")]),
        ('{"error": "Record not found."}', [(None, "Record not found.")]),
        ('{"error": ["Record not found."]}', [(None, "Record not found.")]),
        (
            '{"error": {"user_id": ["Could not find user with ID 1."]}}',
            [("user_id", "Could not find user with ID 1.")],
        ),
        ('{"errors": {"base": ["is closed"]}}', [(None, "is closed")]),
        ('{"errors": [{"message": "Nope", "extensions": {}}]}', [(None, "Nope")]),
        ("[]", []),
        ("{}", []),
        ("null", []),
        ('"text"', []),
        ("", []),
        ("not json", []),
        ("<html><body>Bad gateway</body></html>", []),
        ("[" * 100_000, []),
    ],
)
def test_every_shape_of_an_error_body_gives_its_words(body, messages):
    assert error_messages(body) == messages


def test_a_rejection_says_what_was_asked_what_came_back_and_about_which_field():
    error = raised_by(answer(422, b'{"errors": {"email": ["has already been taken"]}}', "POST /users"))

    assert type(error) is Rejected
    assert str(error) == "POST /users answered 422: email: has already been taken"
    assert error.words == "email: has already been taken"
    assert error.messages == [("email", "has already been taken")]


def test_a_rejection_without_words_names_the_request():
    assert str(raised_by(answer(422, b"", "POST /users"))) == "POST /users answered 422 without a reason."


@pytest.mark.parametrize(
    "body", [b'{"error": "Record not found."}', b'{"error": ["Record not found."]}', b""]
)
def test_a_404_of_thinkific_means_that_the_object_is_gone(body):
    assert isinstance(raised_by(answer(404, body)), NotFound)


def test_a_404_page_for_browsers_is_no_proof_of_absence():
    assert type(raised_by(answer(404, HTML))) is Rejected


@pytest.mark.parametrize("status", [500, 502, 503, 520, 521, 524, 527, 530])
def test_server_errors_are_transient_and_never_show_html(status):
    error = raised_by(answer(status, HTML))

    assert type(error) is RetryLater
    assert not error.uncertain
    assert str(error) == f"GET /users answered {status} with an HTML page."


def test_a_write_that_met_a_server_error_is_uncertain():
    assert raised_by(answer(502, b"", "POST /users")).uncertain


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_named_and_not_shown(status):
    error = raised_by(answer(status, b'{"error": "Authentication Error"}'))

    assert isinstance(error, CredentialsRefused)
    assert (error.surface, error.credential, error.status) == ("REST", "THINKIFIC_API_KEY", status)
    assert "Authentication Error" in str(error)
    assert KEY not in str(error)


def test_a_redirection_points_at_the_address():
    assert "THINKIFIC_API_URL" in str(raised_by(answer(302, b"")))


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("1785947700000", 50),  # epoch milliseconds, as live answers carry
        ("1785947700", 50),  # epoch seconds
        ("30000", 30),  # milliseconds from now
        ("30", 30),  # seconds from now
        ("0.5", 0.5),
        ("0", 0.01),
        ("1785947000000", 0.01),  # already over
        ("1885947700", 120),  # years ahead
    ],
)
def test_the_reset_is_read_in_every_documented_unit(value, wait):
    assert reset_wait(value, NOW) == pytest.approx(wait)


@pytest.mark.parametrize("value", ["", None, "soon", "nan", "-5", "inf"])
def test_a_reset_that_is_no_number_is_ignored(value):
    assert reset_wait(value, NOW) is None


def test_retry_after_and_then_a_minute_stand_in_for_the_reset():
    assert read_rate_headers({"retry-after": "7"}, 429, NOW).reset_at == NOW + 7
    assert read_rate_headers({}, 429, NOW).reset_at == NOW + 1
    assert read_rate_headers({}, 200, NOW).reset_at is None


def test_a_clock_that_is_off_does_not_move_the_reset():
    headers = {"ratelimit-reset": "1785947700000", "date": "Wed, 05 Aug 2026 16:34:10 GMT"}

    assert read_rate_headers(headers, 429, NOW - 3600).reset_at == pytest.approx(NOW - 3600 + 50)


def test_the_budget_is_read_from_every_answer():
    headers = {"ratelimit-limit": "120", "ratelimit-remaining": "118", "ratelimit-reset": "1785947700000"}

    assert read_rate_headers(headers, 200, NOW) == RateHeaders(120, 118, 1_785_947_700.0)


def test_a_429_waits_until_the_reset():
    error = raised_by(answer(429, b"", headers={"ratelimit-reset": "30"}))

    assert isinstance(error, RateLimited)
    assert timedelta(seconds=29) < error.until - datetime.now(UTC) <= timedelta(seconds=30)
    assert 29 < error.seconds() <= 30
