"""Environment for processes that a test starts."""

import os

import pytest
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
