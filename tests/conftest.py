"""Fixtures for all tests: people and teams, and the local stand-in for Thinkific.

Owen owns the team Acme and Mara manages it; Ana and Bo are students there. Gwen owns the team Globex, where
Otto is a student. Root is the superuser; Alma is an administrator by her role. Nobody has a password.
`signed_in` returns browsers; `thinkific` and `connected` start the stand-in.
"""

import gc
import os
import re
from collections.abc import Generator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import connection
from django.test import Client, TransactionTestCase
from django.utils import timezone

from core.models import SiteSettings, User
from tests import migrated
from tests.factories import (
    MembershipFactory,
    ProductFactory,
    SeatFactory,
    TeamFactory,
    UserFactory,
    builtin_role,
)
from tests.processes import connected_environment, process_environment
from tests.tables import Refill

__all__ = ["connected_environment", "process_environment"]


# On PostgreSQL these run with the slow tests, because they hardly depend on the database.
LATER_ON_POSTGRESQL = [
    Path(__file__).parent / folder
    for folder in ("api", "core/admin", "integrations/admin", "integrations/thinkific/push", "project")
]
# Slow ones that ask the same of both databases: only PostgreSQL runs them, as it refuses more.
EITHER_DATABASE = [
    Path(__file__).parent / place
    for place in (
        "core/admin/walk",
        "core/admin/test_rubbish.py",
        "integrations/thinkific/runs/test_lying_lists.py",
        "integrations/thinkific/push/beside_pulls/test_unsent.py",
    )
]
# PostgreSQL is asked all values of tests about values, and the first ones of every other screen's test.
ABOUT_VALUES = re.compile("strange|rubbish|search|sort|filter|order|number|date|text|value|type")
DATABASE = {"db", "transactional_db", "live_server"}  # every fixture that needs a database uses one of these
# About PostgreSQL, or about the Redis that is tested together with it.
ALWAYS_ON_POSTGRESQL = {"test_cache.py", "test_database_limits.py"}


def needs_a_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(fixtures & DATABASE or item.get_closest_marker("django_db"))


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, None, None]:
    """Mark which tests run in which suite before pytest chooses by marker, and share those that it chose
    among the processes. Each process begins with its longest tests; otherwise all others would wait for them
    at the end. Tests of one file stay together: what they share (a world of rows, a pulled site, a server) is
    made in one process and not in each."""
    seen = set()
    for item in items:
        if item.path.name in ALWAYS_ON_POSTGRESQL:
            continue
        if any(item.path.is_relative_to(folder) for folder in LATER_ON_POSTGRESQL):
            item.add_marker("later")
            function = (item.path, getattr(item, "originalname", item.name))
            if function in seen and not ABOUT_VALUES.search(f"{item.path.name} {function[1]}"):
                item.add_marker("repeated")
            seen.add(function)
        if any(item.path.is_relative_to(place) for place in EITHER_DATABASE):
            item.add_marker("either")
        if not needs_a_database(item):
            item.add_marker("once")
    yield
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    longest, slow, quick = [], [], []
    for item in items:
        is_slow = item.get_closest_marker("slow")
        (longest if item.get_closest_marker("longest") else slow if is_slow else quick).append(item)
    items.clear()
    for number in range(count):
        items += longest[number::count]
        for part in (slow, quick):
            begin, end = (len(part) * n // count for n in (number, number + 1))
            items += part[begin:end]


def pytest_collection_finish() -> None:
    # Imported modules and tests are never freed; looking through them again takes a tenth of the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@pytest.fixture(scope="session")
def refill() -> Refill:
    return Refill()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings, django_db_createdb):
    """Copy the migrated database instead of running the migrations in each process (tests/migrated.py)."""
    database = django_settings.DATABASES["default"]
    if django_db_createdb:
        return
    if django_settings.IS_SQLITE:
        migrated.copy_sqlite(Path(database["TEST"]["NAME"]))
    else:
        database.setdefault("TEST", {})["TEMPLATE"] = migrated.postgresql_template(database)


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Returns True for SQLite: otherwise Django deletes the copied file before it opens it."""
    return django_settings.IS_SQLITE


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker, refill):
    """Set up the database. After each transactional test, the tables have the migrations' rows again."""

    def as_migrated() -> None:
        refill("as migrated", lambda: None)

    with django_db_blocker.unblock():
        as_migrated()
    TransactionTestCase._fixture_teardown = lambda case: as_migrated()
    yield
    if django_settings.IS_SQLITE:
        with django_db_blocker.unblock():
            connection.close()
        migrated.remove_sqlite(Path(connection.settings_dict["NAME"]))


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()


@pytest.fixture(scope="session", autouse=True)
def _no_mail_inside_a_request(django_test_environment):
    django_settings.EMAIL_BACKEND = "tests.mail.OutsideOfRequests"


# --- people and teams --------------------------------------------------------------------------------


