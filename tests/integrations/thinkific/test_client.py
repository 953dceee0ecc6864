"""The client with a fake network: what it sends, and how it handles every answer."""

import importlib
import json
import pkgutil
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests
import responses
from responses import matchers
from urllib3.exceptions import MaxRetryError, NewConnectionError

from integrations.thinkific import client as thinkific_client
from integrations.thinkific.client import schemas
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.client.errors import (
    CredentialsRefused,
    Endless,
    NotConfigured,
    NotFound,
    RateLimited,
    Rejected,
    RetryLater,
)

KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "tok_" + "x" * 40
REST = "https://api.thinkific.com/api/public/v1"
HOOKS = "https://api.thinkific.com/api/v2"
HTML = "<!DOCTYPE html><html><title>520</title></html>"
USER = {"id": 90001, "email": "nadia.okafor@example.org", "first_name": "Nadia"}
NOON = datetime(2025, 3, 6, 12, 0, 0, 999, tzinfo=timezone(timedelta(hours=2)))


@pytest.fixture
def network():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        yield mocked


@pytest.fixture
def naps():
    return []


@pytest.fixture
def client(naps):
    return ThinkificClient(Credentials("acme", KEY, TOKEN), sleep=naps.append)


def listed(*rows, **pagination):
    return {"items": rows, "meta": {"pagination": {"total_items": len(rows), "total_pages": 1} | pagination}}


class FakeBudget:
    """A budget that records the calls."""

    def __init__(self):
        self.calls = []

    @contextmanager
    def permit(self, *, interactive, points=0):
        self.calls.append(("permit", interactive, points))
        yield

    def note(self, rate):
        self.calls.append(("note", rate.remaining))

    def stop_until(self, until):
        self.calls.append(("stop", until))


# --- what it sends ---------------------------------------------------------------------------------------


def test_a_request_proves_who_we_are_and_says_what_we_are(client, network):
    network.get(f"{REST}/users", json=listed(USER))

    client.rest.users_page()

    sent = network.calls[0].request
    assert sent.headers["X-Auth-API-Key"] == KEY
    assert sent.headers["X-Auth-Subdomain"] == "acme"
    assert sent.headers["User-Agent"].startswith("B2B-Dashboard")
    assert sent.headers["Accept-Encoding"] == "gzip"
    assert sent.req_kwargs["timeout"] == (10, 30)


