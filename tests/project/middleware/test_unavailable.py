"""Pages while the database is locked, full or gone: polite, and nothing of a change is saved."""

import sqlite3
from contextlib import contextmanager

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, ProgrammingError, connection
from django.test import Client
from django.urls import reverse

from core.databases import is_unavailable
from core.models import Team, User
from project.middleware.unavailable import NOT_SAVED, PERHAPS_SAVED

LOGIN = reverse("admin:login")
SECRET = "a long password"

on_sqlite = pytest.mark.once  # a lock of the whole file is SQLite's


@pytest.fixture
def visitor(settings):
    """As in production: what is not caught is answered, and not raised."""
    settings.DEBUG = False
    return Client(raise_request_exception=False)


@pytest.fixture
def mona(transactional_db):
    return User.objects.create_superuser("mona@academy.example", SECRET)


@contextmanager
def locked():
    """Another process is writing, for longer than we wait."""
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextmanager
def full():
    """No page can be added to the file, and none of it is free."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA page_count")
        pages = cursor.fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 1073741823")


def is_polite(response, *, saved: str = "") -> None:
    text = response.content.decode()
    assert response.status_code == 503, text[:2000]
    assert response["Retry-After"] == "30"
    assert "The dashboard has to wait for its database" in text
    assert saved in text
    assert "/static/" not in text


def sign_in(visitor) -> object:
    return visitor.post(LOGIN, {"username": "mona@academy.example", "password": SECRET})


@on_sqlite
def test_signing_in_while_the_database_is_locked(visitor, mona):
    with locked():
        is_polite(sign_in(visitor), saved=NOT_SAVED)

    mona.refresh_from_db()
    assert mona.last_login is None
    assert sign_in(visitor).status_code == 302


@on_sqlite
def test_a_change_while_the_database_is_locked(visitor, mona):
    visitor.force_login(mona)
    form = {"name": "New", "owner": mona.pk}

    with locked():
        answer = visitor.post(reverse("admin:core_team_do_new", args=["add"]), form)
        seen = visitor.get(reverse("admin:core_team_changelist"))

    # The dialog itself says it, beside what was typed.
    assert answer.status_code == 200
    assert b"Nothing was saved. Try again" in answer.content
    assert b'value="New"' in answer.content
    assert seen.status_code == 200  # who only reads does not wait for who writes
    assert not Team.objects.exists()


@on_sqlite
@pytest.mark.parametrize("path", ["admin:live_seen", "admin:logout", "admin:test_connection"])
def test_every_other_post_while_the_database_is_locked(visitor, mona, path):
    visitor.force_login(mona)

    with locked():
        response = visitor.post(reverse(path))

    if path == "admin:live_seen" and response.status_code == 204:
        return  # nothing to mark, so nothing was written
    is_polite(response, saved=NOT_SAVED)


@on_sqlite
def test_signing_in_while_the_disk_is_full(visitor, mona):
    # Long sessions until one fits nowhere: SQLite uses what is left on its last pages first.
    with full():
        answers = [sign_in(Client(raise_request_exception=False)) for _ in range(60)]

    refused = [answer for answer in answers if answer.status_code != 302]
    assert refused
    for answer in refused:
        is_polite(answer)
    assert sign_in(visitor).status_code == 302


def fails(error: Exception, *, at: str = "", after: str = ""):
    """The connection breaks at the first statement that has `at`, or at the one after that with `after`."""
    armed = [not after]

    def run(execute, sql, params, many, context):
        if armed[0] and at in sql:
            raise error
        if after and after in sql:
            answer = execute(sql, params, many, context)
            armed[0] = True
            return answer
        return execute(sql, params, many, context)

    return connection.execute_wrapper(run)


GONE = OperationalError("server closed the connection unexpectedly")


@pytest.mark.django_db
@pytest.mark.parametrize("error", [GONE, InterfaceError("the connection is closed")])
@pytest.mark.parametrize("debug", [False, True])
def test_whoever_reads_is_told_to_load_again(visitor, root, settings, error, debug):
    settings.DEBUG = debug
    visitor.force_login(root)

    with fails(error, at="core_team"):
        response = visitor.get(reverse("admin:core_team_changelist"))

    is_polite(response, saved="load this page again")
    assert NOT_SAVED not in response.content.decode()


@pytest.mark.django_db
def test_the_session_cannot_be_read(visitor, root):
    """In a middleware, before any view."""
    visitor.force_login(root)

    with fails(GONE):
        is_polite(visitor.get(reverse("admin:index")))
        is_polite(visitor.post(reverse("admin:live_seen")), saved=NOT_SAVED)


@pytest.mark.django_db
def test_the_session_cannot_be_saved_after_the_change_was(visitor, root, owen):
    """After the view, when its message is kept for the next page: it must not say that nothing was saved."""
    visitor.force_login(root)
    form = {"name": "New", "owner": owen.pk}

    with fails(GONE, at="UPDATE", after="core_membership"), fails(GONE, at='UPDATE "django_session"'):
        response = visitor.post(reverse("admin:core_team_do_new", args=["add"]), form)

    is_polite(response, saved=PERHAPS_SAVED)
    assert NOT_SAVED not in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("headers", "path", "kind"),
    [
        ({"accept": "application/json"}, "/admin/live/", "application/json"),
        ({"authorization": "Bearer b2b_any"}, "/api/users", "application/json"),
        ({"hx-request": "true"}, "/admin/core/team/", "text/plain"),
    ],
)
def test_programs_get_what_they_read(visitor, root, headers, path, kind):
    visitor.force_login(root)

    with fails(GONE):
        response = visitor.get(path, headers=headers)

    assert response.status_code == 503
    assert response["Content-Type"].startswith(kind)
    assert "Try again in a minute." in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("signed_in_too", [False, True])
def test_pages_of_errors_need_no_database(visitor, root, signed_in_too):
    if signed_in_too:
        visitor.force_login(root)

    with fails(GONE):
        status = visitor.get("/no-such-page/").status_code

    assert status == (503 if signed_in_too else 404)


@pytest.mark.django_db
def test_our_own_mistakes_stay_errors_of_ours(visitor, root):
    visitor.force_login(root)

    with fails(ProgrammingError("no such column"), at="core_team"):
        response = visitor.get(reverse("admin:core_team_changelist"))

    assert response.status_code == 500
    assert "Something went wrong on our side" in response.content.decode()


@pytest.mark.django_db
def test_which_errors_are_the_databases():
    with pytest.raises((OperationalError, ProgrammingError)) as missing, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM no_such_table")
    follows = InterfaceError("late")
    follows.__context__ = GONE

    assert not is_unavailable(missing.value)
    assert not is_unavailable(IntegrityError("twice"))
    assert not is_unavailable(ValueError("unrelated"))
    assert is_unavailable(follows)
