"""Bulk writes leave the same in the database as `save()` does."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.db import connection

from core.models import Enrollment, Product, User
from core.services.storage import bulk
from tests.factories import ProductFactory, UserFactory

pytestmark = pytest.mark.django_db
COLUMNS = "activated_at, started_at, completed_at, expiry_date, percentage_completed, remote_updated_at"
MOMENTS = [
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 1, 10, 20, 30, 120_000, tzinfo=UTC),
    datetime(1, 1, 1, 0, 0, 0, 7, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    None,
]
ELSEWHERE = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))


def raw() -> set[tuple]:
    """The rows as they are in the database, which Django reads in more than one form."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {COLUMNS} FROM core_enrollment")
        return set(cursor.fetchall())


def rows() -> list[dict]:
    """One for each moment, which is in another column each time; with and without one of another zone."""
    found = []
    for shift in range(len(MOMENTS)):
        dates = MOMENTS[shift:] + MOMENTS[:shift]
        names = ("activated_at", "started_at", "completed_at", "expiry_date", "remote_updated_at")
        found.append(dict(zip(names, dates, strict=True)) | {"percentage_completed": Decimal("0.25")})
    return found


@pytest.mark.parametrize("more", [[], [ELSEWHERE]], ids=["all UTC", "another zone"])
@pytest.mark.parametrize("how", ["insert", "update"])
def test_moments_and_numbers(how, more):
    product, users = ProductFactory(), [UserFactory() for _ in range(6)]
    wanted = rows() + [rows()[0] | {"expiry_date": moment} for moment in more]
    saved = [
        Enrollment.objects.create(user=user, product=product, **values)
        for user, values in zip(users, wanted, strict=False)
    ]
    expected = raw()
    names = list(wanted[0])
    if how == "insert":
        Enrollment.objects.all().delete()
        values = [(one.user_id, product.pk, *w.values()) for one, w in zip(saved, wanted, strict=True)]
        bulk.insert(Enrollment, ["user_id", "product_id", *names], values)
    else:
        Enrollment.objects.update(**dict.fromkeys(names[:4]), percentage_completed=0)
        assert raw() != expected
        values = [(one.pk, *w.values()) for one, w in zip(saved, wanted, strict=True)]
        bulk.update(Enrollment, names, values)

    assert raw() == expected
    assert len(expected) == len(wanted)


NAMES = ["Ada\tLovelace", "Back\\slash", "Line\nfeed", "\\N", "\r", "Żółć", ""]
KINDS = [{"label": "a\tb", "value": 'c"\\\n', "id": 1}, ["\\N", "é"], [], None]


def products(names: list[str]) -> list[tuple]:
    last = Product.objects.count()
    return [(Product.Type.COURSE, last + number, name) for number, name in enumerate(names, start=1)]


def test_what_copy_gives_a_meaning_is_stored_as_it_is():
    keys = bulk.insert(Product, ["productable_type", "productable_id", "name"], products(NAMES))
    assert [Product.objects.get(pk=key).name for key in keys] == NAMES

    fields = ["email", "first_name", "custom_profile_fields"]
    rows = [
        (f"{number}@x.test", NAMES[number], kind) for number, kind in enumerate(KINDS) if kind is not None
    ]
    keys = bulk.insert(User, fields, rows)
    people = [User.objects.get(pk=key) for key in keys]
    assert [(one.email, one.first_name, one.custom_profile_fields) for one in people] == rows


def test_the_keys_of_new_rows_are_told_and_given_to_nobody_else():
    fields = ["productable_type", "productable_id", "name"]
    first = bulk.insert(Product, fields, products(["A", "B"]))
    saved = ProductFactory()
    then = bulk.insert(Product, fields, products(["C"]))
    Product.objects.get(pk=then[0]).delete()  # the newest key is not given again
    after = bulk.insert(Product, fields, products(["D"]))

    keys = [*first, saved.pk, *then, *after]
    assert keys == sorted(set(keys))
    assert [Product.objects.get(pk=key).name for key in (*first, *after)] == ["A", "B", "D"]
    assert bulk.insert(Product, fields, []) == []
