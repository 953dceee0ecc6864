"""Structured logs on standard error: text in development, JSON in production. Secrets are blanked."""

import logging
import re
from collections.abc import Iterable
from json import dumps
from typing import Any
from urllib.parse import quote

import structlog
from django.utils.log import log_response

from core import acting
from core.services.site import known_secrets
from project.middleware import secret_addresses

SECRET_NAMES = ("api_key", "token", "secret", "password", "authorization", "cookie", "jwt")
_NAME = r"[\w-]*(?:api[_-]?key|token|secret|password|authorization|cookie|sessionid|uidb64|jwt)[\w-]*"
# Secrets inside a text: in a header, as the password in a URL, as a parameter.
SECRETS_IN_TEXT = re.compile(
    rf"""(?ix)
    (?<=bearer\ )[^\s"',\\]+
    | (?<=://)[^\s/@"']+(?=@)
    | (?<![\w-])(?P<header>(?:[\w-]*authorization|(?:set-)?cookie|x-[\w-]*(?:key|token|secret))\s*:\s*)
      [^\s"'\\][^"'\\\n]*
    | (?<![\w-])(?P<parameter>{_NAME}(?:=|%(?:25)*3d))[^\s&"'\\<>]+
    # Values that Django signs, recognised by their form: a token to set a password, a signed value.
    | (?<![0-9a-z])[0-9a-z]{{1,13}}-[0-9a-f]{{32}}(?![0-9a-f])
    | (?<![\w.=-])[\w.=-]+(?::|%(?:25)*3a)(?:[0-9a-z]{{6}}(?::|%(?:25)*3a))?[\w-]{{43}}(?![\w-])
    """
)
# "password": "...", as in JSON or a dict. Quotes may be escaped any number of times; the value may be a list.
SECRETS_IN_QUOTES = re.compile(
    rf"""(?ixs)
    (?P<before>(?P<quote>\\*["']){_NAME}(?P=quote)\s*:\s*)
    (?:\[[^\]]*\] | b?(?P<opened>\\*["']).*?(?<!\\)(?P=opened))
    """
)
# Letters and digits in percent encoding (%41), as a client may send them in a URL, also encoded repeatedly.
WRITTEN_AS_CODE = re.compile(r"(?i)%(?:25)*(3\d|[46][1-9a-f]|[57][0-9a]|2[de]|5f|7e)")
SHORTEST_SECRET = 8  # shorter secrets are not searched, as they would blank ordinary words


def drop_secrets(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Blank every value whose key is the name of a secret."""
    for key in event:
        if any(name in key.lower() for name in SECRET_NAMES):
            event[key] = "***"
    return event


class BlankSecrets:
    """Blanks secrets in the finished log line: tracebacks and messages of libraries contain them without a
    key."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._given = frozenset(secrets)
        self._stored: frozenset[str] = frozenset()
        self.known = _pattern(self._given)

    def _take_stored(self) -> None:
        """Blank secrets too that were read from the database since the last line."""
        if (stored := known_secrets.known()) != self._stored:
            self._stored = stored
            self.known = _pattern(self._given | stored)

    def __call__(self, _logger: Any, _method: str, line: str) -> str:
        self._take_stored()
        plain = WRITTEN_AS_CODE.sub(_letter, line) if "%" in line else line
        blanked = _blank(self.known.sub("***", plain) if self.known else plain)
        return line if blanked == plain else blanked


def _pattern(secrets: Iterable[str]) -> re.Pattern[str] | None:
    values = {value for value in secrets if len(value) >= SHORTEST_SECRET}
    forms = {form for value in values for form in (value, quote(value, safe=""), dumps(value)[1:-1])}
    known = sorted(forms, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, known))) if known else None


def _letter(code: re.Match[str]) -> str:
    return chr(int(code[1], 16))


def _blank(text: str) -> str:
    if addresses := secret_addresses.in_text():
        text = addresses.sub(r"\1***", text)
    text = SECRETS_IN_QUOTES.sub(r"\g<before>\g<quote>***\g<quote>", text)
    return SECRETS_IN_TEXT.sub(lambda found: f"{found['header'] or found['parameter'] or ''}***", text)


class Refusals(logging.Filter):
    """Logs a refused request (status 400 to 499) as a one-line warning. The code has no error then, so a
    traceback would not help."""

    def filter(self, record: logging.LogRecord) -> bool:
        if 400 <= getattr(record, "status_code", 0) < 500:
            record.exc_info = record.exc_text = None
            path, text = getattr(getattr(record, "request", None), "path", ""), record.getMessage()
            if path not in text:
                record.msg, record.args = f"{text}: {path}", ()
            if record.levelno > logging.WARNING:
                record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def tell_refusal(sender: Any, request: Any, response: Any, **_: Any) -> None:
    """Receiver of django-structlog's signal at the end of a request: logs a refused request now, while the
    ids of the request and the user are known. Django would log it later, without them; it logs a response
    once."""
    if 400 <= response.status_code < 500:
        log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request)


def name_impersonation(sender: Any, **_: Any) -> None:
    """Receiver of django-structlog's signal at the beginning of a request: the lines of an impersonated
    request name the administrator too."""
    if (acts := acting.current()) is not None:
        structlog.contextvars.bind_contextvars(
            impersonator_id=acts.impersonator_id, impersonation=acts.session_id
        )


def configure_logging(*, level: str, json: bool, secrets: Iterable[str] = ()) -> dict[str, Any]:
    """Configure structlog. Returns Django's LOGGING setting. Ids of runs and requests come from
    contextvars."""
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
        # Plain tracebacks: the other formats show the values of variables, which may be passwords.
        else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
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
        "filters": {"refusals": {"()": Refusals}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "structured", "filters": ["refusals"]}
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": _loggers(level),
    }


def _loggers(level: str) -> dict[str, dict[str, Any]]:
    return {
        # Without Django's own handlers: one does not use the formatter that blanks secrets, the other sends
        # mail within the failed request.
        "django": {"level": "INFO"},
        "django.server": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        # The web server's own lines contain addresses too, so they use the same handler.
        "gunicorn.access": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "gunicorn.error": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        # The queue logs four lines per task. The tasks log what matters themselves.
        "django-q": {"level": "DEBUG" if level == "DEBUG" else "WARNING"},
        "django_structlog": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
    }
