"""Enrollments, quiz results and certificates: lists to read."""

from typing import Annotated, Any, Literal

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema
from pydantic import Field

from api import versions
from api.authentication import ApiRequest, Bearer
from api.documentation import example, responses
from api.filters import OfStudents, narrowed
from api.paging import Page, listed, sorted_by
from api.resources import enrollments, results
from api.resources.enrollments import EnrollmentOut
from api.resources.results import CERTIFICATE, QUIZ_RESULT, CertificateOut, QuizResultOut
from api.types import Id
from core.models import Certificate, Enrollment, QuizResult, User

router = Router(tags=["Enrollments and results"])
ENROLLMENTS = Bearer("enrollments:read", "core.view_enrollment")
QUIZ_RESULTS = Bearer("reports:read", "core.view_quizresult")
CERTIFICATES = Bearer("reports:read", "core.view_certificate")
SORTS = {"id": "pk", "activated_at": "activated_at", "expiry_date": "expiry_date"}
RESULT_SORTS = {"id": "pk", "completed_at": "completed_at"}
CERTIFICATE_SORTS = {"id": "pk", "issued_at": "issued_at", "expiry_date": "expiry_date"}


class EnrollmentPage(Page):
    data: list[EnrollmentOut]


class OneEnrollment(Schema):
    data: EnrollmentOut


class QuizResultPage(Page):
    data: list[QuizResultOut]


class CertificatePage(Page):
    data: list[CertificateOut]


class EnrollmentQuery(OfStudents):
    sort: Annotated[str, sorted_by(SORTS)] = "id"
    status: Literal["pending", "active", "completed", "expired", "failed"] | None = None
    ending_within: Annotated[
        int | None, Field(ge=1, le=3650, description="Only those whose access ends in so many days.")
    ] = None


class QuizResultQuery(OfStudents):
    sort: Annotated[str, sorted_by(RESULT_SORTS)] = "id"
    passed: bool | None = None


class CertificateQuery(OfStudents):
    sort: Annotated[str, sorted_by(CERTIFICATE_SORTS)] = "id"


def _enrollments(viewer: User) -> Any:
    rows = Enrollment.objects.visible_to(viewer).filter(removed_at__isnull=True)
    return rows.select_related("user", "product").defer("product__description", "user__custom_profile_fields")


@router.get(
    "/enrollments",
    auth=ENROLLMENTS,
    response=responses(_200=EnrollmentPage),
    summary="List enrollments",
    openapi_extra=example(_200={"data": [enrollments.EXAMPLE]}),
)
def list_enrollments(request: ApiRequest, query: Query[EnrollmentQuery]) -> HttpResponse:
    """Returns enrollments with their status now. `percentage_completed` is from 0 to 1. A team manager's
    token sees those of their members in products of their seats. `since` is about `activated_at`."""
    rows = narrowed(
        _enrollments(request.issuer), query, request.issuer, moment="activated_at", product="product"
    )
    if query.status is not None:
        rows = rows.in_status(query.status)
    if query.ending_within is not None:
        rows = rows.ending_within(query.ending_within)
    return listed(request, query, rows, enrollments.represent, sorts=SORTS, sort=query.sort)


@router.get(
    "/enrollments/{int:id}",
    auth=ENROLLMENTS,
    response=responses(404, _200=OneEnrollment, _304=None),
    summary="View an enrollment",
    openapi_extra=example(headers=("If-None-Match",), _200={"data": enrollments.EXAMPLE}),
)
def view_enrollment(request: ApiRequest, id: Id) -> HttpResponse:
    """Returns one enrollment by its id in the dashboard."""
    enrollment = get_object_or_404(_enrollments(request.issuer), pk=id)
    return versions.read(request, enrollments.represent([enrollment])[0])


@router.get(
    "/quiz-results",
    auth=QUIZ_RESULTS,
    response=responses(_200=QuizResultPage),
    summary="List quiz results",
    openapi_extra=example(_200={"data": [QUIZ_RESULT]}),
)
def list_quiz_results(request: ApiRequest, query: Query[QuizResultQuery]) -> HttpResponse:
    """Returns the results of quizzes, one for each student and quiz; `score` is the percentage of right
    answers. A quiz may belong to several courses. `since` is about `completed_at`."""
    rows: Any = QuizResult.objects.visible_to(request.issuer)
    rows = rows.filter(removed_at__isnull=True).with_courses()
    rows = rows.select_related("user").defer("user__custom_profile_fields")
    rows = narrowed(rows, query, request.issuer, moment="completed_at", product="quiz__product")
    if query.passed is not None:
        rows = rows.filter(passed=query.passed)
    return listed(request, query, rows, results.quiz_results, sorts=RESULT_SORTS, sort=query.sort)


@router.get(
    "/certificates",
    auth=CERTIFICATES,
    response=responses(_200=CertificatePage),
    summary="List certificates",
    openapi_extra=example(_200={"data": [CERTIFICATE]}),
)
def list_certificates(request: ApiRequest, query: Query[CertificateQuery]) -> HttpResponse:
    """Returns certificates that Thinkific issued. `since` is about `issued_at`."""
    rows: Any = Certificate.objects.visible_to(request.issuer).filter(removed_at__isnull=True)
    rows = rows.select_related("user", "product")
    rows = rows.defer("user__custom_profile_fields", "product__description")
    rows = narrowed(rows, query, request.issuer, moment="issued_at", product="product")
    return listed(request, query, rows, results.certificates, sorts=CERTIFICATE_SORTS, sort=query.sort)
