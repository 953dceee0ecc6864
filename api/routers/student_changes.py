"""Changing students: the Student API as published. It checks no seats, and enrollments are asynchronous.

Its operations join those of `students` on one router, as they share addresses.
"""

from typing import Any

from django.http import Http404, HttpResponse

from api import versions
from api.answers import answer
from api.authentication import ApiRequest, Bearer
from api.documentation import example, responses
from api.errors import Invalid
from api.resources import products
from api.resources import students as resource
from api.resources.student_bodies import (
    EnrolledStudent,
    InvitedPerson,
    OneStudent,
    StudentAndUser,
    StudentNames,
    StudentToEnroll,
    StudentToUpsert,
    UpdatedStudent,
    UpsertedStudent,
)
from api.resources.students import EXAMPLE
from api.routers.students import router
from api.types import Id
from core.models import Product, User
from core.services.api import students as services

WRITE = Bearer("students:write", "core.view_user")
__all__ = ["router"]
PAIR = {"email": "student@www.wooninja.io", "user_email": "user@www.wooninja.io"}
NAMES = {"first_name": "John", "last_name": "Doe", "email": "j.doe@www.wooninja.io"}
ENROLL = {
    "email": "j.doe@www.wooninja.io",
    "user_email": "info@www.wooninja.io",
    "enrollments": [1379051, 1354765],
}
JOB = "6f1f8a52-8a52-4c7e-9a53-3b0f4f8f8a52"
QUEUED = {"data": EXAMPLE, "job": JOB, "pending_enrollments": [1379051, 1354765]}
INVITED = {
    "message": "j.doe@www.wooninja.io gets an invitation, and is a student of John User when it is accepted. "
    "Nothing else changed."
}
KEY, MATCH = ("Idempotency-Key",), ("If-Match",)


@router.post(
    "/students",
    auth=WRITE,
    response=responses(writes=True, _200=UpsertedStudent, _201=UpsertedStudent, _202=InvitedPerson),
    summary="Upsert a student",
    openapi_extra=example({**NAMES, **ENROLL}, headers=KEY, _200=QUEUED, _201=QUEUED, _202=INVITED),
)
def upsert_student(request: ApiRequest, payload: StudentToUpsert) -> HttpResponse:
    """Updates, or creates, a student record based on the given email, and assigns it to a user.

    - `email` is the unique id, ignoring case; the record is created if it does not exist (201, else 200).
    - `user_email`: the user must already exist. If it is omitted, the student is assigned to the user who
      issued the API token.
    - `enrollments` supports courses and bundles. They are asynchronous: the answer then has `job` and
      `pending_enrollments`. Access lasts as long as the user's seat on the product says, else as the settings
      say. A number that no product has is a 422, and nothing is written.
    - The Student API does not verify seat or course allocations: it always permits the student and the
      enrollment.
    - An address proves nothing: the names of an existing account change only if the issuer may change it.
      With a team manager's token, somebody whose account is outside its teams gets an invitation (202), and
      is not enrolled.
    """
    issuer, user = request.issuer, request.issuer
    if payload.user_email:
        try:
            user = services.find_user(payload.user_email, by=issuer)
        except services.NotThere as error:
            raise Invalid(user_email=str(error)) from None
    wanted = _products(request, payload.enrollments or [], payload.product_type)
    made = services.upsert(
        email=payload.email,
        first_name=payload.first_name,
        last_name=payload.last_name,
        user=user,
        products=wanted,
        by=issuer,
    )
    if made.student is None:
        text = (
            f"{payload.email} gets an invitation, and is a student of {user} when it is accepted. "
            "Nothing else changed."
        )
        return answer(202, {"message": text})
    job: dict[str, Any] = {}
    if made.job is not None:
        job = {"job": str(made.job.pk), "pending_enrollments": [one.productable_id for one in wanted]}
    return _changed(request, made.student, 201 if made.created else 200, **job)


@router.post(
    "/students/associate",
    auth=WRITE,
    response=responses(404, writes=True, _200=OneStudent),
    summary="Associate a student with a user",
    openapi_extra=example(PAIR, headers=KEY, _200={"data": EXAMPLE}),
)
def associate_student(request: ApiRequest, payload: StudentAndUser) -> HttpResponse:
    """Assigns a student to a user. Note: the student and user record must already exist. A student may be
    assigned to several users; one who is assigned already stays so."""
    student, user = _pair(request, payload)
    services.associate(student, user, by=request.issuer)
    return _changed(request, student)


