"""Structured logs on standard error: lines for people in development, JSON in production."""

import re
from collections.abc import Iterable
from typing import Any

import structlog

SECRET_NAMES = ("api_key", "token", "secret", "password", "authorization", "cookie")
# What carries a secret inside a text: a header, the password in an address, a parameter, a reset link.
SECRETS_IN_TEXT = re.compile(
    r"""(?ix)
    (?<=bearer\ )[^\s"',\\]+
    | (?<=://)[^\s/@"']+(?=@)
    | (?<=[?&])(?:access_token|api_key|token|secret|password)=[^\s&"'\\]+
    | (?<=/reset/)[^\s/]+/[^\s/]+
    | (?<=/email-change/)[^\s/]+/[^\s/]+
    """
)
SHORTEST_SECRET = 8  # shorter values would blank ordinary words


def drop_secrets(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Blank every value whose name says that it is a secret."""
    for key in event:
        if any(name in key.lower() for name in SECRET_NAMES):
            event[key] = "***"
    return event


class BlankSecrets:
    """Blank secrets in the finished line: tracebacks and messages of libraries carry them without a name."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = sorted({value for value in secrets if len(value) >= SHORTEST_SECRET}, key=len, reverse=True)
        self.known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, _logger: Any, _method: str, line: str) -> str:
        if self.known:
            line = self.known.sub("***", line)
        return SECRETS_IN_TEXT.sub("***", line)


def configure_logging(*, level: str, json: bool, secrets: Iterable[str] = ()) -> dict[str, Any]:
    """Configure structlog and answer Django's LOGGING; run and request ids come from contextvars."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        drop_secrets,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.UnicodeDecoder(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    tail: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if json
        else [structlog.dev.ConsoleRenderer(colors=False)]
    )
    tail.append(BlankSecrets(secrets))
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.server": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
            # The queue tells four lines per task, probes included; what matters is told by the tasks.
            "django-q": {"level": "DEBUG" if level == "DEBUG" else "WARNING"},
            "django_structlog": {"level": "WARNING"},
            "urllib3": {"level": "WARNING"},
        },
    }
