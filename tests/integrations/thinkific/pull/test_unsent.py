"""A change that was not sent yet is not overwritten by Thinkific's older value."""

from datetime import UTC, datetime

import pytest

from core.models import Enrollment, OutboxEntry, SiteSettings, User
from integrations.models import SyncConflict

pytestmark = pytest.mark.django_db
OURS = datetime(2033, 3, 3, tzinfo=UTC)


def changed_here(instance, **fields):
    """Change an object as a service does: the row, and an entry with Thinkific's values at that time."""
    seen = {name: getattr(instance, name) for name in fields}
    for name, value in fields.items():
        setattr(instance, name, value)
    instance.save()
    return OutboxEntry.objects.create(
        entity=instance._meta.model_name,
        object_id=instance.pk,
        reason="edited",
        last_seen={name: value if isinstance(value, str) else str(value) for name, value in seen.items()},
    )


@pytest.mark.parametrize("status", ["pending", "in_flight", "failed"])
def test_an_unsent_name_stays_and_the_rest_is_pulled(pull, site, status):
    user = User.objects.get(thinkific_id=90005)
    entry = changed_here(user, first_name="Ours")
    OutboxEntry.objects.filter(pk=entry.pk).update(status=status)
    site.write("put", kind="users", row={"id": 90005, "company": "Theirs", "last_name": "Theirs"})

    run = pull("users")

    user.refresh_from_db()
    assert (user.first_name, user.last_name, user.company) == ("Ours", "Theirs", "Theirs")
    assert run.status == "succeeded"
    assert not SyncConflict.objects.exists()


def test_what_was_sent_or_given_up_is_thinkifics_again(pull, site):
    user = User.objects.get(thinkific_id=90005)
    entry = changed_here(user, first_name="Ours")
    OutboxEntry.objects.filter(pk=entry.pk).update(status="discarded")

    pull("users")

    user.refresh_from_db()
    assert user.first_name == site.users[90005].first_name


@pytest.mark.parametrize(("winner", "kept"), [("dashboard", "Ours"), ("thinkific", "Theirs")])
def test_where_both_changed_the_setting_decides_and_a_person_is_shown(pull, site, winner, kept):
    SiteSettings.objects.update(conflict_winner=winner)
    user = User.objects.get(thinkific_id=90005)
    changed_here(user, first_name="Ours")
    site.write("put", kind="users", row={"id": 90005, "first_name": "Theirs"})

    run = pull("users")
    pull("users")

    user.refresh_from_db()
    conflict = SyncConflict.objects.get()
    assert user.first_name == kept
    assert (conflict.field, conflict.ours, conflict.theirs) == ("first_name", "Ours", "Theirs")
    assert conflict.run == run


def test_unsent_dates_stay_while_progress_is_pulled(pull, site):
    theirs = next(e for e in site.enrollments if e.completed_at is None)
    ours = Enrollment.objects.get(thinkific_id=theirs.id)
    changed_here(ours, expiry_date=OURS)
    site.write("move_progress", enrollment_id=theirs.id, percent=77)
    site.write("set_dates", enrollment_id=theirs.id, dates={"expiry_date": "2031-01-01T00:00:00Z"})

    pull("enrollments")

    ours.refresh_from_db()
    assert (ours.expiry_date, float(ours.percentage_completed)) == (OURS, 0.77)


def test_an_unsent_address_survives_a_list_in_which_addresses_move(pull, site):
    user, other = User.objects.get(thinkific_id=90005), User.objects.get(thinkific_id=90010)
    old = user.email
    changed_here(user, email="ours@example.org")
    site.write("put", kind="users", row={"id": 90010, "email": "elsewhere@example.org"})
    site.write("put", kind="users", row={"id": 90020, "email": other.email})

    pull("users")

    user.refresh_from_db()
    assert user.email == "ours@example.org"
    assert User.objects.get(thinkific_id=90020).email == other.email
    assert not User.objects.filter(email__contains="moving-").exists()
    assert not User.objects.filter(email=old).exists()
