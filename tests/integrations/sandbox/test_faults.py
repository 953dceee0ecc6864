import time

import pytest
import requests

from tests.integrations.sandbox.conftest import Client

NADIA = {"email": "nadia@example.org", "first_name": "Nadia", "last_name": "Okafor"}


@pytest.mark.parametrize("kind", ["429", "500", "520", "401"])
def test_the_next_requests_are_answered_wrongly_and_then_no_more(call, sandbox, kind):
    sandbox.faults.add(kind, next=2)

    answers = [call("GET", "/groups") for _ in range(3)]

    assert [a.status_code for a in answers] == [int(kind), int(kind), 200]
    assert sandbox.stats.faults[kind] == 2
    if kind == "520":
        assert answers[0].headers["content-type"].startswith("text/html")


def test_a_fault_strikes_every_nth_request_of_what_it_names(call, sandbox):
    sandbox.faults.add("500", every=3, method="GET", path="/users")

    assert [call("GET", "/users").status_code for _ in range(6)] == [200, 200, 500, 200, 200, 500]
    assert {call("GET", "/groups").status_code for _ in range(6)} == {200}


def test_a_fault_strikes_with_its_probability(call, sandbox):
    sandbox.faults.add("500", probability=0.3)

    statuses = [call("GET", "/groups").status_code for _ in range(200)]

    assert 35 <= statuses.count(500) <= 85


def test_faults_are_installed_listed_and_cleared_by_control(call):
    made = call("POST", "/_sandbox/faults", json={"kind": "500", "next": 1, "after": 1}).json()

    assert [call("GET", "/groups").status_code for _ in range(3)] == [200, 500, 200]
    assert call.get("/_sandbox/faults")[0]["hits"] == 1
    assert call("DELETE", f"/_sandbox/faults/{made['id']}").status_code == 200
    assert call.get("/_sandbox/faults") == []
    assert call("POST", "/_sandbox/faults", json={"kind": "flood"}).status_code == 400


def test_a_lost_answer_has_taken_effect_and_a_reset_has_not(call, sandbox):
    sandbox.faults.add("reset", next=1, method="POST")
    with pytest.raises(requests.ConnectionError):
        call("POST", "/users", json=NADIA)
    assert sandbox.site.user_by_email(NADIA["email"]) is None

    sandbox.faults.add("lost_answer", next=1, method="POST")
    with pytest.raises(requests.ConnectionError):
        call("POST", "/users", json=NADIA)
    assert sandbox.site.user_by_email(NADIA["email"]) is not None


def test_a_truncated_body_is_shorter_than_announced(call, sandbox):
    sandbox.faults.add("truncate", next=1)

    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        call("GET", "/users")
    assert len(call.get("/users")["items"]) == 25


def test_a_stalled_answer_comes_late(call, sandbox):
    sandbox.faults.add("stall", next=1, seconds=0.3)
    start = time.monotonic()
    call.get("/groups")
    assert time.monotonic() - start >= 0.3

    sandbox.faults.add("stall", next=1, seconds=5)
    with pytest.raises(requests.Timeout):
        call.session.post(f"{sandbox.url}/api/public/v1/users", json=NADIA, timeout=0.2)
    deadline = time.monotonic() + 2  # far less than the stall: the write was not held up
    while not sandbox.site.user_by_email(NADIA["email"]) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sandbox.site.user_by_email(NADIA["email"]) is not None


@pytest.mark.parametrize(
    ("how", "total", "seen_twice", "missed"), [("move", 60, 1, 1), ("delete", 59, 0, 1), ("insert", 61, 1, 1)]
)
def test_pages_shift_under_a_walk(call, sandbox, how, total, seen_twice, missed):
    sandbox.faults.add("shift_pages", next=1, path="/users", how=how)

    seen = [u["id"] for u in call.all("/users", limit=20)]

    assert call.get("/users")["meta"]["pagination"]["total_items"] == total
    assert len(seen) - len(set(seen)) == seen_twice
    assert len(set(sandbox.site.users.ids()) - set(seen)) == missed


def test_an_empty_list_can_be_served_instead_of_thousands_of_rows(call, sandbox):
    sandbox.faults.add("empty_list", next=1, path="/enrollments")

    assert call.get("/enrollments")["meta"]["pagination"]["total_items"] == 0
    assert call.get("/enrollments")["meta"]["pagination"]["total_items"] == 240


def test_what_was_asked_is_counted_by_endpoint(call, sandbox):
    call.get("/users/90001")
    call.get("/users/90002")
    call("POST", "/groups", json={"name": "Night shift"})

    stats = call.get("/_sandbox/stats")
    assert stats["by_endpoint"] == {"GET /api/public/v1/users/{id}": 2, "POST /api/public/v1/groups": 1}
    assert "Night shift" in call.get("/_sandbox/requests", method="POST")[0]["body"]
    call("POST", "/_sandbox/stats/reset")
    assert call.get("/_sandbox/stats")["total"] == 0


def test_a_defect_of_a_resolver_spoils_one_field_only(make_sandbox):
    sandbox = make_sandbox()
    sandbox.faults.add("graphql_error", next=1, code="GATEWAY_TIMEOUT")
    call = Client(sandbox)

    assert call.graphql("query Site { site { id } }")["errors"][0]["extensions"]["code"] == "GATEWAY_TIMEOUT"
    assert call.graphql("query Site { site { id } }")["data"]["site"]["id"]
