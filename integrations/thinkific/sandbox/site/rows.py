"""The types of rows of which a site has very many. Other rows are stored as the dict that is sent.

`raw` replaces values of the rendered row, so that a test can send any value. `cache` is the encoded row.
Times are milliseconds. Rows have no reference cycles, so the garbage collector ignores them (gc=False).
"""

from typing import Any

import msgspec


class User(msgspec.Struct, gc=False, eq=False, kw_only=True):
    id: int
    created_at: int
    first_name: str | None
    last_name: str | None
    email: str | None
    company: str | None = None
    roles: tuple[str, ...] = ()
    headline: str | None = None
    bio: str | None = None
    avatar_url: str | None = None
    external_source: str | None = None
    affiliate_code: str | None = None
    affiliate_commission: str | None = None
    affiliate_commission_type: str = "%"
    affiliate_payout_email: str | None = None
    administered_course_ids: list[int] | None = None
    profile: tuple[tuple[int, str], ...] = ()  # (definition id, value)
    raw: dict[str, Any] | None = None
    cache: bytes | None = None

    @property
    def full_name(self) -> str | None:
        return " ".join(part for part in (self.first_name, self.last_name) if part) or None


class Enrollment(msgspec.Struct, gc=False, eq=False, kw_only=True):
    id: int
    user_id: int
    course_id: int
    created_at: int
    updated_at: int
    percentage_completed: str = "0.0"
    activated_at: int | None = None
    started_at: int | None = None
    completed_at: int | None = None
    expiry_date: int | None = None
    raw: dict[str, Any] | None = None
    cache: bytes | None = None
    cached_as_expired: bool = False

    def is_expired(self, now: int) -> bool:
        return self.expiry_date is not None and self.expiry_date <= now


class Submission(msgspec.Struct, gc=False, eq=False, kw_only=True):
    """The result of one person in one quiz. A later attempt overwrites it."""

    id: int
    quiz_id: int
    user_id: int
    created_at: int
    completed_at: int | None
    attempts: int
    correct_count: int
    incorrect_count: int
    passed: bool


class Certificate(msgspec.Struct, gc=False, eq=False, kw_only=True):
    id: int
    user_id: int
    course_id: int
    issued_id: str
    issued_at: int
    expiry_date: int | None
