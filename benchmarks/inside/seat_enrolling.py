"""`python -m benchmarks.inside.seat_enrolling PEOPLE`: enrolls people through a seat, by our service and by a
bare bulk insert of the same rows, for benchmarks/seats.py."""

import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.models import Enrollment, Membership, OutboxEntry, Product, Role, Seat, Team, User
from core.services import seats
from core.services.enrollments import seat_access
from core.services.storage import bulk

ROUNDS = 3


def run(people: int) -> None:
    rows = [(f"p{n}@bench.example", "!", "Ada", "", 1_000_000 + n) for n in range(people)]
    with transaction.atomic():
        keys = bulk.insert(User, ["email", "password", "first_name", "last_name", "thinkific_id"], rows)
    root = User.objects.create_superuser("root@bench.example", "x")
    team = Team.objects.create(name="Acme", owner=root)
    student = Role.objects.get(code="student")
    with transaction.atomic():
        bulk.insert(
            Membership, ["team_id", "user_id", "role_id"], [(team.pk, key, student.pk) for key in keys]
        )
    students = list(User.objects.filter(thinkific_id__isnull=False))

    def product(number: int) -> Product:
        made = Product.objects.create(
            name=f"Course {number}", productable_type="Course", productable_id=number
        )
        seat = seats.create(name="Pool", product=made, max_seats=people, expiry_type="days", expiry_days=365)
        seats.assign(seat, [team])
        return made

    def ours(course: Product) -> None:
        assert len(seat_access.enroll_many(students=students, products=[course], by=root)) == people

    def bare(course: Product) -> None:
        now, end = timezone.now(), timezone.now() + timedelta(days=365)
        seat = Seat.objects.get(product=course)
        with transaction.atomic():
            made = Enrollment.objects.bulk_create(
                Enrollment(user=one, product=course, last_seat=seat, activated_at=now, expiry_date=end)
                for one in students
            )
            Enrollment.history.bulk_history_create(made)
            OutboxEntry.objects.bulk_create(
                OutboxEntry(entity="enrollment", object_id=one.pk, person_id=one.user_id, reason="enrolled")
                for one in made
            )

    seconds = {"bare": [], "ours": []}  # type: dict[str, list[float]]
    for number in range(ROUNDS):  # alternately, so that a busy moment affects both
        for place, (name, enroll) in enumerate({"bare": bare, "ours": ours}.items()):
            seconds[name].append(timed(enroll, product(2 * number + place + 1)))
    with CaptureQueriesContext(connection) as queries:
        ours(product(1_000))
    result = {name: min(times) for name, times in seconds.items()} | {"statements": len(queries)}
    print(json.dumps(result))


def timed(enroll: Callable[[Product], None], course: Product) -> float:
    started = time.perf_counter()
    enroll(course)
    return time.perf_counter() - started


if __name__ == "__main__":
    run(int(sys.argv[1]))
