"""What must be true after a storm of API calls: each answered call took effect once."""

from collections.abc import Iterator
from typing import Any

from core.models import Enrollment, IdempotentCall, Job, SeatAssignment, User
from core.services.api import jobs


def problems(answered: dict[str, Any]) -> list[str]:
    """Returns a sentence for everything that is not as it was answered."""
    return [
        *(f"refused: {text}" for text in answered["refused"]),
        *_students(answered),
        *_places(answered["places"]),
        *_jobs(answered["jobs"]),
        *(f"the call {call} has no answer" for call in IdempotentCall.objects.filter(status=0)),
    ]


def _students(answered: dict[str, Any]) -> Iterator[str]:
    for email, told in answered["students"].items():
        found = list(User.objects.filter(email=email))
        if [user.pk for user in found] != [told["id"]]:
            yield f"{email} is {[user.pk for user in found]}, not {told['id']}"
            continue
        if found[0].last_name != told["last_name"]:
            yield f"{email} is called {found[0].last_name}, not {told['last_name']}"
        has = set(Enrollment.objects.filter(user=found[0]).values_list("product__productable_id", flat=True))
        if has != set(told["numbers"]):
            yield f"{email} has {sorted(has)}, not {sorted(told['numbers'])}"
    for email in answered["deleted"]:
        if User.objects.filter(email=email).exists():
            yield f"{email} was deleted and is here"
    known = {*answered["students"], *answered["deleted"]}
    extra = User.objects.filter(email__startswith="s", email__endswith="@api.example")
    yield from (f"{user.email} was never answered" for user in extra if user.email not in known)


def _places(added: dict[str, int]) -> Iterator[str]:
    for key, places in added.items():
        owner, number = key.split()
        given = SeatAssignment.objects.filter(
            team__owner__email=owner, team__is_personal=True, product__productable_id=int(number)
        )
        has = [assignment.seat.max_seats for assignment in given.select_related("seat")]
        if has != [places]:
            yield f"{key} has {has} places, not {places}"


def _jobs(keys: list[str]) -> Iterator[str]:
    for key in set(keys):
        job = Job.objects.filter(pk=key).first()
        if job is None:
            yield f"the job {key} was answered and is not here"
        elif jobs.state(job).status != "done":
            yield f"the job {key} is {jobs.state(job)}"
