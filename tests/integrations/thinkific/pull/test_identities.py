"""A pull links nobody who has rights or a password by the e-mail address alone."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from core.models import EmailChange, Enrollment, GroupMembership, OutboxEntry, SiteSettings, User
from core.services import people
from core.services.accounts import email_changes
from integrations.models import SyncConflict
from integrations.thinkific import identities
from integrations.thinkific.identity_facts import count_enrollments
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def sign_up(thinkific, email, **fields):
    """Create an account in Thinkific with this address."""
    names = {"first_name": "Mal", "last_name": "Ory"}
    return thinkific.site.write("create_user", fields={"email": email, **names, **fields})


def with_password(user):
    user.set_password("quiet-harbour-lights-7")
    user.save()
    return user


@pytest.fixture
def linked(thinkific, pull):
    """A person of Thinkific whose account here has a password."""
    pull("users")
    return with_password(User.objects.get(thinkific_id=thinkific.site.users.listing[3].id))


def open_conflict(kind="link"):
    return SyncConflict.objects.get(kind=kind, settled_at=None)


@pytest.mark.parametrize("who", ["root", "alma", "owen", "mara"])
def test_an_account_with_rights_is_not_linked_by_its_address(request, pull, thinkific, acme, who):
    user = request.getfixturevalue(who)
    attacker = sign_up(thinkific, user.email.upper())

    runs = [pull("users"), pull("users")]

    user.refresh_from_db()
    assert user.thinkific_id is None and user.first_name != "Mal"
    assert not User.objects.filter(thinkific_id=attacker.id).exists()
    assert [(run.status, run.failed, run.errors, run.skipped) for run in runs] == [
        ("succeeded", 0, [], 1)
    ] * 2
    conflict = SyncConflict.objects.get()
    assert (conflict.kind, conflict.object_id, conflict.thinkific_id) == ("link", user.pk, attacker.id)
    assert conflict.fact("name") == "Mal Ory" and conflict.fact("created_at")


def test_a_removed_account_with_a_password_is_not_linked_anew(pull, thinkific, linked):
    old = linked.thinkific_id
    thinkific.site.write("delete_user", user_id=old)
    pull("users")
    sign_up(thinkific, linked.email)

    pull("users")

    linked.refresh_from_db()
    assert linked.thinkific_id == old and linked.removed_at is not None
    assert open_conflict().object_id == linked.pk


def test_a_student_without_a_password_is_linked_as_before(pull, thinkific, ana):
    account = sign_up(thinkific, ana.email)

    assert pull("users").status == "succeeded"

    ana.refresh_from_db()
    assert ana.thinkific_id == account.id
    assert not SyncConflict.objects.exists()


def test_the_login_of_somebody_with_a_password_stays_and_the_rest_is_taken(pull, thinkific, linked):
    before = linked.email
    fields = {"email": "attacker@evil.example", "first_name": "Renamed"}
    thinkific.site.write("update_user", user_id=linked.thinkific_id, fields=fields)

    first, second = pull("users"), pull("users")

    linked.refresh_from_db()
    assert (linked.email, linked.first_name) == (before, "Renamed")
    assert (first.status, second.status, second.updated) == ("succeeded", "succeeded", 0)
    conflict = SyncConflict.objects.get()
    assert (conflict.kind, conflict.ours, conflict.theirs) == ("email", before, "attacker@evil.example")
    assert not EmailChange.objects.exists()


def test_the_open_conflict_is_brought_up_to_date_and_closed_when_nothing_is_left(pull, thinkific, linked):
    number, before = linked.thinkific_id, linked.email
    for email in ("one@evil.example", "two@evil.example"):
        thinkific.site.write("update_user", user_id=number, fields={"email": email})
        pull("users")
    assert SyncConflict.objects.get().theirs == "two@evil.example"

    thinkific.site.write("update_user", user_id=number, fields={"email": before})
    pull("users")

    conflict = SyncConflict.objects.get()
    assert conflict.settled_at is not None and conflict.settled_by is None
    assert conflict.resolution == "passed"


def test_who_takes_the_address_that_a_protected_account_keeps_is_reported(pull, thinkific, linked):
    other = User.objects.filter(thinkific_id__isnull=False).exclude(pk=linked.pk).first()
    mine, theirs = linked.email, other.email
    for number, email in (
        (linked.thinkific_id, "free@evil.example"),
        (other.thinkific_id, mine),
    ):
        thinkific.site.write("update_user", user_id=number, fields={"email": email})

    run = pull("users")

    linked.refresh_from_db(), other.refresh_from_db()
    assert (linked.email, other.email) == (mine, theirs)
    assert run.failed == 1


def test_two_people_of_whom_one_has_a_password_swap_nothing(pull, thinkific, linked):
    other = User.objects.filter(thinkific_id__isnull=False).exclude(pk=linked.pk).first()
    mine, theirs = linked.email, other.email
    thinkific.site.write("update_user", user_id=linked.thinkific_id, fields={"email": "moving@evil.example"})
    thinkific.site.write("update_user", user_id=other.thinkific_id, fields={"email": mine})
    thinkific.site.write("update_user", user_id=linked.thinkific_id, fields={"email": theirs})

    pull("users")

    linked.refresh_from_db(), other.refresh_from_db()
    assert (linked.email, other.email) == (mine, theirs)


@pytest.mark.parametrize("winner", ["dashboard", "thinkific"])
def test_no_setting_lets_thinkific_s_address_win_over_an_unsent_one(
    pull, thinkific, linked, winner, settings
):
    SiteSettings.objects.update_or_create(pk=1, defaults={"conflict_winner": winner})
    email_changes.change_at_once(linked, "mine@people.example", by=None, reason="corrected")
    thinkific.site.write("update_user", user_id=linked.thinkific_id, fields={"email": "his@evil.example"})

    pull("users")

    linked.refresh_from_db()
    assert linked.email == "mine@people.example"
    assert open_conflict("email").theirs == "his@evil.example"


def test_an_address_that_was_not_sent_yet_is_no_conflict(pull, linked):
    email_changes.change_at_once(linked, "mine@people.example", by=None, reason="corrected")

    pull("users")

    linked.refresh_from_db()
    assert linked.email == "mine@people.example"
    assert not SyncConflict.objects.exists()


def test_rows_of_people_who_wait_for_a_decision_come_after_linking(pull, thinkific, alma, root):
    pull("products")
    attacker = sign_up(thinkific, alma.email)
    group = thinkific.site.groups.listing[0]["name"]
    thinkific.site.write("enroll", user_id=attacker.id, course_id=3001, dates={})
    thinkific.site.write("add_to_groups", user_id=attacker.id, group_names=[group])

    for kind in ("users", "enrollments", "groups", "quiz_results", "certificates"):
        run = pull(kind)
        assert (run.status, run.failed) == ("succeeded", 0), (kind, run.errors)
    assert not Enrollment.objects.filter(user=alma).exists()
    assert not GroupMembership.objects.filter(user=alma).exists()
    count_enrollments()
    assert open_conflict().fact("enrollments") == 1

    identities.link(open_conflict(), by=root)
    for kind in ("users", "enrollments", "groups"):
        pull(kind)

    alma.refresh_from_db()
    assert alma.thinkific_id == attacker.id
    assert alma.history.filter(history_user=root, history_change_reason__contains="linked with").exists()
    assert Enrollment.objects.filter(user=alma).count() == 1
    assert GroupMembership.objects.filter(user=alma).count() == 1
    assert not SyncConflict.objects.filter(settled_at=None).exists()


def test_after_linking_the_login_still_does_not_follow_thinkific(pull, thinkific, alma, root):
    attacker = sign_up(thinkific, alma.email)
    pull("users")
    identities.link(open_conflict(), by=root)
    thinkific.site.write("update_user", user_id=attacker.id, fields={"email": "his@evil.example"})

    pull("users")

    alma.refresh_from_db()
    assert alma.email == "alma@academy.example"
    assert open_conflict("email").theirs == "his@evil.example"


def test_accounts_that_are_kept_apart_are_not_asked_about_until_somebody_wants_it(
    pull, thinkific, alma, root
):
    sign_up(thinkific, alma.email)
    pull("users")
    identities.keep_apart(open_conflict(), by=root)

    runs = [pull("users"), pull("enrollments")]
    assert [run.status for run in runs] == ["succeeded"] * 2
    assert not SyncConflict.objects.filter(settled_at=None).exists()
    assert SyncConflict.objects.get().settled_by == root

    identities.ask_again(SyncConflict.objects.get(), by=root)
    pull("users")
    assert open_conflict().object_id == alma.pk
    assert SyncConflict.objects.count() == 1


def test_a_page_that_links_many_costs_the_same_few_queries(pull, thinkific, refill):
    UserFactory(email=thinkific.site.users.listing[0].email.lower(), is_staff=True)
    with CaptureQueriesContext(connection) as one:
        pull("users")
    for place, user in enumerate(User.objects.order_by("pk")):
        user.thinkific_id, user.remote_digest, user.is_staff = None, None, place < 20
        user.save()

    with CaptureQueriesContext(connection) as many:
        pull("users")

    def about_rights(captured):
        return [q["sql"] for q in captured if '"core_role"' in q["sql"] or "is_superuser" in q["sql"]]

    # One of them reads what goes into the history.
    assert len(about_rights(many)) <= len(about_rights(one)) + 3


def test_a_student_s_login_that_thinkific_changes_ends_what_hangs_on_it(pull, thinkific, acme, alma):
    pull("users")
    student = User.objects.filter(thinkific_id__isnull=False).first()
    old = student.email
    waiting = email_changes.ask(student, "asked@people.example", by=alma)
    session, token = student.get_session_auth_hash(), email_changes.make_token(waiting)
    fields = {"email": "moved@people.example"}
    thinkific.site.write("update_user", user_id=student.thinkific_id, fields=fields)

    pull("users")

    student.refresh_from_db(), waiting.refresh_from_db()
    assert student.email == "moved@people.example"
    assert student.get_session_auth_hash() != session
    assert waiting.state == "void"
    assert email_changes.pending(student) is None
    assert email_changes.find(urlsafe_base64_encode(force_bytes(student.pk)), token) is None
    change = EmailChange.objects.get(way="thinkific")
    assert (change.user, change.old_email, change.state, change.told_at) == (student, old, "done", None)


def test_a_discarded_push_leaves_the_question_open(pull, thinkific, linked, root):
    thinkific.site.write("update_user", user_id=linked.thinkific_id, fields={"email": "his@evil.example"})
    pull("users")
    identities.keep_address(open_conflict("email"), by=root)
    pull("users")
    assert not SyncConflict.objects.filter(settled_at=None).exists()  # ours is on its way

    OutboxEntry.objects.update(status="discarded", finished_at=timezone.now())
    pull("users")

    assert open_conflict("email").theirs == "his@evil.example"
    assert people.check_email(linked, linked.email) == linked.email
