"""Quiz results and certificates as the API shows them."""

from collections.abc import Iterable
from typing import Any

from ninja import Schema

from api.answers import moment
from api.resources.named_product import EXAMPLE as PRODUCT
from api.resources.named_product import NamedProduct, named
from api.resources.people import EXAMPLE as PERSON
from api.resources.people import PersonOut, person
from core.models import Certificate, QuizResult


class QuizOut(Schema):
    id: int
    thinkific_id: int | None
    name: str


class QuizResultOut(Schema):
    id: int
    thinkific_id: int | None
    student: PersonOut
    quiz: QuizOut
    courses: list[NamedProduct]
    attempts: int
    correct_count: int
    incorrect_count: int
    score: int | None
    passed: bool | None
    completed_at: str | None


class CertificateOut(Schema):
    id: int
    thinkific_id: int | None
    credential_id: str
    student: PersonOut
    product: NamedProduct
    url: str
    issued_at: str | None
    expiry_date: str | None


QUIZ_RESULT = {
    "id": 71,
    "thinkific_id": 5501,
    "student": PERSON,
    "quiz": {"id": 4, "thinkific_id": 912, "name": "Final test"},
    "courses": [PRODUCT],
    "attempts": 2,
    "correct_count": 9,
    "incorrect_count": 1,
    "score": 90,
    "passed": True,
    "completed_at": "2026-01-05T09:00:00Z",
}
CERTIFICATE = {
    "id": 15,
    "thinkific_id": None,
    "credential_id": "abc123",
    "student": PERSON,
    "product": PRODUCT,
    "url": "https://acme.thinkific.example/certificates/abc123",
    "issued_at": "2026-01-05T09:00:00Z",
    "expiry_date": None,
}


def quiz_results(results: Iterable[QuizResult]) -> list[dict[str, Any]]:
    """Returns quiz results, which have their student and, by `with_courses`, their quiz."""
    return [
        {
            "id": result.pk,
            "thinkific_id": result.thinkific_id,
            "student": person(result.user),
            "quiz": {
                "id": result.quiz_id,
                "thinkific_id": result.quiz.thinkific_id,
                "name": result.quiz.name,
            },
            "courses": [named(course) for course in result.quiz.courses()],
            "attempts": result.attempts,
            "correct_count": result.correct_count,
            "incorrect_count": result.incorrect_count,
            "score": result.score,
            "passed": result.passed,
            "completed_at": moment(result.completed_at),
        }
        for result in results
    ]


def certificates(found: Iterable[Certificate]) -> list[dict[str, Any]]:
    """Returns certificates, which have their student and product."""
    return [
        {
            "id": certificate.pk,
            "thinkific_id": certificate.thinkific_id,
            "credential_id": certificate.credential_id,
            "student": person(certificate.user),
            "product": named(certificate.product),
            "url": certificate.url,
            "issued_at": moment(certificate.issued_at),
            "expiry_date": moment(certificate.expiry_date),
        }
        for certificate in found
    ]
