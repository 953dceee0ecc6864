import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest


class Listener:
    """Takes webhooks; returns 500 as often as `refuse` says."""

    def __init__(self):
        self.received, self.refuse = [], 0
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                listener.received.append((dict(self.headers.items()), body))
                listener.refuse -= 1
                self.send_response(500 if listener.refuse >= 0 else 204)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def events(self):
        return [json.loads(body) for _, body in self.received]


@pytest.fixture
def listener():
    listener = Listener()
    yield listener
    listener.server.shutdown()
    listener.server.server_close()


def subscribe(call, topic, url):
    return call("POST", "/api/v2/webhooks", json={"topic": topic, "target_url": url})


def test_subscriptions_are_managed_and_paged_by_cursor(call):
    made = [
        subscribe(call, t, "https://hooks.example.org/x").json()
        for t in ("user.signup", "user.deleted", "lead.created")
    ]

    first = call.get("/api/v2/webhooks", limit=2)
    assert first["meta"]["page"] == {
        "has_next": True,
        "next_page": made[2]["id"],
        "page_items": 2,
        "total_items": 3,
        "total_pages": 2,
    }
    second = call.get("/api/v2/webhooks", limit=2, next=first["meta"]["page"]["next_page"])
    assert [w["id"] for w in first["items"] + second["items"]] == [w["id"] for w in made]
    changed = call(
        "PUT",
        f"/api/v2/webhooks/{made[0]['id']}",
        json={"topic": "user.signin", "target_url": "https://hooks.example.org/x"},
    )
    assert (changed.status_code, changed.json()["topic"]) == (200, "user.signin")
    assert call("DELETE", f"/api/v2/webhooks/{made[0]['id']}").status_code == 204
    assert call("GET", f"/api/v2/webhooks/{made[0]['id']}").status_code == 404


@pytest.mark.parametrize(
    ("topic", "url", "errors"),
    [
        ("user.created", "https://hooks.example.org/x", {"topic": "invalid format"}),
        ("user.signup", "http://hooks.example.org/x", {"url": "is not valid"}),
        ("user.signup", "https://localhost/x", {"url": "is not valid"}),
        ("user.signup", "https://www.thinkific.com/x", {"url": "is not valid"}),
    ],
)
def test_a_wrong_subscription_is_refused(call, topic, url, errors):
    answer = subscribe(call, topic, url)

    assert (answer.status_code, answer.json()) == (422, {"errors": errors})