@router.post(
    "/students/dissociate",
    auth=WRITE,
    response=responses(404, writes=True, _200=OneStudent),
    summary="Dissociate a student from a user",
    openapi_extra=example(PAIR, headers=KEY, _200={"data": {**EXAMPLE, "users": []}}),
)
def dissociate_student(request: ApiRequest, payload: StudentAndUser) -> HttpResponse:
    """Ends the assignment of a student to a user, and nothing else. Note: the student and user record must
    already exist. The student's record and enrollments are kept, also when this was the last user: the
    student then joins the default team, if the settings name one. Where there is no assignment, nothing
    changes."""
    student, user = _pair(request, payload)
    services.dissociate(student, user, by=request.issuer)
    return _changed(request, student)


@router.post(
    "/students/enroll",
    auth=WRITE,
    response=responses(404, writes=True, _202=EnrolledStudent),
    summary="Enroll a student",
    openapi_extra=example(ENROLL, headers=KEY, _202={"data": EXAMPLE, "job": JOB}),
)
def enroll_student(request: ApiRequest, payload: StudentToEnroll) -> HttpResponse:
    """Adds a student to courses and bundles, and assigns them to the user. Both must exist already.

    - Enrollments are asynchronous: ask `GET /api/jobs/{id}` for the `job`.
    - Access lasts as long as the user's seat on the product says, else as the settings say. Who has access
      already gets the new end.
    - Seat and course allocations are not verified.
    """
    student, user = _pair(request, payload)
    wanted = _products(request, payload.enrollments, payload.product_type)
    job = services.enroll(student, user, wanted, by=request.issuer)
    return _changed(request, student, 202, job=str(job.pk))


@router.put(
    "/students/{int:id}",
    auth=WRITE,
    response=responses(404, 412, writes=True, _200=UpdatedStudent),
    summary="Update a student",
    openapi_extra=example(NAMES, headers=MATCH, _200={"data": EXAMPLE}),
)
def update_student(request: ApiRequest, id: Id, payload: StudentNames) -> HttpResponse:
    """Updates a single student record. `id` is the student's id in the dashboard. Note, this is NOT the
    Thinkific student id. All fields are required.

    With an administrator's token a new address is the login at once, and the old one is told. With a team
    manager's it is `pending_email` until the link is used that is sent to it.
    """
    student = _locked(request, id)
    student, change = services.update(
        student,
        first_name=payload.first_name,
        last_name=payload.last_name,
        email=payload.email,
        by=request.issuer,
    )
    pending = {} if change is None else {"pending_email": change.new_email}
    return _changed(request, student, 200, **pending)


@router.delete(
    "/students/{int:id}",
    auth=WRITE,
    response=responses(404, 412, writes=True, _204=None),
    summary="Delete a student",
    openapi_extra=example(headers=MATCH),
)
def delete_student(request: ApiRequest, id: Id) -> HttpResponse:
    """Removes a student from the dashboard, and from Thinkific if that is enabled in the settings. `id` is
    the student's id in the dashboard.

    Note: be very careful using this endpoint if the student is associated with multiple users, as it deletes
    the student record entirely for all users. A student who is also a user of the dashboard stays a user,
    with the account and its enrollments.
    """
    services.delete(_locked(request, id), by=request.issuer)
    return answer(204)


def _locked(request: ApiRequest, key: int) -> User:
    """Returns the student, locked. Raises Http404, and OutOfDate for another version than If-Match names."""
    student = services.locked(key, by=request.issuer)
    if student is None:
        raise Http404
    versions.check(request, lambda: resource.of(student, request.issuer))
    return student


def _pair(request: ApiRequest, payload: StudentAndUser) -> tuple[User, User]:
    student = services.find(payload.email, by=request.issuer)
    return student, services.find_user(payload.user_email, by=request.issuer)


def _products(request: ApiRequest, numbers: list[int], product_type: str | None) -> list[Product]:
    if not numbers:
        return []
    return products.chosen(request.issuer, numbers, field="enrollments", product_type=product_type)


def _changed(request: ApiRequest, student: User, status: int = 200, **more: Any) -> HttpResponse:
    payload = resource.of(student, request.issuer)
    return answer(status, {"data": payload, **more}, {"ETag": versions.etag(payload)})
