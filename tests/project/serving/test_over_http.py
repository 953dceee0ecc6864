"""Several web servers on one database, and a mail server that accepts and never answers."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from axes.models import AccessAttempt
from django_q.models import OrmQ

from core.models import User
from tests.factories import TeamFactory, builtin_role
from tests.project.pages.test_passwords import NEW
from tests.services import free_port

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ROOT = Path(__file__).parents[3]
GUNICORN = (
    "project.wsgi",
    "--worker-class=gthread",
    "--threads=4",
    "--no-control-socket",
    "--access-logfile=-",
)
FORGOTTEN = "/admin/password/forgotten/"


@pytest.fixture
def dead_mail_server():
    """Its port, and the connections that it accepted."""
    listening = socket.create_server(("127.0.0.1", 0))
    accepted = []

    def accept():
        while True:
            try:
                accepted.append(listening.accept())
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    yield listening.getsockname()[1], accepted
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    for connection, _ in accepted:
        connection.close()


@pytest.fixture
def servers(process_environment, dead_mail_server, tmp_path):
    """Two web servers on this test's database: their addresses, and what they wrote."""
    environment = process_environment | {
        "EMAIL_URL": f"smtp://127.0.0.1:{dead_mail_server[0]}",
        "LOG_JSON": "1",
        "SITE_URL": "https://dashboard.example",
    }
    ports = [free_port() for _ in range(2)]
    log = tmp_path / "web.log"
    with log.open("w") as written:
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "gunicorn", *GUNICORN, f"--bind=127.0.0.1:{port}"],
                cwd=ROOT,
                env=environment,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            for port in ports
        ]
    try:
        addresses = [f"http://127.0.0.1:{port}" for port in ports]
        for address in addresses:
            wait_for(address)
        yield addresses, log
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(address):
    for _ in range(600):
        try:
            return requests.get(f"{address}/healthz", timeout=30)
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError(f"{address} does not answer")


@pytest.fixture
def ana(ana, settings):
    return with_password(ana, settings)


def with_password(user, settings):
    # As the servers hash it; tests have a quicker way of their own.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    user.set_password(NEW)
    user.save(update_fields=["password"])
    return user


def send(session, address, path, data, **more):
    """Fill in the form of a page, as a browser does."""
    page = session.get(address + path, timeout=60)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text).group(1)
    form = data | {"csrfmiddlewaretoken": token}
    return session.post(address + path, form, timeout=60, allow_redirects=False, **more)


def sign_in(address, email, password, session=None):
    fields = {"username": email, "password": password, "next": "/admin/"}
    return send(session or requests.Session(), address, "/admin/login/", fields)


def test_wrong_passwords_are_counted_over_all_processes(servers, ana):
    (one, other), _ = servers
    answers = [sign_in((one, other)[n % 2], ana.email, f"wrong-{n}").status_code for n in range(12)]

    assert answers == [200] * 9 + [429] * 3
    assert sign_in(one, ana.email, NEW).status_code == 429
    assert sign_in(other, ana.email, NEW).status_code == 429


def test_many_at_once_get_no_more_than_a_few_tries(servers, ana):
    (one, other), _ = servers
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda n: sign_in((one, other)[n % 2], ana.email, f"wrong-{n}").status_code, range(60))
        )
    assert set(answers) == {200, 429}
    # The last tries that were let through began before the tenth had failed: at most one for each thread.
    assert sum(AccessAttempt.objects.values_list("failures_since_start", flat=True)) <= 10 + 8
    assert sign_in(one, ana.email, NEW).status_code == 429


def test_mails_are_counted_over_all_processes(servers, ana, dead_mail_server):
    (one, other), _ = servers
    for n in range(30):
        answer = send(requests.Session(), (one, other)[n % 2], FORGOTTEN, {"email": ana.email})

    assert answer.status_code == 429
    assert OrmQ.objects.count() == 3
    assert dead_mail_server[1] == []


def test_no_page_waits_for_the_mail_server(servers, ana, root, settings, dead_mail_server):
    (address, _), _ = servers
    with_password(root, settings)
    browser = requests.Session()
    sign_in(address, root.email, NEW, browser)
    user = f"/admin/core/user/{ana.pk}"

    answers = [
        send(requests.Session(), address, FORGOTTEN, {"email": ana.email}),
        send(requests.Session(), address, FORGOTTEN, {"email": "nobody@acme.example"}),
        send(browser, address, f"{user}/do/reset-password/", {}),
        send(
            browser,
            address,
            "/admin/core/user/do/add/",
            {"email": "new@acme.example", "first_name": "Nia", "welcome": "on"}
            | {"role": builtin_role("student").pk, "teams": TeamFactory().pk},
        ),
    ]

    assert [answer.status_code for answer in answers] == [302] * 4, [a.text for a in answers]
    assert User.objects.filter(email="new@acme.example").exists()
    assert OrmQ.objects.count() >= 4  # they wait for the worker
    assert dead_mail_server[1] == []


def test_no_link_is_in_what_the_web_server_writes(servers, ana):
    (address, _), log = servers
    path = "/admin/password/new/MQ/s3cr3t-token/"
    requests.get(address + path, headers={"Referer": address + path}, timeout=60)
    requests.put(address + path, timeout=60)
    requests.get(f"{address}/admin/nothing/?next={path}&token=s3cr3t", timeout=60)
    raw = "GET /admin/%70assword/new/MQ/%733cr3t/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=60) as connection:
        connection.sendall(raw.encode())
        while connection.recv(4096):
            pass

    assert "gunicorn.access" in log.read_text()
    assert "s3cr3t" not in log.read_text()
