"""The product's settings, with what a test run needs: no .env, no secrets, quick passwords, no mail sent."""

import os

os.environ["READ_DOT_ENV"] = "0"
os.environ["DEBUG"] = "1"
os.environ["EMAIL_URL"] = "memorymail://"
for name in ("SUBDOMAIN", "API_KEY", "ACCESS_TOKEN", "API_URL", "RATE_LIMIT", "RATE_WINDOW"):
    os.environ.pop(f"THINKIFIC_{name}", None)

from project.settings import *

DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
