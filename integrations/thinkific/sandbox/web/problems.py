"""Error answers in the shapes of Thinkific. Each endpoint has its own shape."""

from typing import Any


class Problem(Exception):
    def __init__(self, status: int, body: Any):
        super().__init__(status, body)
        self.status = status
        self.body = body


def unauthorized() -> Problem:
    return Problem(401, {"error": "Authentication Error"})


def not_found() -> Problem:
    return Problem(404, {"error": "Record not found."})


def malformed(message: str) -> Problem:
    return Problem(400, {"error": message})


def invalid_fields(**fields: str | list[str]) -> Problem:
    """For users and most others: `{"errors": {"email": ["has already been taken"]}}`."""
    return Problem(422, {"errors": {k: [v] if isinstance(v, str) else v for k, v in fields.items()}})


def invalid_list(*messages: str) -> Problem:
    """For enrollments and group_users: a list of texts."""
    return Problem(422, {"errors": list(messages)})


def invalid_texts(**fields: str) -> Problem:
    """For POST of group analysts and for the webhooks API: one text per field."""
    return Problem(422, {"errors": fields})
