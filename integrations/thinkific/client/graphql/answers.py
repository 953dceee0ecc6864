"""What a GraphQL answer means: errors have status 200, and each answer tells what the query cost."""

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import msgspec

from integrations.thinkific.client.answers import Answer
from integrations.thinkific.client.decoding import load_json, parse_moment
from integrations.thinkific.client.errors import (
    CredentialsRefused,
    Message,
    NotFound,
    RateLimited,
    Rejected,
    RetryLater,
    SchemaDrift,
    TooExpensive,
    error_messages,
)
from integrations.thinkific.client.rates import FALLBACK, LONGEST, Points
from integrations.thinkific.client.transport import Budget

TRANSIENT = {"SERVER_ERROR", "GATEWAY_TIMEOUT", "INTERNAL_SERVER_ERROR", "INTERNAL_ERROR", "TIMEOUT"}
REFUSED = {"UNAUTHENTICATED", "UNAUTHORIZED", "FORBIDDEN"}
MISSING = {"NOT_FOUND", "RECORD_NOT_FOUND"}
DRIFT = {
    "GRAPHQL_VALIDATION_FAILED",
    "GRAPHQL_PARSE_FAILED",
    "VALIDATION_ERROR",
    "undefinedField",
    "undefinedType",
    "argumentNotAccepted",
    "missingRequiredArguments",
    "argumentLiteralsIncompatible",
    "selectionMismatch",
    "fragmentOnNonCompositeType",
    "variableMismatch",
}
DRIFT_TEXT = re.compile(
    r"cannot query field|doesn't exist on type|does not exist on type|unknown (argument|field|type|enum)"
    r"|doesn't accept argument|isn't a defined|is not defined by|no such type|was provided invalid value",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class GraphAnswer:
    """The `data` of an answer, and what the query cost."""

    data: dict[str, Any]
    points: Points = field(default_factory=Points)


def read_graph_answer(
    answer: Answer, operation: str, *, budget: Budget | None = None, estimate: int = 0
) -> GraphAnswer:
    """Returns the data, and tells the budget what it cost. Raises what the errors in the answer mean."""
    body = load_json(answer.body, f"GraphQL {operation}")
    if not isinstance(body, dict):
        raise RetryLater(f"GraphQL {operation} was answered without data.")
    points = _points(body)
    errors = [error for error in body.get("errors") or [] if isinstance(error, dict)]
    codes = {_code(error) for error in errors}
    if budget is not None:
        free = "MAX_QUERY_COST_EXCEEDED" in codes  # refused, and not charged
        budget.note_points(replace(points, cost=0) if free else points, estimate=estimate)
    if errors:
        _raise_for(errors, codes, operation, points, budget)
    if not answer.ok:
        raise Rejected(f"GraphQL {operation}", answer.status, error_messages(body))
    data = body.get("data")
    if not isinstance(data, dict):
        raise RetryLater(f"GraphQL {operation} was answered without data.")
    _raise_user_errors(data, operation)
    return GraphAnswer(data, points)


def _raise_for(
    errors: list[dict[str, Any]], codes: set[str], operation: str, points: Points, budget: Budget | None
) -> NoReturn:
    request = f"GraphQL {operation}"
    messages: list[Message] = [(None, text) for _, text in error_messages(errors)]
    messages = messages or [(None, "an error without a message")]
    words = f"{request}: {'; '.join(text for _, text in messages)}"
    if "RATE_LIMITED" in codes:
        now = datetime.now(UTC)
        until = min(points.reset or now + timedelta(seconds=FALLBACK), now + timedelta(seconds=LONGEST))
        if budget is not None:
            budget.stop_points_until(until)
        raise RateLimited(words, until=until)
    if "MAX_QUERY_COST_EXCEEDED" in codes:
        limits = [(error.get("extensions") or {}).get("maxCost") for error in errors]
        most = next((n for n in limits if isinstance(n, int)), None)
        raise TooExpensive(words, max_cost=most, cost=points.cost)
    if codes & TRANSIENT:
        raise RetryLater(words)
    if codes & REFUSED:
        raise CredentialsRefused(words, surface="GraphQL", credential="THINKIFIC_ACCESS_TOKEN", status=200)
    if codes & DRIFT or any(DRIFT_TEXT.search(text) for _, text in messages):
        raise SchemaDrift(words)
    if codes & MISSING or any("not found" in text.lower() for _, text in messages):
        raise NotFound(request, 200, messages)
    if codes == {""} and not any(error.get("path") for error in errors):
        raise SchemaDrift(words)  # without a code and a path, it is about the query itself
    raise Rejected(request, 200, messages)


def _raise_user_errors(data: dict[str, Any], operation: str) -> None:
    for result in data.values():
        refusals = result.get("userErrors") if isinstance(result, dict) else None
        if refusals:
            messages = [
                (_field(item), str(item.get("message"))) for item in refusals if isinstance(item, dict)
            ]
            raise Rejected(f"GraphQL {operation}", 200, messages)


def _field(refusal: dict[str, Any]) -> str | None:
    path = refusal.get("path")
    return ".".join(str(part) for part in path) if isinstance(path, list) and path else None


def _code(error: dict[str, Any]) -> str:
    extensions = error.get("extensions")
    return str(extensions.get("code") or "") if isinstance(extensions, dict) else ""


def _points(body: dict[str, Any]) -> Points:
    extensions = body.get("extensions")
    rate = extensions.get("rateLimit") if isinstance(extensions, dict) else None
    if not isinstance(rate, dict):
        return Points()
    try:
        reset = parse_moment(rate["resetAt"])
    except (KeyError, AttributeError, msgspec.ValidationError):
        reset = None
    cost, remaining, limit = (
        round(value) if isinstance(value := rate.get(key), int | float) else None
        for key in ("cost", "remaining", "limit")
    )
    return Points(cost, remaining, limit, reset)
