"""Environment for processes that a test starts."""

import os

import pytest
from django.conf import settings
from django.db import connection


@pytest.fixture
def process_environment(transactional_db: None) -> dict[str, str]:
    """Returns the environment for a process (`manage.py ...`) that uses the database of the test."""
    database = connection.settings_dict
    url = (
        f"sqlite:///{database['NAME']}"
        if connection.vendor == "sqlite"
        else "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
    )
    own = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "project.settings", "DEBUG": "1"}
    return {**os.environ, **own}


@pytest.fixture
def connected_environment(process_environment: dict[str, str], connected: object) -> dict[str, str]:
    """The same for a process that is connected to the stand-in."""
    names = ("SUBDOMAIN", "API_KEY", "ACCESS_TOKEN", "API_URL", "RATE_LIMIT", "GRAPHQL_POINTS")
    own = {f"THINKIFIC_{name}": str(getattr(settings, f"THINKIFIC_{name}")) for name in names}
    return process_environment | {"READ_DOT_ENV": "0"} | own
