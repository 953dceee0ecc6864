"""What the payloads of webhooks hold, typed; like schemas.py, with nothing required but ids."""

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from integrations.thinkific.client import schemas
from integrations.thinkific.client.decoding import read_row
from integrations.thinkific.client.schemas import Count, Id, Moment, Number

T = TypeVar("T")


class Unreadable(ValueError):
    """A payload that is not what its topic promises; the message says where, for a person."""


class Named(Struct):
    id: Id
    name: str | None = None


class Enrollment(Struct):
    """A snapshot of an enrollment at the moment of its event."""

    id: Id
    course_id: Id | None = None
    course: Named | None = None
    user: schemas.User | None = None
    percentage_completed: Number | None = None
    free_trial: bool | None = None
    created_at: Moment | None = None
    activated_at: Moment | None = None
    started_at: Moment | None = None
    completed_at: Moment | None = None
    expiry_date: Moment | None = None
    updated_at: Moment | None = None
    # enrollment.completed only
    credential_id: str | int | None = None
    certificate_url: str | None = None
    certificate_expiry_date: Moment | None = None

    @property
    def course_number(self) -> int | None:
        return self.course_id or (self.course.id if self.course else None)

    @property
    def is_whole(self) -> bool:
        """Whether it says who, what and as of when: without, it is only a hint to ask."""
        return bool(self.user and self.course_number and self.updated_at)


class Lesson(Struct):
    enrollment: Named
    lesson: Named | None = None
    user: schemas.User | None = None


class Quiz(Struct):
    """Counts that are null are not told. `result_id` is taken to be GraphQL's id of the submission."""

    result_id: Id
    quiz: Named
    user: schemas.User
    attempts: Count | None = None
    correct_count: Count | None = None
    incorrect_count: Count | None = None
    grade: Number | None = None


def read(payload: Any, wanted: type[T]) -> T:
    """Raises Unreadable."""
    if not isinstance(payload, dict):
        raise Unreadable("The event has no payload.")
    try:
        return read_row(payload, wanted)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Unreadable(f"The payload cannot be read: {error}.") from None


def as_listed(told: Enrollment) -> schemas.Enrollment:
    """A whole one in the words of the REST list."""
    assert told.user is not None
    name = f"{told.user.first_name or ''} {told.user.last_name or ''}".strip()
    return schemas.Enrollment(
        id=told.id,
        user_id=told.user.id,
        course_id=told.course_number,
        user_email=told.user.email,
        user_name=name,
        course_name=told.course.name if told.course else None,
        percentage_completed=told.percentage_completed,
        is_free_trial=told.free_trial,
        created_at=told.created_at,
        activated_at=told.activated_at,
        started_at=told.started_at,
        completed_at=told.completed_at,
        expiry_date=told.expiry_date,
        updated_at=told.updated_at,
    )