@pytest.mark.parametrize("credentials", [Credentials("acme", "", TOKEN), Credentials("acme", TOKEN, "")])
def test_a_token_alone_is_sent_as_bearer(network, credentials):
    network.get(f"{REST}/users", json=listed())

    ThinkificClient(credentials).rest.users_page()

    assert network.calls[0].request.headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_netrc_does_not_replace_our_token(network, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine api.thinkific.com login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    network.get(f"{REST}/users", json=listed())

    ThinkificClient(Credentials("acme", "", TOKEN)).rest.users_page()

    assert network.calls[0].request.headers["Authorization"] == f"Bearer {TOKEN}"


def test_lists_are_asked_for_in_full_pages_with_filters(client, network):
    network.get(f"{REST}/enrollments", json=listed({"id": 1}, total_items=300, total_pages=2))

    filters = {"updated_after": NOON, "user_id": 7}
    page = client.rest.list_page("/enrollments", schemas.Enrollment, 2, filters=filters)

    assert network.calls[0].request.params == {
        "page": "2",
        "limit": "250",
        "query[updated_after]": "2025-03-06T10:00:00Z",
        "query[user_id]": "7",
    }
    assert "query%5Bupdated_after%5D=" in network.calls[0].request.url
    assert (page.total_items, page.total_pages, page.is_last) == (300, 2, True)


def test_times_are_sent_in_utc_and_whole_seconds(client, network):
    network.post(f"{REST}/enrollments", json={"id": 1}, status=201)

    client.rest.create_enrollment(user_id=1, course_id=2, activated_at=NOON)

    assert json.loads(network.calls[0].request.body) == {
        "user_id": 1,
        "course_id": 2,
        "activated_at": "2025-03-06T10:00:00Z",
    }


def test_each_thread_has_its_own_session(client, network):
    network.get(f"{REST}/users/1", json=USER)
    sessions = []

    def ask():
        client.rest.get_user(1)
        sessions.append(client.transport.sessions.current())

    for _ in range(2):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()

    assert sessions[0] is not sessions[1]


# --- lists, objects, writes ------------------------------------------------------------------------------


def test_a_page_carries_what_the_answer_says_about_the_budget(client, network):
    network.get(
        f"{REST}/products", json=listed(), headers={"RateLimit-Remaining": "3", "RateLimit-Limit": "120"}
    )

    rate = client.rest.list_page("/products", schemas.Product).rate

    assert (rate.limit, rate.remaining) == (120, 3)


def test_a_user_is_found_whatever_the_case_and_only_by_the_whole_address(client, network):
    others = [{"id": n, "email": f"x{n}nadia.okafor@example.org"} for n in range(1, 3)]
    network.get(
        f"{REST}/users",
        json=listed(*others, total_pages=2),
        match=[matchers.query_param_matcher({"page": 1}, strict_match=False)],
    )
    network.get(
        f"{REST}/users",
        json=listed(USER | {"email": "Nadia.Okafor@Example.org"}, total_pages=2, current_page=2),
        match=[matchers.query_param_matcher({"page": 2}, strict_match=False)],
    )

    assert client.rest.find_user_by_email(" NADIA.okafor@example.org ").id == 90001
    assert network.calls[0].request.params["query[email]"] == "nadia.okafor@example.org"


WRITTEN_DIFFERENTLY = [
    ("josé@example.org", "jose\u0301@example.org"),
    ("ana@xn--mller-kva.example", "ana@Müller.example"),
    ("ian@example.org", "\u0131an@example.org"),
]


@pytest.mark.parametrize(("asked", "told"), WRITTEN_DIFFERENTLY)
@pytest.mark.parametrize("look", ["find_user_by_email", "search_user_by_email"])
def test_a_user_is_found_however_the_address_is_written(client, network, look, asked, told):
    network.get(f"{REST}/users", json=listed(USER | {"email": told}))
    assert getattr(client.rest, look)(asked).id == 90001

    network.replace("GET", f"{REST}/users", json=listed(USER | {"email": asked}))
    assert getattr(client.rest, look)(told).id == 90001


def test_of_two_who_are_one_address_to_us_the_one_written_so_is_found(client, network):
    rows = [{"id": 7, "email": "\u0131an@example.org"}, {"id": 8, "email": "Ian@example.org"}]
    network.get(f"{REST}/users", json=listed(*rows))

    assert client.rest.find_user_by_email("ian@example.org").id == 8
    assert client.rest.find_user_by_email("\u0131an@example.org").id == 7


def test_an_unknown_address_gives_nobody(client, network):
    network.get(f"{REST}/users", json=listed())

    assert client.rest.find_user_by_email("nobody@example.org") is None


def test_enrollments_of_others_are_not_found(client, network):
    rows = [{"id": 1, "user_id": 7, "course_id": 3}, {"id": 2, "user_id": 8, "course_id": 3}]
    network.get(f"{REST}/enrollments", json=listed(*rows))

    assert [row.id for row in client.rest.find_enrollments(7, 3)] == [1]


def test_a_group_is_found_by_its_exact_name(client, network):
    network.get(f"{REST}/groups", json=listed({"id": 1, "name": "acme"}, {"id": 2, "name": "Acme "}))

    assert client.rest.find_group_by_name("Acme").id == 2
    assert client.rest.find_group_by_name("Globex") is None


@pytest.mark.parametrize("body", [{"group": {"id": 330, "name": "Acme"}}, {"id": 330, "name": "Acme"}])
@pytest.mark.parametrize("status", [200, 201])
def test_a_created_group_may_come_wrapped(client, network, body, status):
    network.post(f"{REST}/groups", json=body, status=status)

    assert client.rest.create_group("Acme").id == 330


def test_a_bundle_enrollment_is_made_now_or_later(client, network):
    network.post(f"{REST}/bundles/210/enrollments", status=201)
    assert client.rest.create_bundle_enrollment(210, user_id=1, activated_at=NOON) is True

    network.replace("POST", f"{REST}/bundles/210/enrollments", status=202)
    assert client.rest.create_bundle_enrollment(210, user_id=1, activated_at=NOON) is False


@pytest.mark.parametrize("status", [200, 204])
def test_an_update_expects_no_body(client, network, status):
    network.put(f"{REST}/enrollments/5", status=status)

    client.rest.update_enrollment(5, expiry_date=NOON)

    assert json.loads(network.calls[0].request.body) == {"expiry_date": "2025-03-06T10:00:00Z"}


def test_deleting_what_is_gone_is_no_error(client, network):
    network.delete(f"{REST}/users/1", status=204)
    assert client.rest.delete_user(1) is True

    network.replace("DELETE", f"{REST}/users/1", status=404, json={"error": "Record not found."})
    assert client.rest.delete_user(1) is False


def test_a_missing_object_is_not_found(client, network):
    network.get(f"{REST}/users/1", status=404, json={"error": "Record not found."})

    with pytest.raises(NotFound, match=r"Record not found\."):
        client.rest.get_user(1)


def test_webhooks_are_paged_by_cursor_and_use_bearer(client, network):
    first = {
        "items": [{"id": "a", "topic": "user.signup"}],
        "meta": {"page": {"has_next": True, "next_page": "b"}},
    }
    last = {"items": [{"id": "b"}], "meta": {"page": {"has_next": False, "next_page": ""}}}
    network.get(f"{HOOKS}/webhooks", json=first, match=[matchers.query_param_matcher({"limit": 25})])
    network.get(
        f"{HOOKS}/webhooks", json=last, match=[matchers.query_param_matcher({"limit": 25, "next": "b"})]
    )

    assert [hook.id for hook in client.webhooks.all()] == ["a", "b"]
    assert network.calls[0].request.headers["Authorization"] == f"Bearer {KEY}"


def test_webhooks_that_never_end_are_no_endless_loop(client, network):
    def page(request):
        number = len(network.calls)
        meta = {"page": {"has_next": True, "next_page": f"c{number}"}}
        return 200, {}, json.dumps({"items": [{"id": "a"}], "meta": meta})

    network.add_callback("GET", f"{HOOKS}/webhooks", callback=page)

    with pytest.raises(Endless, match="does not end"):
        client.webhooks.all()

    assert len(network.calls) == 4


# --- failures and retries --------------------------------------------------------------------------------


def test_a_read_is_tried_again_with_growing_waits(client, network, naps):
    network.get(f"{REST}/users/1", body=HTML, status=520)
    network.get(f"{REST}/users/1", body='{"id": 90', status=200)
    network.get(f"{REST}/users/1", body=requests.ReadTimeout())
    network.get(f"{REST}/users/1", json=USER)

    assert client.rest.get_user(1).email == USER["email"]
    assert len(naps) == 3
    assert naps[0] < naps[2]


def test_without_retries_the_first_failure_counts(network, naps):
    client = ThinkificClient(Credentials("acme", KEY), retries=0, sleep=naps.append)
    network.get(f"{REST}/users", body=HTML, status=520)

    with pytest.raises(RetryLater, match=r"^GET /users answered 520 with an HTML page\.$"):
        client.rest.users_page()

    assert naps == []


@pytest.mark.parametrize(
    "failure",
    [
        requests.ReadTimeout(),
        requests.ConnectionError("Connection reset by peer"),
        requests.exceptions.ChunkedEncodingError(),
    ],
)
def test_a_creation_without_an_answer_is_uncertain_and_not_repeated(client, network, failure):
    network.post(f"{REST}/users", body=failure)

    with pytest.raises(RetryLater) as caught:
        client.rest.create_user(USER)

    assert caught.value.uncertain
    assert len(network.calls) == 1


@pytest.mark.parametrize(
    ("status", "body"), [(502, HTML), (500, ""), (201, ""), (201, '{"id": 9'), (200, "{}")]
)
def test_a_creation_with_a_broken_answer_is_uncertain_and_not_repeated(client, network, status, body):
    network.post(f"{REST}/users", body=body, status=status)

    with pytest.raises(RetryLater) as caught:
        client.rest.create_user(USER)

    assert caught.value.uncertain
    assert len(network.calls) == 1


@pytest.mark.parametrize(
    "failure",
    [
        requests.ConnectTimeout(),
        requests.exceptions.SSLError(),
        requests.ConnectionError(MaxRetryError(None, "/users", NewConnectionError(None, "refused"))),
    ],
)
def test_a_creation_that_never_left_is_repeated(client, network, failure):
    network.post(f"{REST}/users", body=failure)
    network.post(f"{REST}/users", json=USER, status=201)

    assert client.rest.create_user(USER).id == 90001


def test_a_creation_that_was_limited_is_repeated_after_the_reset(client, network, naps):
    network.post(f"{REST}/users", status=429, headers={"RateLimit-Reset": "7"})
    network.post(f"{REST}/users", json=USER, status=201)

    assert client.rest.create_user(USER).id == 90001
    assert naps == [pytest.approx(7, abs=0.2)]


def test_a_write_that_can_be_repeated_is(client, network):
    network.put(f"{REST}/users/1", status=503)
    network.put(f"{REST}/users/1", status=204)

    client.rest.update_user(1, {"first_name": "Nadia"})

    assert len(network.calls) == 2


def test_what_is_rejected_is_not_repeated_and_keeps_thinkifics_words(client, network):
    network.post(f"{REST}/enrollments", status=422, json={"errors": ["Course could not be found."]})

    with pytest.raises(Rejected, match=r"^POST /enrollments answered 422: Course could not be found\.$"):
        client.rest.create_enrollment(user_id=1, course_id=2, activated_at=NOON)

    assert len(network.calls) == 1


def test_a_redirection_is_not_followed(client, network):
    network.get(f"{REST}/users", status=302, headers={"Location": "https://elsewhere.example/"})

    with pytest.raises(Rejected, match="redirection"):
        client.rest.users_page()

    assert len(network.calls) == 1


def test_refused_credentials_stop_at_once(client, network):
    network.get(f"{HOOKS}/webhooks", status=401, json={"error": "Authentication Error"})

    with pytest.raises(CredentialsRefused) as caught:
        client.webhooks.all()

    assert caught.value.surface == "webhooks"
    assert len(network.calls) == 1


def test_the_budget_is_asked_before_and_told_after_each_attempt(network):
    budget = FakeBudget()
    client = ThinkificClient(
        Credentials("acme", KEY), budget, interactive=True, sleep=lambda _: pytest.fail()
    )
    network.get(f"{REST}/users/1", status=429, headers={"RateLimit-Reset": "7"})
    network.get(f"{REST}/users/1", json=USER, headers={"RateLimit-Remaining": "5"})

    client.rest.get_user(1)

    assert [call[0] for call in budget.calls] == ["permit", "stop", "permit", "note"]
    assert budget.calls[0] == ("permit", True, 0)
    assert timedelta(seconds=6) < budget.calls[1][1] - datetime.now(UTC) <= timedelta(seconds=7)


def test_each_attempt_is_made_by_the_function_that_is_given_for_it(network, naps):
    surfaces = []

    def around(surface, attempt):
        surfaces.append(surface)
        return attempt()

    client = ThinkificClient(Credentials("acme", KEY), sleep=naps.append, around=around)
    network.get(f"{REST}/users/1", status=500)
    network.get(f"{REST}/users/1", json=USER)
    network.get(f"{HOOKS}/webhooks", json={"items": []})

    client.rest.get_user(1)
    client.webhooks.all()

    assert surfaces == ["REST", "REST", "webhooks"]


def test_no_class_of_the_client_is_deeper_than_one_base():
    for module in pkgutil.walk_packages(thinkific_client.__path__, f"{thinkific_client.__name__}."):
        for one in vars(importlib.import_module(module.name)).values():
            if isinstance(one, type) and not issubclass(one, Exception):
                ours = [base for base in one.__mro__[1:] if base.__module__.startswith("integrations.")]
                assert len(ours) <= 1, (one, ours)


def test_send_once_is_one_attempt_whatever_its_status(client, network, naps):
    network.get(f"{REST}/users", status=429, headers={"RateLimit-Reset": "7"})

    answer = client.transport.send_once("GET", "/users", {"page": 1})

    assert answer.status == 429
    assert answer.rate.reset_at is not None
    assert naps == []


def test_the_limit_is_an_error_of_its_own(network):
    client = ThinkificClient(Credentials("acme", KEY), retries=0)
    network.get(f"{REST}/users", status=429)

    with pytest.raises(RateLimited) as caught:
        client.rest.users_page()

    assert 0 < caught.value.seconds() <= 1  # it says nothing of how long


def test_a_body_shorter_than_announced_is_transient():
    class CutOff(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "5000")
            self.end_headers()
            self.wfile.write(b'{"items": [')

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), CutOff)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        with pytest.raises(RetryLater, match="cut off"):
            ThinkificClient(Credentials("acme", KEY, api_url=url), retries=0).rest.users_page()
    finally:
        server.shutdown()
        server.server_close()
    with pytest.raises(RetryLater, match="no connection to") as caught:
        ThinkificClient(Credentials("acme", KEY, api_url=url), retries=0).rest.create_group("Acme")
    assert not caught.value.uncertain


