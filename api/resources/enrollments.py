"""Enrollments as the API shows them."""

from collections.abc import Iterable
from typing import Any

from ninja import Schema

from api.answers import moment
from api.resources.named_product import EXAMPLE as PRODUCT
from api.resources.named_product import NamedProduct, named
from api.resources.people import EXAMPLE as PERSON
from api.resources.people import PersonOut, person
from core.models import Enrollment


class EnrollmentOut(Schema):
    id: int
    thinkific_id: int | None
    student: PersonOut
    product: NamedProduct
    status: str
    percentage_completed: float
    activated_at: str | None
    started_at: str | None
    completed_at: str | None
    expiry_date: str | None
    created_at: str


EXAMPLE = {
    "id": 90,
    "thinkific_id": 44081,
    "student": PERSON,
    "product": PRODUCT,
    "status": "active",
    "percentage_completed": 0.25,
    "activated_at": "2026-01-05T09:00:00Z",
    "started_at": "2026-01-05T09:10:00Z",
    "completed_at": None,
    "expiry_date": "2027-01-05T23:59:59Z",
    "created_at": "2026-01-05T09:00:00Z",
}


def represent(enrollments: Iterable[Enrollment]) -> list[dict[str, Any]]:
    """Returns enrollments, which have their student and product."""
    return [
        {
            "id": enrollment.pk,
            "thinkific_id": enrollment.thinkific_id,
            "student": person(enrollment.user),
            "product": named(enrollment.product),
            "status": str(enrollment.status),
            "percentage_completed": float(enrollment.percentage_completed),
            "activated_at": moment(enrollment.activated_at),
            "started_at": moment(enrollment.started_at),
            "completed_at": moment(enrollment.completed_at),
            "expiry_date": moment(enrollment.expiry_date),
            "created_at": moment(enrollment.created_at),
        }
        for enrollment in enrollments
    ]
