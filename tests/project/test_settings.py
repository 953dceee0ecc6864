"""The settings as a process gets them from its environment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once
ROOT = Path(__file__).parent.parent.parent
STRONG_KEY = "kq3Zr8vT1xN6mB0yW4sD7fG2hJ9lP5cA-eR_uYiOoQwEzXtVbNmKjHgFdSa"
PRODUCTION = {"SECRET_KEY": STRONG_KEY, "ALLOWED_HOSTS": "dashboard.example.com"}
SHOW = (
    "import json; from project import settings as s; "
    "print(json.dumps({n: getattr(s, n) for n in dir(s) if n.isupper()}, default=str))"
)


def start(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, *(command or ("-c", SHOW))],
        cwd=ROOT,
        env={"READ_DOT_ENV": "0", **kept, **environment},
        capture_output=True,
        text=True,
    )


def settings(environment: dict[str, str]) -> dict:
    done = start(environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"REDIS_URL": "cache.example.com:6379"}, "REDIS_URL must look like redis://"),
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
        ({"SECRET_KEY": "too-short"}, "SECRET_KEY is too weak"),
        ({"SECRET_KEY": "ab" * 40}, "SECRET_KEY is too weak"),
        ({"SECRET_KEY": "insecure-for-development-only-" + "x" * 30}, "SECRET_KEY is too weak"),
        ({"ALLOWED_HOSTS": "dashboard.example.com,*"}, 'may not contain "*"'),
    ],
)
def test_production_refuses_an_insecure_default(wrong, sentence):
    done = start({**PRODUCTION, **wrong})

    assert done.returncode != 0
    assert sentence in done.stderr


def test_a_production_machine_has_nothing_to_warn_about():
    done = start(PRODUCTION, "manage.py", "check", "--deploy", "--fail-level", "WARNING")

    assert done.returncode == 0, done.stderr


def test_a_development_machine_needs_no_setting_but_debug():
    shown = settings({"DEBUG": "1", "ALLOWED_HOSTS": "*"})

    assert shown["DATABASES"]["default"]["ENGINE"].endswith("sqlite3")
    assert shown["ALLOWED_HOSTS"] == ["*"]


def test_the_environment_wins_over_the_file(tmp_path):
    file = tmp_path / "dashboard.env"
    file.write_text('# a remark\nDEBUG=1\nTHINKIFIC_SUBDOMAIN=from-file\nTHINKIFIC_API_KEY="with # and \'"\n')
    shown = settings({"READ_DOT_ENV": "1", "ENV_FILE": str(file), "THINKIFIC_SUBDOMAIN": "from-environment"})

    assert shown["THINKIFIC_SUBDOMAIN"] == "from-environment"
    assert shown["THINKIFIC_API_KEY"] == "with # and '"
    assert shown["DEBUG"] is True


def test_a_database_and_a_cache_come_from_their_addresses():
    shown = settings(
        {
            **PRODUCTION,
            "DATABASE_URL": "postgres://dash:p%40ss@db.example.com:5433/dashboard",
            "REDIS_URL": "redis://cache.example.com:6379/2",
        }
    )

    database = shown["DATABASES"]["default"]
    assert (database["HOST"], database["PORT"], database["PASSWORD"]) == ("db.example.com", 5433, "p@ss")
    # A pooler such as PgBouncer refuses a connection with `options`.
    assert "options" not in database["OPTIONS"]
    assert (shown["DATABASE_LIMITS"]["statement_timeout"], database["DISABLE_SERVER_SIDE_CURSORS"]) == (
        60_000,
        False,
    )
    assert shown["CACHES"]["default"]["LOCATION"] == "redis://cache.example.com:6379/2"


def test_behind_a_pooler_nothing_is_set_on_a_connection():
    shown = settings(
        {**PRODUCTION, "DATABASE_URL": "postgres://dash@db.example.com/dashboard", "DATABASE_POOLER": "1"}
    )

    assert shown["DATABASE_LIMITS"] == {}
    assert shown["DATABASES"]["default"]["DISABLE_SERVER_SIDE_CURSORS"] is True


def test_no_link_to_set_a_password_is_printed_in_production():
    assert settings({"DEBUG": "1"})["EMAIL_BACKEND"].endswith("console.EmailBackend")
    assert settings(PRODUCTION)["EMAIL_BACKEND"].endswith("dummy.EmailBackend")


@pytest.mark.parametrize("limit", ["1", "1000000"])
def test_any_limit_of_requests_can_be_set(limit):
    shown = settings({**PRODUCTION, "THINKIFIC_RATE_LIMIT": limit, "THINKIFIC_RATE_WINDOW": "0.5"})

    assert (shown["THINKIFIC_RATE_LIMIT"], shown["THINKIFIC_RATE_WINDOW"]) == (int(limit), 0.5)


def test_a_number_that_is_none_is_named():
    done = start({**PRODUCTION, "QUEUE_WORKERS": "several"})

    assert 'QUEUE_WORKERS is "several", which is not a number' in done.stderr


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_the_published_key_is_kept_to_this_machine(address):
    ipv6 = ["--ipv6"] if "[" in address else []
    done = start({"DEBUG": "1", "ALLOWED_HOSTS": "*"}, "manage.py", "runserver", "--noreload", *ipv6, address)

    assert done.returncode != 0
    assert "no SECRET_KEY is set" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_web_server_keeps_debug_to_this_machine():
    command = ["-m", "gunicorn", "--config=python:project.serving.config", "--bind=0.0.0.0:0"]
    done = start({"DEBUG": "1", "SECRET_KEY": STRONG_KEY}, *command)

    assert done.returncode != 0
    assert "DEBUG is on, and other machines may reach 0.0.0.0" in done.stderr


@pytest.mark.parametrize("written", ["whsec_a,whsec_b", "whsec_a, whsec_b", "whsec_a whsec_b"])
def test_several_secrets_of_stripe_stand_between_blanks_or_commas(written):
    assert settings({"DEBUG": "1", "STRIPE_WEBHOOK_SECRET": written})["STRIPE_WEBHOOK_SECRET"] == [
        "whsec_a",
        "whsec_b",
    ]
