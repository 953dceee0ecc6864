"""Fifty calls at the same moment that upsert one address make one student."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from core.models import Enrollment, Membership, Team, User
from tests.factories import ProductFactory, UserFactory

CALLS = 50


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("users", [1, 5])
def test_parallel_upserts_make_one_student(api, alma, users):
    """With five users the calls lock five different teams: nothing but the address is in common."""
    client, product = api(alma), ProductFactory()
    owners = [UserFactory(is_dashboard_user=True).email for _ in range(users)]
    begin = threading.Barrier(CALLS)

    def upsert(number: int) -> int:
        try:
            begin.wait(60)
            body = {
                "first_name": f"John {number}",
                "last_name": "Doe",
                "email": "J.Doe@www.wooninja.io" if number % 2 else "j.doe@www.wooninja.io",
                "user_email": owners[number % users],
                "enrollments": [product.productable_id],
            }
            for _ in range(5):  # as clients do: on a machine with much to do the last ones wait too long
                status = client.post("students", body).status_code
                if status not in (409, 503):
                    break
            return status
        finally:
            connection.close()

    with ThreadPoolExecutor(CALLS) as pool:
        statuses = list(pool.map(upsert, range(CALLS)))

    assert sorted(statuses) == [200] * (CALLS - 1) + [201]
    student = User.objects.get(email="j.doe@www.wooninja.io")
    assert Membership.objects.filter(user=student).count() == Team.objects.count() == users
    assert Enrollment.objects.count() == 1
