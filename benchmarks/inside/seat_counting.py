"""`python -m benchmarks.inside.seat_counting SEATS ENROLLMENTS`: counts all seats again, by our service and
by a bare GROUP BY of the same join, for benchmarks/seats.py."""

import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.models import Enrollment, Membership, Product, Role, Seat, SeatAssignment, Team, User
from core.services import seats
from core.services.seats import triggers
from core.services.storage import bulk

ROUNDS = 3
PER_TEAM = 10  # products that each team has a seat on

BARE = """
SELECT a.seat_id, COUNT(DISTINCT e.user_id) FROM core_enrollment e
JOIN core_membership m ON m.user_id = e.user_id
JOIN core_seatassignment a ON a.team_id = m.team_id AND a.product_id = e.product_id
WHERE e.removed_at IS NULL AND e.via_bundle_id IS NULL
GROUP BY a.seat_id
"""


def fill(count: int, enrollments: int) -> None:
    """Make teams with PER_TEAM seats each, and people who have the products of all seats of their team."""
    teams, per_seat = max(1, count // PER_TEAM), enrollments // count
    people = teams * per_seat
    now = timezone.now()
    root, student = User.objects.create_superuser("root@bench.example", "x"), Role.objects.get(code="student")
    with transaction.atomic():
        rows = [(f"p{n}@bench.example", "!", "Ada", "") for n in range(people)]
        users = bulk.insert(User, ["email", "password", "first_name", "last_name"], rows)
        products = bulk.insert(
            Product,
            ["name", "productable_type", "productable_id"],
            [(f"Course {n}", "Course", n + 1) for n in range(PER_TEAM)],
        )
        made = bulk.insert(Team, ["name", "owner_id"], [(f"Team {n}", root.pk) for n in range(teams)])
        memberships = [(made[n % teams], user, student.pk) for n, user in enumerate(users)]
        bulk.insert(Membership, ["team_id", "user_id", "role_id"], memberships)
        names = ["name", "product_id", "max_seats", "expiry_type", "expiry_days", "reusable"]
        pools = [
            (f"Pool {n}", products[n % PER_TEAM], per_seat, "days", 365, bool(n % 3)) for n in range(count)
        ]
        keys = bulk.insert(Seat, names, pools)
        given = [(made[n // PER_TEAM % teams], key, products[n % PER_TEAM]) for n, key in enumerate(keys)]
        bulk.insert(SeatAssignment, ["team_id", "seat_id", "product_id"], given)
        held = [
            (user, product, now + timedelta(days=n % 400 - 100))
            for n, user in enumerate(users)
            for product in products
        ]
        bulk.insert(Enrollment, ["user_id", "product_id", "expiry_date"], held)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def run(count: int, enrollments: int) -> None:
    triggers.remove("default")  # the rows are inserted faster; nothing is measured then
    fill(count, enrollments)
    triggers.install("default")

    def bare() -> None:
        with connection.cursor() as cursor:
            cursor.execute(BARE)
            assert len(cursor.fetchall()) == count

    def ours() -> None:
        Seat.objects.update(used_count=0)  # so that every count is written
        started.append(time.perf_counter())
        assert seats.recalculate() == count

    started: list[float] = []
    seconds: dict[str, list[float]] = {"bare": [], "ours": []}
    for _ in range(ROUNDS):
        seconds["bare"].append(timed(bare))
        ours()
        seconds["ours"].append(time.perf_counter() - started[-1])
    with CaptureQueriesContext(connection) as queries:
        seats.recalculate()
    assert seats.recalculate() == 0
    result = {name: min(times) for name, times in seconds.items()} | {"statements": len(queries)}
    print(json.dumps(result))


def timed(do: Callable[[], None]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


if __name__ == "__main__":
    run(int(sys.argv[1]), int(sys.argv[2]))