# --- credentials -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("credentials", "words"),
    [
        (Credentials(), "THINKIFIC_API_KEY"),
        (Credentials("", KEY), "THINKIFIC_SUBDOMAIN"),
        (Credentials("acme", "clé" * 8), "cannot be sent"),
        (Credentials("acme", "a\r\nX-Evil: 1"), "cannot be sent"),
        (Credentials("acme", KEY, api_url="nonsense"), "THINKIFIC_API_URL"),
    ],
)
def test_what_is_missing_or_unusable_is_named(credentials, words):
    with pytest.raises(NotConfigured, match=words):
        ThinkificClient(credentials).rest.users_page()


def test_graphql_needs_a_token_and_says_what_its_absence_costs():
    with pytest.raises(NotConfigured, match="quiz results"):
        ThinkificClient(Credentials("acme", KEY)).graphql.run("Site", "query Site { site { id } }")

    assert "quiz results" in Credentials("acme", KEY).missing[0]
    assert Credentials("acme", KEY, TOKEN).missing == []


def test_secrets_are_in_no_representation_and_no_error(network):
    client = ThinkificClient(Credentials("acme", KEY, TOKEN), retries=0)
    network.get(f"{REST}/users", body=requests.ConnectionError(f"refused {KEY}"))
    with pytest.raises(RetryLater) as caught:
        client.rest.users_page()

    shown = f"{client.credentials!r} {client.credentials} {caught.value!r} {caught.value}"
    assert KEY not in shown
    assert TOKEN not in shown
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("pasted", ["acme", " Acme.thinkific.com ", "https://acme.thinkific.com/admin"])
def test_a_subdomain_is_taken_however_it_is_pasted(pasted):
    assert Credentials(pasted, KEY).subdomain == "acme"
