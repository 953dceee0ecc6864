"""What is exported and imported again is the same."""

from dataclasses import dataclass

import pytest
from django.db import transaction

from core.migration import export
from core.models import Membership, OutboxEntry, Product, ThinkificGroup, User, WebhookDelivery
from project.development import demo
from tests.core.migration.carrying import applied, checked, content, counts, exported, problems, undone
from tests.factories import NoteFactory, RoleFactory, UserFactory, WebhookEndpointFactory

pytestmark = pytest.mark.django_db


@dataclass
class Site:
    root: User
    files: dict[str, bytes]
    content: dict[str, list[tuple[str, ...]]]


def build() -> None:
    """The demo, with what it has no example of."""
    demo.load()
    student = Membership.objects.filter(role__code="student").order_by("pk").first()
    team = student.team
    lead = RoleFactory(name="Lead", permissions=["teams.view", "users.view"])
    lead.limited_to.add(team)
    Membership.objects.filter(pk=student.pk).update(role=lead, overrides={"users.view": "deny"})
    helper = RoleFactory(name="Helper", is_global=True, permissions=["users.view", "teams.view"])
    UserFactory(email="helper@demo.example", global_role=helper, is_staff=True, is_dashboard_user=True)
    NoteFactory(user=student.user, author=team.owner, team=team, text="=1+1\n- two;=3\n'=4")
    NoteFactory(user=student.user, author=None, team=None, text="Called back.")
    User.objects.filter(pk=team.owner_id).update(home_team=team)


@pytest.fixture
def root():
    return UserFactory(email="root@demo.example", is_superuser=True)


@pytest.fixture
def site(root):
    build()
    return Site(root, {form: exported(form) for form in export.FORMATS}, content(exported()))


@pytest.fixture
def elsewhere(root):
    """What another dashboard exported. Here are only the products and groups of the same Thinkific site."""
    with transaction.atomic():
        build()
        files = {form: exported(form) for form in export.FORMATS}
        found = Site(root, files, content(files["csv"]))
        products, groups = list(Product.objects.all()), list(ThinkificGroup.objects.all())
        transaction.set_rollback(True)
    Product.objects.bulk_create(products)
    ThinkificGroup.objects.bulk_create(groups)
    assert all(found.content.values()), "the example has something of each kind"
    assert not any(content(exported()).values())
    return found


@pytest.mark.parametrize("form", ["csv", "json"])
def test_an_empty_site_becomes_as_the_exported_one(elsewhere, form):
    WebhookEndpointFactory(events=["team.created", "membership.created", "user.created", "seat.updated"])

    migration = applied(elsewhere.files[form], by=elsewhere.root)

    assert problems(migration) == []
    assert counts(migration, "made") == counts(migration, "total")
    assert content(exported()) == elsewhere.content
    assert not OutboxEntry.objects.exists()
    assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize("form", ["csv", "json"])
def test_the_same_site_stays_as_it_is(site, form):
    changes = OutboxEntry.objects.count()

    migration = applied(site.files[form], by=site.root)

    assert problems(migration) == []
    assert counts(migration, "new") == counts(migration, "made") == counts(migration, "differs") == {}
    assert content(exported()) == site.content
    assert OutboxEntry.objects.count() == changes


def test_a_second_time_changes_nothing(elsewhere):
    applied(elsewhere.files["csv"], by=elsewhere.root)
    before = exported()

    again = applied(elsewhere.files["csv"], by=elsewhere.root)

    assert counts(again, "made") == counts(again, "differs") == {}
    assert exported() == before


def test_undone_nothing_is_left(elsewhere):
    migration = undone(applied(elsewhere.files["csv"], by=elsewhere.root), by=elsewhere.root)

    assert migration.status == "undone"
    assert counts(migration, "stays") == {}
    assert not any(content(exported()).values())
    assert list(User.objects.values_list("email", flat=True)) == [elsewhere.root.email]


def test_a_check_writes_nothing(elsewhere):
    migration = checked(elsewhere.files["json"], by=elsewhere.root)

    assert counts(migration, "new") == counts(migration, "total")
    assert not any(content(exported()).values())
