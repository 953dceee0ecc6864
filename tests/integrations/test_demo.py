"""The demo with the stand-in: the first pull links the rows of the fixtures, and creates no second ones."""

import json
from io import StringIO

import pytest
from django.core.management import call_command

from core.models import Enrollment, Membership, Product, ThinkificGroup, User
from core.services import seats
from fixtures.demo.story import GONE, LOCAL_GROUP
from integrations.thinkific.sandbox import Site
from project.development import demo

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def thinkific_site():
    return Site.generate(seed=1)


def pull_all() -> dict[str, dict]:
    out = StringIO()
    call_command("sync", "all", "--full", "--json", stdout=out)
    return {run["kind"]: run for run in json.loads(out.getvalue())["runs"]}


def test_the_first_pull_links_the_demo_and_the_second_changes_nothing(connected):
    loaded = demo.load()
    memberships = Membership.objects.count()
    given = Enrollment.objects.filter(last_seat__isnull=False).count()
    at_home = User.objects.filter(home_team__isnull=False).count()

    first = pull_all()

    assert {run["status"] for run in first.values()} == {"succeeded"}, first
    assert User.objects.count() == len(connected.site.users) + len(GONE)
    assert not User.objects.filter(thinkific_id=None).exclude(last_name__in=[g[2] for g in GONE]).exists()
    assert first["users"]["created"] == len(connected.site.users) - (loaded.people - len(GONE))
    assert Product.objects.count() == len(connected.site.products)
    assert not Product.objects.filter(thinkific_id=None).exists()
    assert list(ThinkificGroup.objects.filter(thinkific_id=None)) == [
        ThinkificGroup.objects.get(name=LOCAL_GROUP[0])
    ]
    courses = Enrollment.objects.filter(product__productable_type="Course")
    assert courses.exclude(thinkific_id=None).count() == len(connected.site.enrollments)
    assert {e.status for e in courses.filter(thinkific_id=None)} == {"pending", "failed", "removed"}
    assert Membership.objects.count() == memberships
    assert Enrollment.objects.filter(last_seat__isnull=False).count() == given > 50
    assert User.objects.filter(home_team__isnull=False).count() == at_home == loaded.people
    assert seats.recalculate() == 0

    second = pull_all()

    assert {(kind, run["created"], run["updated"]) for kind, run in second.items()} == {
        (kind, 0, 0) for kind in second
    }
