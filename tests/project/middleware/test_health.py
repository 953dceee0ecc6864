"""/healthz and /readyz, as probes see them."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from django.test import Client

from core.services.site import health

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _nothing_known_yet():
    health._migrated.clear()


def test_a_living_process_says_so_without_the_database(client):
    # Without the `db` fixture any query would fail.
    response = client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"ok": True})


@pytest.mark.django_db
def test_a_ready_process_says_so(client):
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json()["ok"] is True


@pytest.mark.django_db
def test_once_ready_it_costs_one_query(client, django_assert_num_queries):
    client.get("/readyz")

    with django_assert_num_queries(1):
        client.get("/readyz")


@pytest.mark.django_db
def test_a_database_that_does_not_answer_means_not_ready_and_tells_no_secret(client):
    def refuse(*_):
        raise OperationalError("connection to dashboard:hunter2@db.internal refused")

    with connection.execute_wrapper(refuse):
        response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["ok"] is False
    assert b"hunter2" not in response.content


@pytest.mark.django_db
def test_a_missing_migration_means_not_ready(client):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'integrations'")

    response = client.get("/readyz")

    assert response.status_code == 503
    assert "Run manage.py migrate." in response.json()["checks"]["database"]["detail"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/healthz/", "/readyz/"])
def test_probes_need_no_host_no_https_and_no_session(settings, path):
    settings.ALLOWED_HOSTS = ["dashboard.example"]
    settings.SECURE_SSL_REDIRECT = True

    response = Client().get(path, headers={"host": "10.1.2.3:8000"})

    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert not response.cookies


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_only_read(client, path):
    assert client.post(path).status_code == 405


@pytest.mark.django_db
def test_other_addresses_are_none_of_their_business(client):
    assert client.get("/healthzz").status_code == 404
    assert client.get("/admin/healthz").status_code != 200


@pytest.mark.slow
def test_check_health_of_an_empty_database_says_what_to_do(process_environment, tmp_path):
    environment = process_environment | {"DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3"}
    shown = subprocess.run(
        [sys.executable, "manage.py", "check_health"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert shown.returncode == 1
    assert "Run manage.py migrate." in shown.stdout
