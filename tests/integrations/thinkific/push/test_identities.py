"""A push takes no account that is there before for somebody who has rights here or a password."""

import threading
import time

import pytest
from django.db import connection
from django.utils import timezone
from django_q.signals import pre_enqueue

from core.models import OutboxEntry, Product, SiteSettings, User
from core.services import people
from core.services.accounts import email_changes
from core.services.enrollments import enrollments
from core.services.outbox import claims
from integrations.models import SyncConflict
from integrations.thinkific import identities
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.push import outcomes, prerequisites
from integrations.thinkific.push.drain import drain
from tests.factories import builtin_role
from tests.integrations.thinkific.push.conftest import states


@pytest.fixture
def dana(site):
    """An administrator whose address another person uses in Thinkific."""
    fields = {"email": "dana@new.example", "first_name": "Mal", "last_name": "Ory"}
    site.write("create_user", fields=fields)
    role = builtin_role("administrator")
    return people.create_user(email="dana@new.example", first_name="Dana", last_name="Roth", global_role=role)


def account_there(site):
    return site.user_by_email("dana@new.example")


def test_the_entry_fails_with_words_that_lead_to_the_decision(site, push, dana):
    assert push() == {"failed": 1}

    dana.refresh_from_db()
    assert dana.thinkific_id is None
    assert account_there(site).first_name == "Mal"
    entry = OutboxEntry.objects.get()
    assert "Conflicts" in entry.error and str(account_there(site).id) in entry.error
    conflict = SyncConflict.objects.get()
    assert (conflict.kind, conflict.thinkific_id) == ("link", account_there(site).id)
    assert conflict.fact("name") == "Mal Ory"


def test_linked_by_an_administrator_the_change_goes_on(site, push, dana, root):
    push()

    identities.link(SyncConflict.objects.get(), by=root)

    assert push() == {"done": 1}
    dana.refresh_from_db()
    assert dana.thinkific_id == account_there(site).id
    assert account_there(site).first_name == "Dana"
    assert not SyncConflict.objects.filter(settled_at=None).exists()


def test_linked_as_soon_as_the_question_is_there_the_change_goes_on(site, push, dana, root):
    """The question is there before anybody waits for the answer, and an administrator may be quick."""

    def decide(sender, task, **_):
        if task["func"] == identities.COUNT_TASK:  # queued when the conflict is committed
            identities.link(SyncConflict.objects.get(), by=root)

    pre_enqueue.connect(decide)
    try:
        push()
    finally:
        pre_enqueue.disconnect(decide)

    assert states() == [("user", "done")]
    assert account_there(site).first_name == "Dana"


def link_during(push, thinkific, root):
    """Push, and link the account of the open question while the push looks for it by its address."""

    def send():
        push()
        connection.close()

    looked = thinkific.faults.add("stall", method="GET", path="email", next=1, seconds=1.0)
    sending = threading.Thread(target=send)
    sending.start()
    while not looked.hits:
        time.sleep(0.02)
    identities.link(SyncConflict.objects.get(settled_at=None), by=root)
    sending.join()


def test_linked_while_the_change_is_being_sent_it_goes_on(site, push, pull, thinkific, dana, root):
    """The question may be older than the push, which then asks it a second time."""
    pull("users")

    link_during(push, thinkific, root)

    assert states() == [("user", "done")]
    assert account_there(site).first_name == "Dana"
    assert not SyncConflict.objects.filter(settled_at=None).exists()


def test_an_account_linked_while_a_push_looks_for_it_is_not_taken_for_deleted(
    site, push, pull, thinkific, ada, root
):
    ada.set_password("quiet-harbour-lights-7")
    ada.save()
    site.write("delete_user", user_id=ada.thinkific_id)
    anew = site.write("create_user", fields={"email": ada.email, "first_name": "Ada", "last_name": "Anew"})
    people.update_user(ada, first_name="Ours")
    pull("users")

    link_during(push, thinkific, root)

    ada.refresh_from_db()
    assert (ada.thinkific_id, ada.removed_at) == (anew.id, None)
    assert set(states()) == {("user", "done")}
    assert site.users[anew.id].first_name == "Ours"


def test_what_waits_for_the_account_goes_on_when_it_is_linked(site, push, pull, dana, root):
    pull("products")
    course = Product.objects.get(productable_id=3001)
    enrollments.enroll_unchecked(student=dana, products=[course], by=root)
    # As it is after hours: the enrollment waits for the account, and looks for it seldom.
    drain(seconds=5)
    OutboxEntry.objects.filter(status="pending").update(not_before=timezone.now() + prerequisites.MEANWHILE)

    identities.link(SyncConflict.objects.get(), by=root)
    while drain(seconds=5):
        pass

    assert not OutboxEntry.objects.unsent().exists()
    assert [e.course_id for e in site.enrollments_of[account_there(site).id]] == [3001]


