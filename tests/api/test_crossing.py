"""Calls that another transaction crosses: which errors are carried out again, and what is our own mistake."""

import pytest
from django.db import IntegrityError, connection, transaction

from core.databases import is_crossed, is_unavailable
from core.models import ApiToken, Product
from tests.factories import ApiTokenFactory

pytestmark = pytest.mark.django_db


def error_of(action) -> Exception:
    with pytest.raises(Exception) as caught, transaction.atomic():
        action()
    return caught.value


def test_a_value_that_is_taken_was_crossed():
    token = ApiTokenFactory()
    error = error_of(lambda: ApiTokenFactory(digest=token.digest))
    assert isinstance(error, IntegrityError)
    assert is_crossed(error)
    assert not is_unavailable(error)


def test_a_missing_value_and_a_missing_table_are_our_own_mistakes():
    def missing_value() -> None:
        ApiToken.objects.filter(pk=ApiTokenFactory().pk).update(name=None)

    def missing_table() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM core_no_such_table")

    assert not is_crossed(error_of(missing_value))
    assert not is_crossed(error_of(missing_table))


def test_a_call_that_breaks_a_constraint_of_ours_is_logged_as_a_fault(alma, api, monkeypatch):
    """It is not told as somebody else's change, and not carried out three times."""
    tries = []

    def refused(*args, **options):
        tries.append(1)
        Product.objects.create(productable_type="Course", productable_id=None)

    monkeypatch.setattr("core.services.api.users.create", refused)
    body = {"name": "Ada Roe", "email": "ada@shop.example", "password": "a long enough Passw0rd"}
    answer = api(alma).post("users", body)
    assert (answer.status_code, len(tries)) == (500, 1)
