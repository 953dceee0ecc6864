"""Global roles of people: given by those who hold them, and never taken from the last administrator."""

import pytest
from django.urls import reverse

from core.errors import Refusal
from core.models import Role, User
from core.services import people
from core.services.accounts import deletions
from core.services.roles import administrators
from tests.factories import RoleFactory, UserFactory, builtin_role

pytestmark = pytest.mark.django_db


def test_a_global_role_is_given_and_taken_away(alma, ana):
    role = RoleFactory(name="Auditor", is_global=True, permissions=["users.view"])

    administrators.change_global_role(ana, role=role, by=alma)

    ana = User.objects.get(pk=ana.pk)
    assert ana.sees_everything and ana.is_staff and ana.is_dashboard_user
    administrators.change_global_role(ana, role=None, by=alma)
    ana = User.objects.get(pk=ana.pk)
    assert not ana.sees_everything and not ana.is_staff
    assert [row.history_user for row in ana.history.all()[:2]] == [alma, alma]


def test_nobody_gives_or_takes_a_role_with_more_than_they_have(alma, ana):
    role = RoleFactory(is_global=True, permissions=["users.view", "users.edit"])
    hugo = UserFactory(global_role=role)
    for target, wanted in [(ana, builtin_role("administrator")), (alma, None), (alma, role)]:
        with pytest.raises(Refusal, match="permissions that you do not have"):
            administrators.change_global_role(target, role=wanted, by=hugo)
    with pytest.raises(Refusal, match="your own"):
        administrators.change_global_role(hugo, role=builtin_role("administrator"), by=hugo)

    administrators.change_global_role(ana, role=role, by=hugo)
    assert User.objects.get(pk=alma.pk).global_role == builtin_role("administrator")


def test_a_role_for_teams_is_no_global_role(alma, ana):
    with pytest.raises(Refusal, match="cannot give"):
        administrators.change_global_role(ana, role=builtin_role("manager"), by=alma)


def test_the_last_administrator_stays(alma, ana, acme):
    helper = RoleFactory(is_global=True, permissions=["users.view", "users.edit", "users.delete"])
    other = UserFactory(global_role=builtin_role("administrator"))
    people.update_user(other, is_active=False, by=alma)  # not the last one

    with pytest.raises(Refusal, match="last administrator"):
        people.update_user(alma, is_active=False)
    with pytest.raises(Refusal, match="last administrator"):
        deletions.delete(alma, confirmed=deletions.describe(alma))
    root = UserFactory(is_superuser=True)
    User.objects.filter(pk=root.pk).update(is_active=False)  # at the same moment, so `root` still acts
    with pytest.raises(Refusal, match="last administrator"):
        administrators.change_global_role(alma, role=helper, by=root)

    assert User.objects.get(pk=alma.pk).is_active
    assert administrators.administrators().get() == alma


def test_who_is_in_no_team_keeps_the_global_role(alma):
    other = UserFactory(first_name="Olga", global_role=builtin_role("administrator"))

    with pytest.raises(Refusal, match="in no team"):
        administrators.change_global_role(other, role=None, by=alma)


def test_the_dialog_offers_what_the_viewer_may_give(signed_in, alma, ana, mara, acme):
    url = reverse("admin:core_user_do", args=[ana.pk, "global-role"])
    role = RoleFactory(name="Auditor", is_global=True, permissions=["users.view"])
    assert signed_in(mara).post(url, {"role": role.pk}).status_code == 403

    refused = signed_in(alma).post(url, {"role": builtin_role("owner").pk})
    done = signed_in(alma).post(url, {"role": role.pk}, follow=True)

    assert "You cannot give this role" in refused.content.decode()
    assert "has the role Auditor in the whole dashboard now" in done.content.decode()
    assert User.objects.get(pk=ana.pk).global_role == Role.objects.get(name="Auditor")
