"""The events that endpoints can be told of. Everything that lists events reads this table: the screens, the
documentation (a test compares docs/webhooks-out.md with it) and the test deliveries."""

from dataclasses import dataclass, field
from typing import Any

TEST = "webhook.test"  # sent by Send Test only

Payload = dict[str, Any]

_MOMENT = "2026-03-02T09:30:00Z"
_USER: Payload = {
    "id": 7,
    "name": "Ada Roe",
    "first_name": "Ada",
    "last_name": "Roe",
    "email": "ada@acme.example",
    "thinkific_id": 4501,
}
_PRODUCT: Payload = {
    "id": 3,
    "name": "Forklift safety",
    "thinkific_id": 900,
    "productable_id": 700,
    "productable_type": "Course",
}
_ACCOUNT = _USER | {"created_at": _MOMENT, "updated_at": _MOMENT}
_TEAM: Payload = {"id": 2, "name": "Acme"}
_ENROLLMENT: Payload = {
    "id": 51,
    "user": _USER,
    "product": _PRODUCT,
    "status": "active",
    "percentage_completed": 0.0,
    "activated_at": _MOMENT,
    "started_at": None,
    "completed_at": None,
    "expiry_date": "2027-03-02T23:59:59Z",
}
_SEAT: Payload = {
    "id": 9,
    "name": "Forklift safety (Acme)",
    "product": _PRODUCT,
    "active": True,
    "unlimited": False,
    "max_seats": 40,
    "used": 12,
    "available": 28,
    "expiry_type": "days",
    "enrollment_days": 365,
    "expiry_date": None,
    "teams": [_TEAM],
}
_MEMBERSHIP: Payload = {"id": 31, "team": _TEAM, "user": _USER, "role": "student", "joined_at": _MOMENT}


@dataclass(frozen=True)
class Event:
    name: str  # in the body of a delivery
    label: str  # on screens
    when: str
    example: Payload = field(repr=False)


EVENTS: dict[str, Event] = {
    event.name: event
    for event in [
        Event(
            "user.created",
            "User Created",
            "A person became a user of the dashboard: an administrator, the owner of a team, or a user of "
            "the REST API. The account was made here, or an existing one became a user.",
            _ACCOUNT,
        ),
        Event("user.deleted", "User Deleted", "A user of the dashboard was deleted.", _ACCOUNT),
        Event(
            "enrollment.created",
            "User Enrolled",
            "Access to a product was given in the dashboard, or ended access was opened again. A bundle is "
            "one event; its courses are none of their own.",
            _ENROLLMENT | {"status": "pending"},
        ),
        Event(
            "enrollment.deleted",
            "User Unenrolled",
            "Access that was given in the dashboard has ended: somebody ended it, or its last day has "
            "passed. Thinkific keeps the enrollment and its progress.",
            _ENROLLMENT | {"status": "expired", "expiry_date": "2026-03-01T23:59:59Z"},
        ),
        Event(
            "enrollment.completed",
            "Enrollment Completed",
            "A student has completed a course in Thinkific.",
            _ENROLLMENT
            | {
                "status": "completed",
                "percentage_completed": 1.0,
                "started_at": _MOMENT,
                "completed_at": "2026-04-10T16:05:00Z",
            },
        ),
        Event(
            "quiz.attempted",
            "Quiz Attempted",
            "A student took a quiz in Thinkific, for the first time or again.",
            {
                "id": 88,
                "quiz": {"id": 5, "name": "Final check", "thinkific_id": 66},
                "user": _USER,
                "attempts": 2,
                "correct_count": 9,
                "incorrect_count": 1,
                "grade": 90,
                "passed": True,
                "completed_at": "2026-04-10T16:00:00Z",
            },
        ),
        Event(
            "student.deleted",
            "Student Deleted",
            "A student was deleted in the dashboard; the account in Thinkific stays.",
            _ACCOUNT,
        ),
        Event(
            "student.deleted.thinkific",
            "Student Deleted in Thinkific",
            "A student was deleted in the dashboard, and the account in Thinkific with it.",
            _ACCOUNT,
        ),
        Event(
            "seat.updated",
            "Seat Updated",
            "A seat was made, changed or deleted, places were added, or its teams changed. "
            "That places are used is not told.",
            _SEAT,
        ),
        Event(
            "seat.exhausted",
            "Seat Exhausted",
            "All places of a seat are used. Told once, and again after places became free in between. It is "
            "noticed within a minute, and `created_at` is when it was noticed.",
            _SEAT | {"used": 40, "available": 0},
        ),
        Event(
            "team.created",
            "Team Created",
            "A team was made.",
            _TEAM | {"owner": _USER, "organization": {"id": 1, "name": "Acme Group"}, "created_at": _MOMENT},
        ),
        Event("membership.created", "Member Added", "A person joined a team.", _MEMBERSHIP),
        Event(
            "membership.deleted",
            "Member Removed",
            "A person left a team or was removed from it. The deletion of the person is another event.",
            _MEMBERSHIP,
        ),
        Event(
            "sync.completed",
            "Sync Completed",
            "A sync with Thinkific has ended, whether it succeeded or not.",
            {
                "id": 120,
                "kind": "enrollments",
                "full": False,
                "status": "succeeded",
                "created": 4,
                "updated": 11,
                "removed": 0,
                "failed": 0,
                "started_at": _MOMENT,
                "finished_at": "2026-03-02T09:30:12Z",
            },
        ),
        Event(
            "certificate.issued",
            "Certificate Issued",
            "Thinkific issued a certificate to a student.",
            {
                "id": 14,
                "credential_id": "ab12cd34",
                "user": _USER,
                "product": _PRODUCT,
                "issued_at": "2026-04-10T16:06:00Z",
                "expiry_date": None,
                "url": "https://academy.example/certificates/ab12cd34",
            },
        ),
    ]
}


def label(name: str) -> str:
    """Returns what the screens call an event."""
    return EVENTS[name].label if name in EVENTS else "Test" if name == TEST else name


def example(name: str) -> Payload:
    """Returns the payload of a test delivery."""
    if name in EVENTS:
        return EVENTS[name].example
    return {"message": "This is a test delivery. It says that the endpoint can be reached."}
