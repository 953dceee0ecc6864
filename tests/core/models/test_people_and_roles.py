import pytest
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.models import Role, SiteSettings, User
from core.models.people import normalize_email
from core.permissions.codes import BUILTIN_ROLES, MANAGER_PERMISSIONS, OWNER_PERMISSIONS, PERMISSIONS
from tests.factories import RoleFactory, UserFactory, builtin_role

pytestmark = pytest.mark.django_db


def test_migrations_brought_the_builtin_roles_and_the_settings():
    stored = {r.code: (r.name, r.is_global, r.permissions) for r in Role.objects.all()}

    assert stored == BUILTIN_ROLES
    assert SiteSettings.objects.get().pk == SiteSettings.load().pk == 1


def test_builtin_roles_hold_known_permissions_and_managers_less_than_owners():
    for _, _, permissions in BUILTIN_ROLES.values():
        assert set(permissions) <= set(PERMISSIONS)
    assert set(MANAGER_PERMISSIONS) < set(OWNER_PERMISSIONS) < set(PERMISSIONS)


def test_an_unknown_permission_is_refused_by_name():
    role = RoleFactory.build(permissions=["users.view", "users.fly"])

    with pytest.raises(ValidationError, match=r"no permission called users\.fly"):
        role.full_clean()


def test_a_role_of_known_permissions_is_accepted():
    RoleFactory.build(permissions=["users.view", "reports.export"]).full_clean()


def test_only_builtin_roles_are_builtin():
    assert builtin_role("owner").is_builtin
    assert not RoleFactory().is_builtin


@pytest.mark.parametrize("email", ["Ana@Acme.Example", " ana@acme.example ", "ANA@ACME.EXAMPLE"])
def test_an_address_is_stored_in_one_form(email):
    assert User.objects.create_user(email).email == "ana@acme.example"


def test_validation_refuses_an_address_in_another_case():
    UserFactory(email="ana@acme.example")

    with pytest.raises(ValidationError):
        User(email="Ana@Acme.example", password="!").full_clean()


@given(st.emails())
@settings(max_examples=50)
def test_the_form_of_an_address_is_stable(email):
    assert normalize_email(normalize_email(email)) == normalize_email(email)


def test_an_account_needs_an_address():
    with pytest.raises(ValueError, match="needs an e-mail"):
        User.objects.create_user("")


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [("Ana", "Ames", "Ana Ames"), ("Ana", "", "Ana"), ("", "Ames", "Ames"), ("", "", "")],
)
def test_the_stored_name_is_what_is_shown(first, last, name):
    user = UserFactory(first_name=first, last_name=last, email="ana@acme.example")
    user.refresh_from_db()

    assert user.name == name
    assert str(user) == (name or "ana@acme.example")


def test_who_is_in_no_team_is_unassigned(ana):
    stranger = UserFactory()

    assert list(User.objects.unassigned()) == [stranger]


def test_a_superuser_signs_in_with_the_password_given(client):
    User.objects.create_superuser("root@academy.example", "a long password")

    assert client.login(request=HttpRequest(), username="Root@Academy.example", password="a long password")
