"""The name of the person who did something stays on the row after their account is deleted."""

import pytest
from django.apps import apps
from django.db.models import SET_NULL
from django.urls import reverse

from core import audit
from core.models import OutboxEntry, User
from core.models.fields.history import done_by
from core.services import people
from core.services.accounts import deletions
from core.services.teams import teams
from tests.factories import OutboxEntryFactory, SyncConflictFactory, SyncRunFactory, UserFactory

pytestmark = pytest.mark.django_db
# Whom a row is about, and not who did something.
ABOUT = {("outboxentry", "person"), ("signup", "user"), ("sitesettings", "payments_account")}


def by_service(user: User, root: User) -> None:
    deletions.delete(user, confirmed=deletions.describe(user), by=root)


def in_a_shell(user: User, root: User) -> None:
    user.delete()


def with_many(user: User, root: User) -> None:
    User.objects.filter(pk__in=[user.pk, UserFactory().pk]).delete()


@pytest.mark.parametrize("end", [by_service, in_a_shell, with_many])
def test_a_change_says_who_made_it_when_their_account_is_gone(signed_in, root, acme, ana, end):
    admin = UserFactory(first_name="Ada", last_name="Byron", email="ada@academy.example", administrator=True)
    teams.update(acme, by=admin, name="Acme Industries")

    end(admin, root)

    row = acme.history.first()
    assert (row.history_user, row.history_user_name) == (None, "Ada Byron <ada@academy.example>")
    for page in (reverse("admin:core_team_history", args=[acme.pk]), reverse("admin:history")):
        assert "Ada Byron &lt;ada@academy.example&gt;" in signed_in(root).get(page).content.decode(), page


def test_who_was_acted_as_and_who_acted_stay_both(signed_in, root, acme, ana):
    admin = UserFactory(first_name="Ada", last_name="Byron", email="ada@academy.example", administrator=True)
    teams.update(acme, by=ana, name="Acme Industries")
    acme.history.filter(history_user=ana).update(impersonator=admin)

    admin.delete()
    ana.delete()

    row = acme.history.first()
    assert row.history_user_name == "Ana Ames <ana@acme.example>"
    assert row.impersonator_name == "Ada Byron <ada@academy.example>"
    page = signed_in(root).get(reverse("admin:history")).content.decode()
    assert "Ada Byron &lt;ada@academy.example&gt; as Ana Ames &lt;ana@acme.example&gt;" in page


def test_an_account_without_a_name_is_known_by_its_address(acme):
    admin = UserFactory(first_name="", last_name="", email="ada@academy.example", administrator=True)
    teams.update(acme, by=admin, name="Acme Industries")
    admin.delete()

    assert acme.history.first().history_user_name == "ada@academy.example"


def test_what_was_asked_for_and_settled_says_by_whom(root, ana):
    admin = UserFactory(first_name="Ada", last_name="Byron", email="ada@academy.example")
    people.update_user(ana, by=admin, first_name="Anna", push=True)
    entry = OutboxEntryFactory(requested_by=admin)
    run = SyncRunFactory(started_by=admin)
    conflict = SyncConflictFactory(settled_by=admin)

    admin.delete()

    for row, who in ((entry, "requested_by"), (run, "started_by"), (conflict, "settled_by")):
        row.refresh_from_db()
        assert done_by(row, who) == "Ada Byron <ada@academy.example>"
    assert OutboxEntry.objects.filter(requested_by=None, requested_by_name=None).count() <= 1


def test_every_row_that_forgets_who_acted_keeps_the_name():
    forgets = {
        (model._meta.model_name, field.name)
        for model in apps.get_models()
        if model._meta.app_label in {"core", "integrations"}
        for field in model._meta.concrete_fields
        if field.is_relation and field.related_model is User and field.remote_field.on_delete is SET_NULL
    }

    assert forgets - ABOUT == {(model._meta.model_name, who) for model, who in audit.places()}
