"""PostgreSQL is killed while pages are served and changes are sent, and comes back."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import requests

from core.models.outbox import LEASE
from tests import migrated, services

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.timeout(300)]

PEOPLE = 24
PREPARE = f"""
from django.db import transaction
from core.models import User
from core.services import people
User.objects.create_superuser("mona@academy.example", "a long password")
for number in range({PEOPLE}):
    people.create_user(email=f"p{{number}}@new.example", first_name="P", last_name=str(number),
                       memberships=[], in_thinkific=True, by=None)
"""


@pytest.fixture
def server():
    try:
        with services.cluster(durable=True) as own:
            yield own
    except services.Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def environment(server, thinkific) -> dict[str, str]:
    return {
        **os.environ,
        "READ_DOT_ENV": "0",
        "DEBUG": "0",
        "SECRET_KEY": "kq3Zr8vT1xN6mB0yW4sD7fG2hJ9lP5cA-eR_uYiOoQwEzXtVbNmKjHgFdSa",
        "ALLOWED_HOSTS": "127.0.0.1",
        "SECURE_SSL_REDIRECT": "0",
        "SECURE_COOKIES": "0",
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "DATABASE_URL": server.url,
        "REDIS_URL": "",
        "THINKIFIC_API_URL": thinkific.url,
        "THINKIFIC_SUBDOMAIN": thinkific.options.subdomain,
        "THINKIFIC_API_KEY": thinkific.options.api_key,
        "THINKIFIC_RATE_LIMIT": "1000000",
    }


def manage(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], timeout: float = 120) -> str:
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, err[-3000:]
    return out


@pytest.fixture
def prepared(server, environment) -> None:
    migrated.postgresql_dump()
    migrated.fill_postgresql(server.url)
    finish(manage(environment, "shell", "-c", PREPARE))


def until(what: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def serving(environment: dict[str, str]):
    port = services.free_port()
    command = ["-m", "gunicorn", "project.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "4"]
    web = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return requests.get(f"{address}/healthz", timeout=5).ok
        except requests.ConnectionError:
            return False

    try:
        until(answers)
        yield address
    finally:
        web.terminate()
        web.wait(timeout=30)


def test_a_drain_goes_on_where_it_was_and_sends_nothing_twice(server, environment, prepared, thinkific):
    thinkific.faults.add("stall", path="/users", seconds=0.4)
    drain = manage(environment, "drain", "--json")
    until(lambda: len(thinkific.stats.writes) >= 3)

    server.kill()
    time.sleep(3)
    server.start_again()
    back = time.monotonic()
    report = json.loads(finish(drain))

    assert time.monotonic() - back < LEASE.total_seconds() / 2  # nothing waited for a lease to run out
    with psycopg.connect(server.url) as connection:
        states = connection.execute(
            "SELECT status, count(*) FROM core_outboxentry GROUP BY status"
        ).fetchall()
    assert dict(states) == {"done": PEOPLE}, report
    created = Counter(user.email for user in thinkific.site.users if "@new.example" in user.email)
    assert created == {f"p{number}@new.example": 1 for number in range(PEOPLE)}


def test_pages_answer_in_words_and_work_again_by_themselves(server, environment, prepared):
    finish(manage(environment, "collectstatic", "--no-input", "--verbosity", "0"))
    with serving(environment) as address:
        person = requests.Session()

        def sign_in() -> requests.Response:
            person.get(f"{address}/admin/login/")
            form = {"username": "mona@academy.example", "password": "a long password", "next": "/admin/"}
            form["csrfmiddlewaretoken"] = person.cookies["csrftoken"]
            return person.post(f"{address}/admin/login/", form)

        assert "Overview" in sign_in().text
        server.kill()
        pages = [person.get(f"{address}{path}") for path in ("/admin/", "/admin/core/user/")]
        signing_in = sign_in()
        webhook = requests.post(f"{address}/webhooks/thinkific/", data="{}")
        probes = [requests.get(f"{address}{path}").status_code for path in ("/healthz", "/readyz")]

        for answer in [*pages, signing_in]:
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
            assert "The dashboard has to wait for its database" in answer.text
        assert "Nothing was saved." in signing_in.text
        assert webhook.status_code == 401  # unsigned, which needs no database
        assert probes == [200, 503]

        server.start_again()
        until(lambda: person.get(f"{address}/admin/").status_code == 200)
        assert "Overview" in sign_in().text