def test_an_event_is_signed_over_its_raw_body_and_can_be_read_again(call, sandbox, listener):
    subscribe(call, "enrollment.progress", listener.url)
    row = next(e for e in sandbox.site.enrollments if e.percentage_completed == "0.0" and e.activated_at)

    sandbox.site.write("move_progress", enrollment_id=row.id, percent=42)
    assert sandbox.webhooks.wait_idle()

    headers, body = listener.received[0]
    expected = hmac.new(sandbox.api_key.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Thinkific-Hmac-Sha256"] == expected
    assert headers["X-Thinkific-Topic"] == "enrollment.progress"
    assert headers["X-Thinkific-Subdomain"] == sandbox.options.subdomain
    event = json.loads(body)
    assert (event["resource"], event["action"], event["tenant_id"]) == ("enrollment", "progress", "55501")
    assert (event["payload"]["id"], event["payload"]["percentage_completed"]) == (row.id, "0.42")
    assert call.get(f"/api/v2/events/{event['id']}")["payload"] == event["payload"]


def test_events_are_listed_with_the_last_first_and_paged_as_webhooks_are(call, sandbox):
    for user_id in sandbox.site.users.ids()[:3]:
        sandbox.site.write("sign_in", user_id=user_id)

    first = call.get("/api/v2/events", limit=2)
    second = call.get("/api/v2/events", limit=2, next=first["meta"]["page"]["next_page"])

    events = first["items"] + second["items"]
    assert [event["payload"]["id"] for event in events] == sandbox.site.users.ids()[:3][::-1]
    assert (first["meta"]["page"]["has_next"], second["meta"]["page"]["has_next"]) == (True, False)
    assert call.get(f"/api/v2/events/{events[0]['id']}") == events[0]


def test_writes_over_rest_are_told(call, sandbox, listener):
    for topic in ("user.signup", "user.updated", "user.deleted", "enrollment.created", "enrollment.trial"):
        subscribe(call, topic, listener.url)

    user_id = call(
        "POST", "/users", json={"email": "a@b.example", "first_name": "A", "last_name": "B"}
    ).json()["id"]
    call(
        "POST",
        "/enrollments",
        json={"user_id": user_id, "course_id": 3001, "activated_at": "2026-01-01T00:00:00Z"},
    )
    call("POST", "/enrollments", json={"user_id": user_id, "course_id": 3002})
    call("PUT", f"/users/{user_id}", json={"company": "Nobody is told of this"})
    call("PUT", f"/users/{user_id}", json={"first_name": "Ann"})
    call("DELETE", f"/users/{user_id}")
    assert sandbox.webhooks.wait_idle()

    topics = [f"{e['resource']}.{e['action']}" for e in listener.events]
    assert topics == ["user.signup", "enrollment.created", "enrollment.trial", "user.updated", "user.deleted"]
    assert "full_name" not in listener.events[0]["payload"]
    assert listener.events[2]["payload"]["free_trial"] is True


def test_a_finished_course_brings_its_certificate(call, sandbox, listener):
    subscribe(call, "enrollment.completed", listener.url)
    row = next(
        e for e in sandbox.site.enrollments if e.course_id == 3001 and not e.completed_at and e.activated_at
    )

    sandbox.site.write("move_progress", enrollment_id=row.id, percent=100)
    sandbox.site.write("move_progress", enrollment_id=row.id, percent=100)
    assert sandbox.webhooks.wait_idle()

    assert len(listener.events) == 1
    issued = listener.events[0]["payload"]["credential_id"]
    query = "query C { course(id: 3001) { certificates(first: 250) { nodes { issuedId } } } }"
    nodes = call.graphql(query)["data"]["course"]["certificates"]["nodes"]
    assert [n["issuedId"] for n in nodes].count(issued) == 1


def test_a_refused_delivery_is_tried_again_with_the_same_id(make_sandbox, listener):
    sandbox = make_sandbox(webhook_backoff=0.01)
    sandbox.site.write("subscribe", topic="user.signin", target_url=listener.url)
    listener.refuse = 2

    sandbox.site.write("sign_in", user_id=90001)
    assert sandbox.webhooks.wait_idle()

    assert len(listener.events) == 3
    assert len({e["id"] for e in listener.events}) == 1
    assert (sandbox.webhooks.delivered, sandbox.webhooks.failed_attempts) == (1, 2)


def test_a_target_that_never_answers_is_given_up(make_sandbox, listener):
    sandbox = make_sandbox(webhook_backoff=0.001, webhook_attempts=3)
    sandbox.site.write("subscribe", topic="user.signin", target_url=listener.url)
    listener.refuse = 99

    sandbox.site.write("sign_in", user_id=90001)
    assert sandbox.webhooks.wait_idle()

    assert (len(listener.events), sandbox.webhooks.abandoned) == (3, 1)


def test_events_are_sent_false_doubled_and_out_of_order(call, sandbox, listener):
    events = [{"topic": "user.signin", "payload": {"id": n}} for n in (1, 2)]
    body = {"events": events, "target_url": listener.url, "copies": 2, "reverse": True, "signature": "wrong"}

    assert call("POST", "/_sandbox/emit", json=body).json()["sent"] == 4
    assert sandbox.webhooks.wait_idle()

    assert [e["payload"]["id"] for e in listener.events] == [2, 2, 1, 1]
    assert len({e["id"] for e in listener.events}) == 2
    for headers, raw in listener.received:
        right = hmac.new(sandbox.api_key.encode(), raw, hashlib.sha256).hexdigest()
        assert headers["X-Thinkific-Hmac-Sha256"] != right


def test_a_living_site_keeps_its_own_rules(sandbox, listener):
    sandbox.webhooks.subscribe_all(listener.url)

    done = {sandbox.activity.step() for _ in range(200)}
    assert sandbox.webhooks.wait_idle(30)

    assert done == {"signed up", "signed in", "took a quiz", "completed a lesson"}
    assert {e["resource"] for e in listener.events} >= {"user", "enrollment", "lesson", "quiz"}
    pairs = [(e.user_id, e.course_id) for e in sandbox.site.enrollments]
    assert len(pairs) == len(set(pairs))
