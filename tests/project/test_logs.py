import io
import json
import logging
import logging.config
from uuid import UUID

import pytest
import structlog
from django.test import Client

from core.models import StoredSecret
from core.services.site import connection, secrets
from project.logs import configure_logging

API_KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def lines():
    """What is logged, as a production machine writes it."""
    stream, structlog_before = io.StringIO(), structlog.get_config()
    root_before = (logging.root.handlers[:], logging.root.level)
    configured = configure_logging(level="INFO", json=True, secrets=[API_KEY])
    configured["handlers"]["stderr"]["stream"] = stream
    logging.config.dictConfig(configured)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.root.handlers[:], logging.root.level = root_before
    structlog.configure(**structlog_before)


def test_a_line_is_one_json_object_with_the_ids_of_its_run_and_request(lines):
    with structlog.contextvars.bound_contextvars(run_id=7, request_id="abc"):
        logging.getLogger("integrations.thinkific").info("Fetched page %s", 3)
        structlog.get_logger("core").warning("No place left", team="Acme")

    fetched, full = lines()
    assert (fetched["event"], fetched["run_id"], fetched["request_id"]) == ("Fetched page 3", 7, "abc")
    assert (full["event"], full["team"], full["run_id"], full["level"]) == (
        "No place left",
        "Acme",
        7,
        "warning",
    )


REFUSED = {
    400: ("get", "/admin/core/user/?_to_field=password"),
    403: ("get", "/admin/history/"),
    404: ("get", "/admin/core/user/abc/change/"),
    405: ("get", "/admin/live/seen/"),
}


@pytest.mark.parametrize("status", REFUSED)
def test_what_is_refused_is_one_line_of_warning(lines, signed_in, ana, root, status):
    method, address = REFUSED[status]
    person = root if status == 400 else ana
    browser = signed_in(person)
    browser.raise_request_exception = False

    assert getattr(browser, method)(address).status_code == status

    (line,) = lines()
    assert line["level"] == "warning"
    assert address.partition("?")[0] in json.dumps(line)
    assert not {"exception", "stack"} & set(line)
    assert (line["user_id"], "request_id" in line) == (person.pk, True)


def test_a_form_from_another_site_is_one_line_of_warning(lines, ana):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ana)

    assert browser.post("/admin/live/seen/").status_code == 403

    (line,) = lines()
    assert (line["level"], "exception" in line) == ("warning", False)


def test_what_fails_keeps_its_traceback(lines, signed_in, ana, monkeypatch):
    def fail(request):
        raise ValueError("a mistake of ours")

    monkeypatch.setattr("project.pages.live.viewer_of", fail)
    browser = signed_in(ana)
    browser.raise_request_exception = False

    assert browser.get("/admin/live/").status_code == 500

    assert [line for line in lines() if "a mistake of ours" in line.get("exception", "")]


def test_a_link_that_confirms_an_address_is_in_no_line(lines, client, db):
    client.get("/admin/email-change/MQ/abc123-0123456789abcdef/no-such-page/")
    logging.getLogger("core").warning(
        "Sent https://b2b.example/admin/email-change/MQ/abc123-0123456789abcdef/"
    )

    assert len(lines()) >= 1
    assert "0123456789abcdef" not in json.dumps(lines())


def test_a_request_gives_its_id_to_what_is_logged_meanwhile(lines, client, db, monkeypatch):
    def log_and_answer(self, *args, **kwargs):
        logging.getLogger("core").info("Working")

    monkeypatch.setattr("django.views.generic.RedirectView.get_redirect_url", log_and_answer)
    client.get("/", headers={"x-request-id": "chosen by the client"})

    working = next(line for line in lines() if line["event"] == "Working")
    assert UUID(working["request_id"])


@pytest.mark.parametrize(
    "message",
    [
        f"Thinkific refused {API_KEY}",
        f"Authorization: Bearer {API_KEY[:20]}zz",
        f"https://user:{API_KEY[:20]}@example.com/",
        f"GET /?api_key={API_KEY[:20]}&page=1",
        f"/admin/password/new/MQ/{API_KEY[:20]}/",
    ],
)
def test_no_secret_reaches_a_line(lines, message):
    logging.getLogger("core").error(message)
    try:
        raise ValueError(message)
    except ValueError:
        logging.getLogger("core").exception("It failed")

    assert len(lines()) == 2
    assert API_KEY[:20] not in json.dumps(lines())


@pytest.mark.parametrize("name", ["api_key", "access_token", "password", "webhook_secret", "Authorization"])
def test_a_value_is_blanked_by_its_name(lines, name):
    structlog.get_logger("core").info("Connecting", **{name: "short"})

    assert lines()[0][name] == "***"


@pytest.mark.django_db
def test_a_stored_key_is_blanked_as_soon_as_it_was_read(lines):
    secret = "stored-key-that-the-environment-does-not-have"
    secrets.store(StoredSecret.Name.API_KEY, secret)
    assert connection.secret(StoredSecret.Name.API_KEY).value == secret

    logging.getLogger("urllib3").error("refused %s", secret)

    assert secret not in str(lines())
    assert "***" in lines()[-1]["event"]
