"""Django's settings. They are read from the environment, and from .env for variables that are not set there.

.env.example lists the variables. ENV_FILE names another file than .env; READ_DOT_ENV=0 reads none.
"""

import os
from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from project.axes import *  # noqa: F403  (settings of django-axes)
from project.environment import Env
from project.installed import INSTALLED_APPS, MIDDLEWARE  # noqa: F401  (Django settings)
from project.logs import configure_logging
from project.unfold.settings import UNFOLD  # noqa: F401  (a Django setting)

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()
if env.bool("READ_DOT_ENV", True):
    env.read_env(BASE_DIR / env.str("ENV_FILE", ".env"), overwrite=False)

DEBUG = env.bool("DEBUG", False)

INSECURE_SECRET_KEY = "insecure-for-development-only-" + "x" * 30
SECRET_KEY = env.str("SECRET_KEY", "")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. Put a long random value into the environment or .env, "
            "or set DEBUG=1 on a development machine."
        )
    SECRET_KEY = INSECURE_SECRET_KEY
# Former keys: what they signed or encrypted can be read, nothing new is signed with them.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
if not DEBUG and (SECRET_KEY == INSECURE_SECRET_KEY or len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 5):
    raise ImproperlyConfigured(
        "SECRET_KEY is too weak for production: use at least 50 random characters, for example the output of "
        "python -c 'import secrets; print(secrets.token_urlsafe(64))'."
    )

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if DEBUG else [])
if not DEBUG and "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured(
        'ALLOWED_HOSTS may not contain "*" in production: name the hosts that serve the site.'
    )
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
ASGI_APPLICATION = "project.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Searched before the apps: apps listed after unfold could not override its templates otherwise.
        "DIRS": [BASE_DIR / "project" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Data ------------------------------------------------------------------------------------------

DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
IS_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
if IS_SQLITE:
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE takes the write lock at the start of a transaction. select_for_update does nothing on
        # SQLite, so without it two transactions could both take the last free place.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16384; "
        "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=268435456;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("DATABASE_CONN_MAX_AGE", 60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"].setdefault("OPTIONS", {})["connect_timeout"] = 10  # seconds
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = env.bool("DATABASE_POOLER", False)
# Milliseconds. Set after connecting (core/databases.py), as poolers refuse them as connection parameters.
LIMITS = {"statement_timeout": env.int("DATABASE_STATEMENT_TIMEOUT", 60_000)}
LIMITS |= {"client_connection_check_interval": 10_000}
DATABASE_LIMITS = {} if env.bool("DATABASE_POOLER", False) else LIMITS
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", "")
if REDIS_URL and not REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
    raise ImproperlyConfigured(
        "REDIS_URL must look like redis://:password@host:6379/0, or rediss:// with TLS."
    )
LOCAL_CACHE = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "dashboard"}
SHARED_CACHE = {"BACKEND": "project.cache.RedisCache", "LOCATION": REDIS_URL}
CACHES = {"default": SHARED_CACHE if REDIS_URL else LOCAL_CACHE}

FIXTURE_DIRS = [BASE_DIR / "fixtures"]

# --- People and sessions ---------------------------------------------------------------------------

AUTH_USER_MODEL = "core.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first, so that locked accounts are refused
    "core.services.permissions.RoleBackend",
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "core.services.accounts.password_rules.SitePasswordRules"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
BEHIND_PROXY = env.bool("BEHIND_PROXY", False)
# How many of our own proxies a request passes. Each adds an address to X-Forwarded-For.
PROXY_COUNT = env.int("PROXY_COUNT", 1) if BEHIND_PROXY else 0
if BEHIND_PROXY and PROXY_COUNT < 1:
    raise ImproperlyConfigured("PROXY_COUNT has to be 1 or more. Without a proxy, leave BEHIND_PROXY out.")
IPWARE_META_PRECEDENCE_ORDER = ("REMOTE_ADDR",)  # settled by project.middleware.client_address

