import threading
import time

import pytest
import requests
from urllib3.util import SKIP_HEADER

from tests.integrations.sandbox.conftest import Client


def test_rest_takes_the_key_as_headers_and_either_secret_as_bearer(sandbox):
    url = f"{sandbox.url}/api/public/v1/users"
    bearer_key = {"Authorization": f"Bearer {sandbox.api_key}"}

    for headers in (sandbox.auth, sandbox.bearer, bearer_key):
        assert requests.get(url, headers=headers, timeout=5).status_code == 200
    token_as_key = sandbox.auth | {"X-Auth-API-Key": sandbox.access_token}
    for headers in (
        {},
        sandbox.auth | {"X-Auth-Subdomain": "other"},
        token_as_key,
        {"Authorization": "Bearer x"},
    ):
        answer = requests.get(url, headers=headers, timeout=5)
        assert (answer.status_code, answer.json()) == (401, {"error": "Authentication Error"})


def test_graphql_takes_the_access_token_only(sandbox):
    url, body = f"{sandbox.url}/stable/graphql", {"query": "query Site { site { id } }"}

    assert requests.post(url, json=body, headers=sandbox.bearer, timeout=5).json()["data"]
    for headers in (sandbox.auth, {"Authorization": f"Bearer {sandbox.api_key}"}):
        assert requests.post(url, json=body, headers=headers, timeout=5).status_code == 401


def test_the_webhooks_api_takes_either_secret_as_bearer_and_no_other_headers(sandbox):
    for path in ("/api/v2/webhooks", "/api/v2/events/1"):
        url = sandbox.url + path
        found = 200 if path.endswith("webhooks") else 404

        assert requests.get(url, headers=sandbox.auth, timeout=5).status_code == 401
        for headers in ({"Authorization": f"Bearer {sandbox.api_key}"}, sandbox.bearer):
            assert requests.get(url, headers=headers, timeout=5).status_code == found


def test_a_request_without_a_user_agent_is_turned_away_with_a_page(sandbox):
    headers = sandbox.auth | sandbox.bearer
    for path in ("/api/public/v1/users", "/api/v2/webhooks", "/stable/graphql", "/"):
        for agent in (SKIP_HEADER, ""):
            answer = requests.get(sandbox.url + path, headers=headers | {"User-Agent": agent}, timeout=5)

            assert answer.status_code == 403, path
            assert answer.headers["content-type"].startswith("text/html")
            assert "blocked" in answer.text
            assert "ratelimit-limit" not in answer.headers


def test_a_revoked_key_opens_nothing_until_it_is_replaced(sandbox):
    url = f"{sandbox.url}/api/public/v1/users"

    requests.post(f"{sandbox.url}/_sandbox/key", json={"api_key": None}, timeout=5)
    assert requests.get(url, headers=sandbox.auth | {"X-Auth-API-Key": ""}, timeout=5).status_code == 401

    requests.post(f"{sandbox.url}/_sandbox/key", json={"api_key": "another"}, timeout=5)
    assert (
        requests.get(url, headers=sandbox.auth | {"X-Auth-API-Key": "another"}, timeout=5).status_code == 200
    )


def test_the_window_is_counted_and_the_next_request_refused(make_sandbox):
    sandbox = make_sandbox(rate_limit=5, rate_window=3600)
    call = Client(sandbox)

    answers = [call("GET", "/groups") for _ in range(7)]

    assert [a.status_code for a in answers] == [200] * 5 + [429] * 2
    assert [a.headers["ratelimit-remaining"] for a in answers] == ["4", "3", "2", "1", "0", "0", "0"]
    assert answers[0].headers["x-ratelimit-limit-minute"] == answers[0].headers["ratelimit-limit"] == "5"
    assert int(answers[6].headers["ratelimit-reset"]) % 3_600_000 == 0
    assert int(answers[6].headers["ratelimit-reset"]) > time.time() * 1000
    assert sandbox.limits.refused_rate == 2
    assert call.get("/_sandbox/stats")["refused_rate"] == 2


def test_a_new_window_brings_a_new_budget(make_sandbox):
    call = Client(make_sandbox(rate_limit=1, rate_window=0.5))
    while call("GET", "/groups").status_code != 429:
        pass

    reset = int(call("GET", "/groups").headers["ratelimit-reset"]) / 1000
    time.sleep(max(reset - time.time(), 0) + 0.02)

    assert call("GET", "/groups").status_code == 200


@pytest.mark.parametrize(
    ("style", "plausible"),
    [
        ("epoch_ms", lambda v: v > 1e11),
        ("epoch_seconds", lambda v: 1e9 < v < 1e11),
        ("ms_from_now", lambda v: 0 < v <= 3_600_000),
        ("seconds_from_now", lambda v: 0 < v <= 3600),
    ],
)
def test_the_reset_is_told_in_every_documented_unit(make_sandbox, style, plausible):
    call = Client(make_sandbox(rate_limit=5, rate_window=3600, reset_style=style))

    assert plausible(int(call("GET", "/groups").headers["ratelimit-reset"]))


def test_retry_after_comes_on_refusals_only(make_sandbox):
    call = Client(make_sandbox(rate_limit=1, rate_window=3600, reset_style="retry_after"))

    served, refused = call("GET", "/groups"), call("GET", "/groups")

    assert "retry-after" not in served.headers
    assert 0 < int(refused.headers["retry-after"]) <= 3600


def test_more_requests_at_a_time_than_allowed_are_refused(make_sandbox):
    sandbox = make_sandbox(concurrency=3, latency=0.8)
    statuses: list[int] = []
    together = threading.Barrier(6)

    def ask():
        together.wait()
        answer = requests.get(f"{sandbox.url}/api/public/v1/groups", headers=sandbox.auth, timeout=5)
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sandbox.stats.max_concurrent == 6
    assert sandbox.limits.refused_concurrency >= 1
    assert statuses.count(429) == sandbox.limits.refused_concurrency


def test_control_needs_no_key_and_costs_nothing(make_sandbox):
    sandbox = make_sandbox(rate_limit=1, rate_window=3600)

    for _ in range(5):
        assert requests.get(f"{sandbox.url}/_sandbox/stats", timeout=5).json()["total"] == 0


def test_an_option_changed_while_running_takes_effect(call, sandbox):
    assert call("PATCH", "/_sandbox/options", json={"rate_limit": 2}).json()["rate_limit"] == 2
    assert call("GET", "/groups").headers["ratelimit-limit"] == "2"
    assert call("PATCH", "/_sandbox/options", json={"rate_limti": 2}).status_code == 400
