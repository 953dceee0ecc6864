"""What a delivery says about an object: what the REST API shows of it, and never a secret."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import Model, prefetch_related_objects

from core.models import (
    Certificate,
    Enrollment,
    Membership,
    Product,
    Quiz,
    QuizResult,
    Seat,
    SeatAssignment,
    Team,
    User,
)

Payload = dict[str, Any]


def moment(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def day(at: date | None) -> str | None:
    return None if at is None else at.isoformat()


def _person(user: User) -> Payload:
    return {
        "id": user.pk,
        "name": f"{user.first_name} {user.last_name}".strip(),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "thinkific_id": user.thinkific_id,
    }


def _account(user: User) -> Payload:
    return _person(user) | {"created_at": moment(user.created_at), "updated_at": moment(user.updated_at)}


def _named(obj: Any) -> Payload | None:
    return None if obj is None else {"id": obj.pk, "name": obj.name}


def _product(product: Product) -> Payload:
    return {
        "id": product.pk,
        "name": product.name,
        "thinkific_id": product.thinkific_id,
        "productable_id": product.productable_id,
        "productable_type": product.productable_type,
    }


def _quiz(quiz: Quiz) -> Payload:
    return {"id": quiz.pk, "name": quiz.name, "thinkific_id": quiz.thinkific_id}


def _enrollment(enrollment: Enrollment) -> Payload:
    return {
        "id": enrollment.pk,
        "user": _person(enrollment.user),
        "product": _product(enrollment.product),
        "status": str(enrollment.status),
        "percentage_completed": float(enrollment.percentage_completed),
        "activated_at": moment(enrollment.activated_at),
        "started_at": moment(enrollment.started_at),
        "completed_at": moment(enrollment.completed_at),
        "expiry_date": moment(enrollment.expiry_date),
    }


def _quiz_result(result: QuizResult) -> Payload:
    return {
        "id": result.pk,
        "quiz": _quiz(result.quiz),
        "user": _person(result.user),
        "attempts": result.attempts,
        "correct_count": result.correct_count,
        "incorrect_count": result.incorrect_count,
        "grade": result.grade,
        "passed": result.passed,
        "completed_at": moment(result.completed_at),
    }


def _certificate(certificate: Certificate) -> Payload:
    return {
        "id": certificate.pk,
        "credential_id": certificate.credential_id,
        "user": _person(certificate.user),
        "product": _product(certificate.product) if certificate.product else None,
        "issued_at": moment(certificate.issued_at),
        "expiry_date": moment(certificate.expiry_date),
        "url": certificate.url,
    }


def _seat(seat: Seat, teams: Sequence[Payload]) -> Payload:
    free = None if seat.unlimited else max(0, (seat.max_seats or 0) - seat.used_count)
    return {
        "id": seat.pk,
        "name": seat.name,
        "product": _product(seat.product),
        "active": seat.active,
        "unlimited": seat.unlimited,
        "max_seats": seat.max_seats,
        "used": seat.used_count,
        "available": free,
        "expiry_type": seat.expiry_type,
        "enrollment_days": seat.expiry_days,
        "expiry_date": day(seat.expiry_date),
        "teams": [*teams],
    }


def _team(team: Team) -> Payload:
    return {
        "id": team.pk,
        "name": team.name,
        "owner": _person(team.owner),
        "organization": _named(team.organization),
        "created_at": moment(team.created_at),
    }


def _membership(membership: Membership) -> Payload:
    return {
        "id": membership.pk,
        "team": _named(membership.team),
        "user": _person(membership.user),
        "role": membership.role.code or membership.role.name,
        "joined_at": moment(membership.joined_at),
    }


# Model -> the related objects that its payload needs, and the payload.
BUILT: dict[type[Model], tuple[tuple[str, ...], Callable[[Any], Payload]]] = {
    User: ((), _account),
    Enrollment: (("user", "product"), _enrollment),
    QuizResult: (("user", "quiz"), _quiz_result),
    Certificate: (("user", "product"), _certificate),
    Team: (("owner", "organization"), _team),
    Membership: (("user", "team", "role"), _membership),
}


def payloads_of(objects: Sequence[Model]) -> list[Payload]:
    """Returns the payloads of objects of one model; the number of queries does not depend on theirs."""
    if isinstance(objects[0], Seat):
        return _seats(objects)
    related, build = BUILT[type(objects[0])]
    prefetch_related_objects(list(objects), *related)
    return [build(obj) for obj in objects]


def _seats(seats: Sequence[Any]) -> list[Payload]:
    prefetch_related_objects(list(seats), "product")
    # Not prefetched: the caller's seats would keep these assignments and answer with them later.
    rows = SeatAssignment.objects.filter(seat__in=seats).order_by("team")
    teams: dict[int, list[Payload]] = {}
    for seat, team, name in rows.values_list("seat", "team", "team__name"):
        teams.setdefault(seat, []).append({"id": team, "name": name})
    return [_seat(seat, teams.get(seat.pk, [])) for seat in seats]