SESSION_COOKIE_AGE = 60 * 60 * 24 * 14
SESSION_COOKIE_SAMESITE = "Lax"
MESSAGE_STORAGE = "project.pages.messages.ReadableMessages"
if not DEBUG:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.bool("SECURE_COOKIES", True)
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", True)
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", True)
    SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", True)
    if BEHIND_PROXY:
        # Only behind a proxy that sets this header on every request; otherwise a client could forge it.
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Wrong passwords for an account, and from a network, before sign-in is locked (accounts/sign_in.py).
SIGN_IN_TRIES = env.int("SIGN_IN_TRIES", 10)
SIGN_IN_TRIES_PER_NETWORK = env.int("SIGN_IN_TRIES_PER_NETWORK", 30)
SIGN_IN_COOL_OFF = timedelta(minutes=env.float("SIGN_IN_COOL_OFF", 30.0))
# Mails with a link (to set a password, to sign in) in an hour: to one account, and asked for from a network.
PASSWORD_MAILS = env.int("PASSWORD_MAILS", 3)
PASSWORD_MAILS_PER_NETWORK = env.int("PASSWORD_MAILS_PER_NETWORK", 20)
SIGN_IN_MAILS = env.int("SIGN_IN_MAILS", 5)
SIGN_IN_MAILS_PER_NETWORK = env.int("SIGN_IN_MAILS_PER_NETWORK", 60)

# --- Language, static files, mail ------------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = env.str("TIME_ZONE", "UTC")
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "project" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# Mails are never printed in production: links to set a password must not be in a log.
vars().update(env.email_url("EMAIL_URL", default="consolemail://" if DEBUG else "dummymail://"))
EMAIL_TIMEOUT = 20  # seconds; a mail server that does not answer must not block a worker
# The address of the dashboard, for links in mails, as these are sent outside a request.
SITE_URL = env.str("SITE_URL", "").rstrip("/") or (
    "http://localhost:8000" if DEBUG or not ALLOWED_HOSTS else f"https://{ALLOWED_HOSTS[0].lstrip('.')}"
)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "")  # empty: the sender of Settings counts

# --- Thinkific -------------------------------------------------------------------------------------

THINKIFIC_SUBDOMAIN = env.str("THINKIFIC_SUBDOMAIN", "")
THINKIFIC_API_KEY = env.str("THINKIFIC_API_KEY", "")
THINKIFIC_ACCESS_TOKEN = env.str("THINKIFIC_ACCESS_TOKEN", "")  # for GraphQL; works for REST too
THINKIFIC_API_URL = env.str("THINKIFIC_API_URL", "https://api.thinkific.com").rstrip("/")
THINKIFIC_WEBHOOK_SECRETS = env.list("THINKIFIC_WEBHOOK_SECRETS", default=[])
THINKIFIC_RATE_LIMIT = env.int("THINKIFIC_RATE_LIMIT", 0)  # 0: the limit of Settings counts
THINKIFIC_RATE_WINDOW = env.float("THINKIFIC_RATE_WINDOW", 60.0)  # seconds
THINKIFIC_CONCURRENCY = env.int("THINKIFIC_CONCURRENCY", 10)
THINKIFIC_GRAPHQL_POINTS = env.int("THINKIFIC_GRAPHQL_POINTS", 2000)  # per minute
THINKIFIC_TIMEOUT = (10.0, 30.0)  # seconds to connect, and without receiving a byte
THINKIFIC_DEADLINE = env.float("THINKIFIC_DEADLINE", 60.0)  # seconds for a request and its whole answer
THINKIFIC_LARGEST_ANSWER = env.int("THINKIFIC_LARGEST_ANSWER", 32)  # MiB, both compressed and unpacked
if min(THINKIFIC_DEADLINE, THINKIFIC_LARGEST_ANSWER) < 1:
    raise ImproperlyConfigured("THINKIFIC_DEADLINE and THINKIFIC_LARGEST_ANSWER must be 1 or more.")

