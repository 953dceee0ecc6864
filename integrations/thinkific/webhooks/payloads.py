"""The types of webhook payloads. As in schemas.py, only ids are required."""

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from integrations.thinkific.client import schemas
from integrations.thinkific.client.decoding import read_row
from integrations.thinkific.client.schemas import Count, Id, Moment, Number

T = TypeVar("T")


class Unreadable(ValueError):
    """A payload does not have the fields of its topic; the message says which, for an administrator."""


class Named(Struct):
    id: Id
    name: str | None = None


class Enrollment(Struct):
    """An enrollment as it was at the time of its event."""

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
        """Whether it names student, course and time. Otherwise Thinkific must be asked."""
        return bool(self.user and self.course_number and self.updated_at)


class Lesson(Struct):
    enrollment: Named
    user: schemas.User | None = None


class Quiz(Struct):
    """A quiz result. Counts that are None are not known.

    We assume that `result_id` is the id of the submission in GraphQL.
    """

    result_id: Id
    quiz: Named
    user: schemas.User
    attempts: Count | None = None
    correct_count: Count | None = None
    incorrect_count: Count | None = None
    grade: Number | None = None


def read(payload: Any, wanted: type[T]) -> T:
    """Returns the payload as the wanted type. Raises Unreadable."""
    if not isinstance(payload, dict):
        raise Unreadable("The event has no payload.")
    try:
        return read_row(payload, wanted)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Unreadable(f"The payload cannot be read: {error}.") from None


def as_listed(told: Enrollment) -> schemas.Enrollment:
    """Returns an enrollment whose `is_whole` is True as a row of the REST list."""
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