@pytest.fixture
def root(db) -> User:
    return UserFactory(
        first_name="Root", last_name="", email="root@academy.example", is_staff=True, is_superuser=True
    )


@pytest.fixture
def alma(db) -> User:
    """Administrator by her global role, not a superuser."""
    return UserFactory(first_name="Alma", last_name="Admin", email="alma@academy.example", administrator=True)


@pytest.fixture
def owen(db) -> User:
    return UserFactory(
        first_name="Owen", last_name="Owner", email="owen@acme.example", is_dashboard_user=True
    )


@pytest.fixture
def acme(owen):
    return TeamFactory(name="Acme", owner=owen)


@pytest.fixture
def mara(acme) -> User:
    """Manager at Acme."""
    user = UserFactory(
        first_name="Mara",
        last_name="Marsh",
        email="mara@acme.example",
        is_dashboard_user=True,
        home_team=acme,
    )
    MembershipFactory(team=acme, user=user, role=builtin_role("manager"))
    return user


@pytest.fixture
def ana(acme) -> User:
    """Student at Acme."""
    user = UserFactory(first_name="Ana", last_name="Ames", email="ana@acme.example", home_team=acme)
    MembershipFactory(team=acme, user=user)
    return user


@pytest.fixture
def bo(acme) -> User:
    """Student at Acme."""
    user = UserFactory(first_name="Bo", last_name="Berg", email="bo@acme.example", home_team=acme)
    MembershipFactory(team=acme, user=user)
    return user


@pytest.fixture
def gwen(db) -> User:
    return UserFactory(
        first_name="Gwen", last_name="Gray", email="gwen@globex.example", is_dashboard_user=True
    )


@pytest.fixture
def globex(gwen):
    return TeamFactory(name="Globex", owner=gwen)


@pytest.fixture
def otto(globex) -> User:
    """Student at Globex: nobody at Acme may learn that he exists."""
    user = UserFactory(first_name="Otto", last_name="Oberg", email="otto@globex.example", home_team=globex)
    MembershipFactory(team=globex, user=user)
    return user


@pytest.fixture
def accounting(db):
    """The course that Acme and Globex have seats on."""
    return ProductFactory(name="Accounting 101")


@pytest.fixture
def acme_seat(acme, accounting):
    """One place for Acme in Accounting 101."""
    return SeatFactory(name="Acme: Accounting 101", product=accounting, max_seats=1, teams=[acme])


@pytest.fixture
def globex_seat(globex, accounting):
    """Ten places for Globex in the same course."""
    return SeatFactory(name="Globex: Accounting 101", product=accounting, max_seats=10, teams=[globex])


@pytest.fixture
def sign_up_is_on(db):
    """Sign-up links are switched on, which they are not as shipped."""
    SiteSettings.load()
    SiteSettings.objects.update(registration_enabled=True)


@pytest.fixture
def signed_in():
    """`signed_in(mara)` returns a test client in which Mara is signed in."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        # As after the first request: every later one takes the same queries.
        User.objects.filter(pk=user.pk).update(last_activity_at=timezone.now())
        return client

    return sign_in


# --- the local stand-in for Thinkific ----------------------------------------------------------------


@pytest.fixture
def credentials(settings):
    """The dashboard has the credentials of a site, and nothing is requested from it."""
    settings.THINKIFIC_SUBDOMAIN = "acme"
    settings.THINKIFIC_API_KEY = "0" * 32
    settings.THINKIFIC_ACCESS_TOKEN = "1" * 60


@pytest.fixture
def thinkific_site(request):
    """The data of the stand-in. A test module can name another SCALE, or override this fixture."""
    from integrations.thinkific.sandbox import Scale, Site

    usual = Scale(users=40, courses=6, builder_courses=1, bundles=1, groups=3)
    return Site.generate(getattr(request.module, "SCALE", usual), seed=1)


@pytest.fixture
def thinkific(thinkific_site):
    """The stand-in, on a free port and without limits; `thinkific.site` is its data."""
    from integrations.thinkific.sandbox import Sandbox

    no_limits = {"rate_limit": 0, "graphql_points": 0, "graphql_max_cost": 0, "concurrency": 0}
    with Sandbox(site=thinkific_site, **no_limits) as sandbox:
        yield sandbox


@pytest.fixture
def connected(thinkific, settings):
    """The dashboard, connected to the stand-in."""
    settings.THINKIFIC_SUBDOMAIN = thinkific.options.subdomain
    settings.THINKIFIC_API_KEY = thinkific.options.api_key
    settings.THINKIFIC_ACCESS_TOKEN = thinkific.options.access_token
    settings.THINKIFIC_API_URL = thinkific.url
    settings.THINKIFIC_RATE_LIMIT = 1_000_000
    settings.THINKIFIC_GRAPHQL_POINTS = 1_000_000
    return thinkific