# Stripe signs its events with these; without one POST /webhooks/stripe does not exist.
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", "").replace(",", " ").split()
# How many calls of the REST API a token may make in a minute; 0: as many as it likes.
API_CALLS_PER_MINUTE = env.int("API_CALLS_PER_MINUTE", 600)
# Lets webhooks out reach this machine, without https too: for development. `check --deploy` refuses it.
WEBHOOKS_ALLOW_LOOPBACK = env.bool("WEBHOOKS_ALLOW_LOOPBACK", False)

# Core calls these by dotted name, because it must not import the apps that have them (docs/architecture.md).
OUTBOX_DRAIN_TASK = "integrations.thinkific.tasks.drain_outbox"
WEBHOOKS_SEND_TASK = "integrations.queue.tasks.send_webhooks"
PAYMENTS_TASK = "integrations.queue.tasks.carry_out_payments"
IMPORTS_TASK = "integrations.queue.tasks.run_imports"
EXPORTS_TASK = "integrations.queue.tasks.carry_out_exports"
MIGRATIONS_TASK = "integrations.queue.tasks.carry_out_migrations"
SYNC_REQUEST = "integrations.thinkific.runs.lifecycle.request_run"
SYNC_STATE = "integrations.freshness"
IDENTITY_UNDECIDED = "integrations.thinkific.identities.is_undecided"
HEALTH_CHECKS = {
    "database": "core.services.site.health.database",
    "cache": "core.services.site.health.cache",
    "queue": "integrations.health.queue",
    "worker": "integrations.health.worker",
    "thinkific": "integrations.health.thinkific",
    "sync": "integrations.health.sync",
    "webhooks": "integrations.health.webhooks",
}

# --- Queue (django-q2 on the default database) -----------------------------------------------------

# A task only wakes a worker. What must survive a kill is stored in our own tables. docs/queue.md explains
# the values.
if "Q_CLUSTER_NAME" in os.environ:
    # django-q2 reads this variable itself, and would read from a queue that gets no tasks.
    raise ImproperlyConfigured("Q_CLUSTER_NAME is set, but there is only one queue. Unset it.")
QUEUE_WORKERS = env.int("QUEUE_WORKERS", 4)
QUEUE_TIMEOUT = 300  # seconds; a pull runs in tasks that are much shorter
QUEUE_LIMIT = QUEUE_WORKERS
Q_CLUSTER = {
    "name": "b2b-dashboard",
    "orm": "default",
    "broker_class": "integrations.queue.broker.Broker",
    "workers": QUEUE_WORKERS,
    "timeout": QUEUE_TIMEOUT,
    "queue_limit": QUEUE_LIMIT,
    # The lock of a task begins when it is taken from the queue, before it runs. So this must be longer than
    # timeout x (ceil((queue_limit + 1) / workers) + 1), or waiting tasks run twice.
    "retry": QUEUE_TIMEOUT * (-(-(QUEUE_LIMIT + 1) // QUEUE_WORKERS) + 1) + 60,
    "max_attempts": 3,
    "ack_failures": True,
    "catch_up": False,
    "save_limit": 0,  # above 0 every save locks the stored results; we prune them ourselves
    "recycle": 500,
    "poll": 0.2,  # seconds between two checks of an empty queue
    "label": "Queue",
}

# --- Administration --------------------------------------------------------------------------------

HIJACK_INSERT_BEFORE = None  # we have our own banner, also on error pages
SIMPLE_HISTORY_HISTORY_CHANGE_REASON_USE_TEXT_FIELD = True
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000
DATA_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

LOGGING = configure_logging(
    level=env.str("LOG_LEVEL", "INFO"),
    json=env.bool("LOG_JSON", not DEBUG),
    secrets=[
        SECRET_KEY,
        *SECRET_KEY_FALLBACKS,
        THINKIFIC_API_KEY,
        THINKIFIC_ACCESS_TOKEN,
        *THINKIFIC_WEBHOOK_SECRETS,
        *STRIPE_WEBHOOK_SECRET,
    ],
)
DJANGO_STRUCTLOG_USER_ID_FIELD = "pk"
DJANGO_STRUCTLOG_STATUS_4XX_LOG_LEVEL = 20  # INFO: Django logs each of these too, with the reason
