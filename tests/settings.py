"""The product's settings, with what a test run needs: no .env, no secrets, quick passwords, no mail sent.

The database and the cache come from TEST_DATABASE_URL and TEST_REDIS_URL, never from DATABASE_URL and
REDIS_URL: a test run must not reach what a developer works with.
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
# A file, one for each test process: threads and the processes that tests start cannot share one in memory.
SQLITE_FILE = Path(tempfile.gettempdir()) / f"b2b-dashboard-tests-{os.getpid()}.sqlite3"
os.environ["READ_DOT_ENV"] = "0"
os.environ["DEBUG"] = "1"
os.environ["EMAIL_URL"] = "memorymail://"
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or f"sqlite:///{SQLITE_FILE}"
if redis_url := os.environ.get("TEST_REDIS_URL", ""):
    # Emptying the cache empties a whole database of Redis, so test processes side by side have one each.
    redis_url = f"{redis_url.rstrip('/')}/{os.environ.get('PYTEST_XDIST_WORKER', 'gw0').removeprefix('gw')}"
os.environ["REDIS_URL"] = redis_url

from project.settings import *

DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if IS_SQLITE:
    DATABASES["default"]["TEST"] = {"NAME": str(SQLITE_FILE)}
