"""Who acts as somebody else and starts work in the background is told how it ended. The other person, who
knows nothing of it, is not."""

import pytest
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

import core.tasks
from core.models import Notice, User
from tests.factories import SyncRunFactory, UserFactory, builtin_role
from tests.project.pages.test_impersonation import begin


@pytest.fixture
def colleague(db) -> User:
    return UserFactory(administrator=True)


@pytest.fixture
def acting(alma, colleague, signed_in):
    """Alma's browser, in which she acts as another administrator."""
    browser = signed_in(alma)
    begin(browser, colleague)
    return browser


def send(browser, address: str, **fields) -> None:
    answer = browser.post(address, fields)
    assert answer.status_code == 302, answer.context["form"].errors


def work() -> None:
    task = OrmQ.objects.get().task
    getattr(core.tasks, task["func"].rpartition(".")[2])(*task["args"])


def test_seats_were_counted(acting, alma):
    send(acting, reverse("admin:tools_start", args=["recalculate-seats"]))
    work()

    assert [(n.user, n.text) for n in Notice.objects.all()] == [
        (alma, "Seats recalculated: every count was right.")
    ]


@pytest.fixture
def no_mail_server(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1


def add(browser, team, email: str) -> None:
    fields = {"first_name": "New", "last_name": "Here", "role": builtin_role("student").pk, "welcome": "on"}
    send(browser, reverse("admin:core_team_do", args=[team.pk, "add-user"]), email=email, **fields)


def test_a_welcome_mail_failed(acting, alma, acme, no_mail_server, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        add(acting, acme, "new@acme.example")
    work()

    assert [notice.user for notice in Notice.objects.all()] == [alma]


def test_an_invitation_failed(
    alma, mara, otto, acme, signed_in, no_mail_server, django_capture_on_commit_callbacks
):
    browser = signed_in(alma)
    begin(browser, mara)
    with django_capture_on_commit_callbacks(execute=True):
        add(browser, acme, otto.email)
    work()

    assert [notice.user for notice in Notice.objects.all()] == [alma]


def test_in_ones_own_name_the_inviter_is_told(
    mara, otto, acme, signed_in, no_mail_server, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        add(signed_in(mara), acme, otto.email)
    work()

    assert [notice.user for notice in Notice.objects.all()] == [mara]


def test_a_run_was_under_way_already(acting, alma, credentials):
    run = SyncRunFactory(kind="products", status="running", heartbeat_at=timezone.now())

    send(acting, reverse("admin:tools_start", args=["sync-products"]))

    assert list(run.watchers.all()) == [alma]
