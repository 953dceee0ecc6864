"""How a process that a test starts reaches the database of that test."""

import os

import pytest
from django.db import connection


@pytest.fixture
def process_environment(transactional_db: None) -> dict[str, str]:
    """The environment for a process of the product (`manage.py ...`) that works on this test's database."""
    database = connection.settings_dict
    url = (
        f"sqlite:///{database['NAME']}"
        if connection.vendor == "sqlite"
        else "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
    )
    own = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "project.settings", "DEBUG": "1"}
    return {**os.environ, **own}
