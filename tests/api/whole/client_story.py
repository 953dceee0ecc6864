"""The story of a sale, told with a client that was generated from docs/openapi.json (`published_client`).

Run in an environment of its own: `client_story.py ADDRESS TOKEN COURSE BUNDLE`, with productable ids.
"""

import sys
from datetime import date, datetime, timedelta

from published_client import AuthenticatedClient
from published_client.api.jobs import view_job
from published_client.api.products import search_products
from published_client.api.provision import provision
from published_client.api.students import (
    delete_student,
    enroll_student,
    list_students,
    update_student,
    upsert_student,
    view_student,
)
from published_client.api.users import (
    add_seats,
    create_user,
    delete_user,
    give_access,
    list_users,
    update_expiry,
    update_user,
    view_user,
)
from published_client.models import (
    Buyer,
    ChangedUser,
    NewUser,
    Provision,
    ProvisionSeats,
    StudentNames,
    StudentToEnroll,
    StudentToUpsert,
    UserAccess,
    UserExpiry,
    UserExpiryType,
    UserSeats,
)


def told(response, status=200):
    """Returns the parsed body of an answer with this status."""
    assert response.status_code == status, (response.status_code, response.content)
    return response.parsed


def main(address: str, token: str, course: int, bundle: int) -> None:
    client = AuthenticatedClient(base_url=address, token=token, raise_on_unexpected_status=True)
    found = told(search_products.sync_detailed(client=client, term=str(course)))
    assert [one.productable_id for one in found.data] == [course]
    user = buys(client, course)
    student = is_enrolled(client, user, course, bundle)
    renews(client, user, student, course)
    leaves(client, user, student)
    buys_in_one_call(client, course)


def buys(client, course):
    body = NewUser(name="Sal Buyer", email="sal@shop.example", password="Correct-Horse-7", max_seats=100)
    made = create_user.sync_detailed(client=client, body=body, idempotency_key="order-1")
    again = create_user.sync_detailed(client=client, body=body, idempotency_key="order-1")
    user = told(made, 201).data
    assert told(again, 201).data == user
    assert again.headers["Idempotency-Replayed"] == "true"
    assert user in told(list_users.sync_detailed(client=client, per_page=100)).data

    access = UserAccess(thinkific_id=course, active=True, max_seats=5, enrollment_days=365)
    given = told(give_access.sync_detailed(user.id, client=client, body=access)).data.access
    assert [(one.thinkific_id, one.max_seats) for one in given] == [(course, 5)]
    more = UserSeats(thinkific_id=course, active=True, add_seats=10, enrollment_days=365)
    for _ in range(2):
        answer = add_seats.sync_detailed(user.id, client=client, body=more, idempotency_key="order-2")
        assert told(answer).data.access[0].max_seats == 15

    read = view_user.sync_detailed(user.id, client=client)
    version = read.headers["ETag"]
    body = ChangedUser(name="Sally Buyer")
    changed = update_user.sync_detailed(user.id, client=client, body=body, if_match=version)
    assert told(changed).data.name == "Sally Buyer"
    stale = update_user.sync_detailed(user.id, client=client, body=body, if_match=version)
    assert "changed since" in told(stale, 412).message
    return told(changed).data


def is_enrolled(client, user, course, bundle):
    body = StudentToUpsert(
        first_name="Stu",
        last_name="Dent",
        email="stu@shop.example",
        user_email=user.email,
        enrollments=[course],
    )
    made = told(upsert_student.sync_detailed(client=client, body=body), 201)
    assert made.pending_enrollments == [course]
    job = told(view_job.sync_detailed(made.job, client=client)).data
    assert (str(job.id), job.kind, job.total) == (made.job, "enroll", 2)  # the account, the enrollment
    student = told(view_student.sync_detailed(made.data.id, client=client)).data
    assert student.users == [user.email]
    assert [one.productable_id for one in student.enrollments] == [course]

    body = StudentToEnroll(email=student.email, user_email=user.email, enrollments=[bundle])
    told(enroll_student.sync_detailed(client=client, body=body), 202)
    names = StudentNames(first_name="Stuart", last_name="Dent", email=student.email)
    told(update_student.sync_detailed(student.id, client=client, body=names))
    page = told(list_students.sync_detailed(client=client, email=student.email))
    assert [one.first_name for one in page.data] == ["Stuart"]
    assert len(page.data[0].enrollments) > 1
    assert told(view_user.sync_detailed(user.id, client=client)).data.used_seats == 1
    return student


def renews(client, user, student, course):
    def ends():
        enrollments = told(view_student.sync_detailed(student.id, client=client)).data.enrollments
        return next(one.expiry_date for one in enrollments if one.productable_id == course)

    def expire(kind, **more):
        body = UserExpiry(product=course, type_=UserExpiryType(kind), **more)
        return told(update_expiry.sync_detailed(user.id, client=client, body=body), 202).job

    told(view_job.sync_detailed(expire("days", expiry_days=30), client=client))
    assert abs(moment(ends()).date() - date.today() - timedelta(days=30)) <= timedelta(days=1)
    expire("date", expiry_date="Jun 30 2033")
    assert moment(ends()).date() in (date(2033, 6, 30), date(2033, 7, 1))
    expire("expire_now")
    assert moment(ends()).date() <= date.today()
    expire("no_expiry")
    assert moment(ends()).year == date.today().year + 10


def moment(value) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def leaves(client, user, student):
    told(delete_student.sync_detailed(student.id, client=client), 204)
    assert "no such object" in told(view_student.sync_detailed(student.id, client=client), 404).message
    told(delete_user.sync_detailed(user.id, client=client), 204)
    told(view_user.sync_detailed(user.id, client=client), 404)


def buys_in_one_call(client, course):
    body = Provision(
        user=Buyer(email="one@shop.example", name="One Call"),
        seats=[ProvisionSeats(thinkific_id=course, add_seats=3)],
        enrollments=[course],
    )
    sold = [provision.sync_detailed(client=client, body=body, idempotency_key="order-3") for _ in range(2)]
    made = told(sold[0], 201)
    assert told(sold[1], 201) == made
    assert [(seat.max_seats, seat.used) for seat in made.data.seats] == [(3, 1)]
    told(view_job.sync_detailed(made.job, client=client))
    told(delete_user.sync_detailed(made.data.user.id, client=client), 204)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
