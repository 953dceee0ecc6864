import inspect

import pytest
import requests
from django.db import connection
from factory.django import DjangoModelFactory

from core.models import Role
from core.permissions.codes import BUILTIN_ROLES
from integrations.models import SyncSchedule
from tests import factories

FACTORIES = [
    factory
    for _, factory in inspect.getmembers(factories, inspect.isclass)
    if issubclass(factory, DjangoModelFactory) and factory is not DjangoModelFactory
]


@pytest.mark.django_db
@pytest.mark.parametrize("factory", FACTORIES, ids=lambda f: f.__name__)
def test_a_factory_makes_rows_that_do_not_collide(factory):
    first, second = factory(), factory()

    assert first.pk and second.pk
    if factory is not factories.ConnectionStateFactory:  # one row per surface
        assert first.pk != second.pk


@pytest.mark.django_db
def test_people_have_no_usable_password_unless_asked():
    assert not factories.UserFactory().has_usable_password()
    assert factories.UserFactory(password="something long").check_password("something long")


def test_the_cast_is_who_conftest_says(acme, mara, ana, otto, root, alma):
    assert mara.managed_teams().get() == acme
    assert not ana.managed_teams().exists()
    assert root.sees_everything and alma.sees_everything and not otto.sees_everything


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_rows_of_migrations_survive_a_transactional_test(turn):
    assert set(Role.objects.values_list("code", flat=True)) == set(BUILTIN_ROLES)
    assert SyncSchedule.objects.exists()
    assert connection.in_atomic_block is False


def test_a_person_signs_in(signed_in, mara):
    assert signed_in(mara).session["_auth_user_id"] == str(mara.pk)


def test_the_dashboard_is_connected_to_the_stand_in(connected):
    answer = requests.get(f"{connected.url}/api/public/v1/users", headers=connected.auth, timeout=5)

    assert answer.json()["meta"]["pagination"]["total_items"] == len(connected.site.users)
