"""The settings for tests: no .env file, no secrets, fast password hashes, no mail sent.

The database and the cache come from TEST_DATABASE_URL and TEST_REDIS_URL, never from DATABASE_URL and
REDIS_URL, so that tests cannot reach a developer's data.
"""

import os
import tempfile
from pathlib import Path

for name in (
    "SUBDOMAIN",
    "API_KEY",
    "ACCESS_TOKEN",
    "API_URL",
    "WEBHOOK_SECRETS",
    "RATE_LIMIT",
    "RATE_WINDOW",
    "DEADLINE",
    "LARGEST_ANSWER",
):
    os.environ.pop(f"THINKIFIC_{name}", None)
# A file for each test process: threads and other processes could not share a database in memory.
SQLITE_FILE = Path(tempfile.gettempdir()) / f"b2b-dashboard-tests-{os.getpid()}.sqlite3"
os.environ["READ_DOT_ENV"] = "0"
os.environ["DEBUG"] = "1"
os.environ["EMAIL_URL"] = "memorymail://"
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or f"sqlite:///{SQLITE_FILE}"
if redis_url := os.environ.get("TEST_REDIS_URL", ""):
    # Clearing the cache clears a whole database of Redis, so each test process has its own.
    redis_url = f"{redis_url.rstrip('/')}/{os.environ.get('PYTEST_XDIST_WORKER', 'gw0').removeprefix('gw')}"
os.environ["REDIS_URL"] = redis_url

from project.settings import *

DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if IS_SQLITE:
    DATABASES["default"]["TEST"] = {"NAME": str(SQLITE_FILE)}
