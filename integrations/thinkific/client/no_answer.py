"""Errors for requests without a complete answer, with their messages."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from requests import exceptions as failures
from urllib3.exceptions import NewConnectionError, ProxyError

from integrations.thinkific.client import wire
from integrations.thinkific.client.errors import (
    Interrupted,
    NotConfigured,
    RetryLater,
    ThinkificError,
    Unfinished,
)


@dataclass(frozen=True)
class Attempt:
    """One request. `label` names it in messages; `uncertain`: it may have an effect without an answer."""

    label: str
    uncertain: bool
    address: str
    connect_within: float
    silent_for: float


def cut_off(attempt: Attempt, cut: wire.CutOff, exchange: wire.Exchange) -> RetryLater:
    """Returns the error for an answer that we stopped reading."""
    if isinstance(cut, wire.ToldToStop):
        words = f"{attempt.label}: broken off, because this process or its run was stopped."
        return Interrupted(words, uncertain=attempt.uncertain)
    if isinstance(cut, wire.TooLarge):
        words = (
            f"{attempt.label}: Thinkific's answer is larger than {exchange.largest >> 20} MiB "
            "(THINKIFIC_LARGEST_ANSWER); the rest was not read."
        )
    else:
        words = (
            f"{attempt.label}: Thinkific's answer was not complete after {exchange.seconds():.0f} s: "
            f"{_size(exchange.received)} came."
        )
    return Unfinished(words, uncertain=attempt.uncertain)


def failed(attempt: Attempt, error: failures.RequestException) -> ThinkificError:
    """Returns the error for a request that failed in the network or in `requests`."""
    label, uncertain = attempt.label, attempt.uncertain
    host = urlsplit(attempt.address).netloc or attempt.address
    if isinstance(error, failures.InvalidURL | failures.MissingSchema | failures.InvalidSchema):
        return NotConfigured(f"“{attempt.address}” (THINKIFIC_API_URL) is not a web address.")
    if isinstance(error, failures.InvalidHeader):
        return NotConfigured("The Thinkific key or subdomain holds characters that cannot be sent.")
    if isinstance(error, failures.ConnectTimeout):
        return RetryLater(f"{label}: no connection to {host} within {attempt.connect_within:g} s.")
    if isinstance(error, failures.Timeout):
        return RetryLater(f"{label}: no answer within {attempt.silent_for:g} s.", uncertain=uncertain)
    if isinstance(error, failures.SSLError):
        return RetryLater(f"{label}: the certificate of {host} could not be verified.")
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(reason, NewConnectionError | ProxyError):
        return RetryLater(f"{label}: no connection to {host}.")
    if isinstance(error, failures.ChunkedEncodingError | failures.ContentDecodingError):
        return RetryLater(f"{label}: the answer was cut off.", uncertain=uncertain)
    return RetryLater(f"{label}: the connection broke.", uncertain=uncertain)


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1000:.0f} KB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
