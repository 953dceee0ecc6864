import json

import pytest
from django.core.management import CommandError, call_command

from core.admin.kit.recorded import RECORDED
from core.models import ImpersonationSession, User
from core.permissions.backend import may_impersonate
from fixtures.demo import build, people_and_courses
from integrations.models import SyncConflict
from integrations.thinkific import conflicts
from project.development import demo
from tests.factories import TeamFactory

# tests/integrations/test_demo.py loads it into either database.
pytestmark = [pytest.mark.once, pytest.mark.slow]


def test_the_fixtures_are_what_the_stand_in_gives_now():
    """Otherwise the first pull doubles people instead of linking them: python -m fixtures.demo.build"""
    stored = {path.name: path.read_text() for path in demo.FIXTURES.glob("*.json")}

    assert {name: text == stored.get(name) for name, text in build.rendered().items()} == dict.fromkeys(
        stored, True
    )
    assert people_and_courses.AS_OF == demo.AS_OF


def test_a_real_site_refuses_the_demo(db, settings):
    settings.DEBUG = True
    settings.THINKIFIC_API_KEY = "a-key"
    settings.THINKIFIC_API_URL = "https://api.thinkific.com"

    with pytest.raises(CommandError, match="real Thinkific site is configured"):
        call_command("load_demo")

    assert not User.objects.exists()


def test_the_stand_in_is_no_real_site(db, settings):
    settings.THINKIFIC_API_KEY = "a-key"
    settings.THINKIFIC_API_URL = "http://127.0.0.1:8765"

    assert demo.load().loaded


def test_a_database_in_use_refuses_the_demo(db):
    TeamFactory()

    with pytest.raises(demo.DemoRefused, match="already holds teams"):
        demo.load()


def test_an_account_made_before_is_no_obstacle(root):
    assert demo.load().loaded
    root.refresh_from_db()
    assert root.is_superuser


def test_the_other_value_of_its_conflict_can_be_taken(db):
    demo.load()
    conflict = SyncConflict.objects.get()
    person = User.objects.get(email=conflict.label)
    assert person.last_name == conflict.ours

    conflicts.take_theirs(conflict)

    person.refresh_from_db()
    assert person.last_name == conflict.theirs


@pytest.mark.parametrize("said", [[], ["--with-published-passwords"], ["--anybody-may-sign-in"]])
def test_outside_debug_published_passwords_are_refused_until_they_are_meant(db, said):
    with pytest.raises(CommandError, match="use both options"):
        call_command("load_demo", *said)
    assert not User.objects.exists()


def test_what_is_said_twice_is_meant(db):
    call_command("load_demo", "--with-published-passwords", "--anybody-may-sign-in")

    assert User.objects.filter(email=demo.ACCOUNTS["administrator"]).exists()


def test_the_command_tells_how_to_sign_in(db, capsys, settings):
    settings.DEBUG = True
    call_command("load_demo")
    assert f"with the password {demo.PASSWORD}" in capsys.readouterr().out

    call_command("load_demo", "--json")
    report = json.loads(capsys.readouterr().out)
    assert report["loaded"] is False
    assert report["accounts"]["manager"] == demo.ACCOUNTS["manager"]


def test_its_impersonations_are_of_every_kind(db):
    demo.load()

    endings = {session.ending for session in ImpersonationSession.objects.all()}
    assert endings == {"", "left", "timed_out"}
    changed = ImpersonationSession.objects.get(ended_by="left")
    rows = [row for kind in RECORDED.values() for row in kind.rows().filter(impersonation=changed)]
    assert len(rows) >= 2
    for row in rows:
        assert changed.started_at < row.history_date < changed.ended_at
        assert (row.history_user, row.impersonator) == (changed.impersonated, changed.impersonator)
    for session in ImpersonationSession.objects.all():
        assert may_impersonate(hijacker=session.impersonator, hijacked=session.impersonated)