def test_what_is_put_back_while_its_account_is_linked_does_not_wait(site, push, pull, dana, root):
    pull("products")
    course = Product.objects.get(productable_id=3001)
    enrollments.enroll_unchecked(student=dana, products=[course], by=root)
    drain(seconds=5)
    OutboxEntry.objects.filter(status="pending").update(not_before=timezone.now())
    [[entry]] = claims.claim(1)
    looks = []

    def link():
        identities.link(SyncConflict.objects.get(), by=root)
        connection.close()

    def link_after(execute, sql, params, many, context):
        found = execute(sql, params, many, context)
        if sql.startswith("SELECT") and 'FROM "core_outboxentry"' in sql:
            looks.append(sql)
            if len(looks) == 2:  # the push has seen that the account's entry failed
                linking = threading.Thread(target=link)
                linking.start()
                linking.join()
        return found

    with connection.execute_wrapper(link_after):
        result = outcomes.push(entry, ThinkificClient(Credentials.from_settings()))

    entry.refresh_from_db()
    assert result.name == "retried" and "which failed" in entry.error
    dana.refresh_from_db()
    assert dana.thinkific_id == account_there(site).id
    assert entry.not_before <= timezone.now()


def test_kept_apart_the_change_is_given_up_and_asking_anew_opens_the_question(site, push, dana, root):
    push()
    identities.keep_apart(SyncConflict.objects.get(), by=root)
    assert OutboxEntry.objects.get().status == "discarded"

    people.create_thinkific_account(dana, by=root)
    push()

    assert SyncConflict.objects.filter(settled_at=None).count() == 1


def test_a_new_address_in_thinkific_is_an_account_of_ones_own(site, push, root):
    role = builtin_role("administrator")
    new = people.create_user(email="own@new.example", first_name="Own", global_role=role)

    assert push() == {"done": 1}

    new.refresh_from_db()
    assert new.thinkific_id == site.user_by_email("own@new.example").id


def test_after_a_lost_answer_an_administrator_decides_whose_account_it_is(site, push, thinkific):
    thinkific.faults.add("lost_answer", method="POST", path="/users", next=1)
    role = builtin_role("administrator")
    people.create_user(email="own@new.example", first_name="Own", last_name="Er", global_role=role)

    assert push() == {"retried": 1, "failed": 1}

    assert sum(user.email == "own@new.example" for user in site.users) == 1
    assert SyncConflict.objects.get().kind == "link"


@pytest.mark.parametrize("winner", ["dashboard", "thinkific"])
def test_a_push_brings_no_other_login_back(site, push, pull, winner):
    pull("users")
    SiteSettings.objects.update_or_create(pk=1, defaults={"conflict_winner": winner})
    user = User.objects.filter(thinkific_id__isnull=False).first()
    user.set_password("quiet-harbour-lights-7")
    user.save()
    email_changes.change_at_once(user, "mine@new.example", by=None, reason="corrected")
    site.write("update_user", user_id=user.thinkific_id, fields={"email": "his@evil.example"})

    push()

    user.refresh_from_db()
    assert user.email == "mine@new.example"
    opened = set(SyncConflict.objects.filter(settled_at=None).values_list("kind", flat=True))
    assert opened == ({"value"} if winner == "dashboard" else {"email"})


def test_the_kept_address_reaches_thinkific_and_its_own_comes_in_when_taken(site, push, pull, root):
    pull("users")
    for choice, decide in (("kept", identities.keep_address), ("taken", identities.take_address)):
        user = User.objects.filter(thinkific_id__isnull=False, password__startswith="!").first()
        user.set_password("quiet-harbour-lights-7")
        user.save()
        ours, theirs = user.email, f"{choice}@evil.example"
        site.write("update_user", user_id=user.thinkific_id, fields={"email": theirs})
        pull("users")

        decide(SyncConflict.objects.get(settled_at=None), by=root)
        push()
        pull("users")

        user.refresh_from_db()
        expected = ours if choice == "kept" else theirs
        assert (user.email, site.users[user.thinkific_id].email) == (expected, expected)
        assert user.history.filter(history_user=root).exists()
        assert not SyncConflict.objects.filter(settled_at=None).exists()
