import pytest
from django.apps import apps
from simple_history.models import registered_models

from core.models import (
    EmailText,
    Enrollment,
    GroupAssignment,
    Invitation,
    Membership,
    Note,
    Organization,
    Role,
    Seat,
    SeatAssignment,
    SeatTag,
    ShortLink,
    SignUpLink,
    SiteSettings,
    StoredSecret,
    Tag,
    Team,
    User,
    UserTag,
    WebhookEndpoint,
)
from core.services.accounts import deletions
from tests.factories import EnrollmentFactory, InvitationFactory, UserFactory
from tests.history import watched

TRACKED = [
    Organization,
    EmailText,
    User,
    Team,
    Membership,
    Invitation,
    Role,
    Seat,
    SeatAssignment,
    SignUpLink,
    ShortLink,
    Enrollment,
    GroupAssignment,
    SiteSettings,
    StoredSecret,
    Tag,
    UserTag,
    SeatTag,
    Note,
    WebhookEndpoint,
]
SECRET_OR_BUSY = {
    User: {"password", "last_login", "last_activity_at", "synced_at", "remote_digest"},
    Enrollment: {"percentage_completed", "started_at", "completed_at", "remote_updated_at", "push_state"},
    Seat: {"used_count", "used_counted_at"},
    GroupAssignment: {"last_synced_at", "last_error"},
    Note: {"text"},
    StoredSecret: {"encrypted"},
    WebhookEndpoint: {"encrypted", "former_encrypted", "failures"},
}


def test_what_people_change_has_a_history_and_nothing_else_has():
    ours = {m for m in registered_models.values() if m._meta.app_label in {"core", "integrations"}}

    assert ours == set(TRACKED)


@pytest.mark.parametrize("model", TRACKED, ids=lambda m: m.__name__)
def test_every_history_names_the_impersonator_beside_the_person(model):
    names = {field.name for field in model.history.model._meta.get_fields()}

    assert {"history_user", "impersonator", "history_change_reason"} <= names
    assert not SECRET_OR_BUSY.get(model, set()) & names


@pytest.mark.django_db
def test_a_change_is_written_with_what_it_was_before():
    user = UserFactory(first_name="Ana")
    user.first_name = "Anna"
    user.save()

    assert [row.first_name for row in user.history.order_by("pk")] == ["Ana", "Anna"]
    assert user.history.first().impersonator is None


@pytest.mark.django_db
def test_both_people_are_kept(root, alma, ana):
    enrollment = EnrollmentFactory(user=ana)
    row = enrollment.history.first()
    row.history_user, row.impersonator = ana, alma
    row.save()

    alma.delete()

    row.refresh_from_db()
    assert (row.history_user, row.impersonator) == (ana, None)


@pytest.mark.django_db
def test_history_outlives_its_object(ana):
    pk = ana.pk
    ana.delete()

    assert User.history.filter(id=pk, history_type="-").exists()


def test_history_tables_belong_to_core():
    history = [m for m in apps.get_models() if m.__name__.startswith("Historical")]

    assert len(history) == len(TRACKED)


@pytest.mark.django_db
def test_a_write_that_leaves_no_history_is_noticed():
    """What the tests of pushes, pulls and webhooks rely on."""
    user = UserFactory(first_name="Ana")
    with watched() as silent:
        User.objects.filter(pk=user.pk).update(first_name="Anna")
        User.objects.filter(pk=user.pk).update(company="Acme")  # not tracked
    assert len(silent) == 1
    assert "'first_name': 'Anna'" in silent[0]

    with watched() as silent:
        user.refresh_from_db()
        user.first_name = "Ann"
        user.save()
    assert silent == []


@pytest.mark.django_db
def test_who_invited_is_deleted_and_the_invitation_s_history_says_so(acme):
    inviter = UserFactory()
    invitation = InvitationFactory(team=acme, invited_by=inviter)

    with watched() as silent:
        deletions.delete(inviter, confirmed=deletions.describe(inviter))

    assert silent == []
    assert invitation.history.first().invited_by is None
