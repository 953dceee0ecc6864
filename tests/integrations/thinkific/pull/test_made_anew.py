"""An account that was deleted in Thinkific and created again with the same address, which the dashboard did
not see. The new account is linked when it becomes known; the enrollments of the former one are removed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Enrollment, GroupMembership, OutboxEntry, QuizResult, SiteSettings, User
from core.services import people
from core.services.enrollments import enrollments
from core.services.outbox import claims
from integrations.models import InboundEvent, SyncConflict, SyncRun
from integrations.thinkific import identities
from integrations.thinkific.budget.request_budget import SharedBudget
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.push import outcomes
from integrations.thinkific.webhooks import process
from tests.integrations.thinkific.pull.conftest import SIXTY

pytestmark = pytest.mark.django_db

DATES = {"activated_at": "2026-06-01T00:00:00Z", "expiry_date": None}
SCALE = SIXTY


class Anew:
    """A person whose account was created again. Both accounts have `course`; the new one is in `group`."""

    def __init__(self, site):
        held = Enrollment.objects.filter(via_bundle=None, product__productable_type="Course", removed_at=None)
        self.former = held.select_related("user", "product").first()
        self.person, self.course = self.former.user, self.former.product
        self.old = self.person.thinkific_id
        self.quiz = site.quizzes.listing[0]["id"]
        self.site, self.events = site, []
        site.write("delete_user", user_id=self.old)
        site.listeners.append(lambda topic, payload: self.events.append((topic, payload)))
        fields = {"email": self.person.email.upper(), "first_name": "Nia", "last_name": "New"}
        self.new = site.write("create_user", fields=fields).id
        number = self.course.productable_id
        self.enrollment = site.write("enroll", user_id=self.new, course_id=number, dates=DATES).id
        site.write("attempt_quiz", enrollment_id=self.enrollment, quiz_id=self.quiz, correct=1)
        self.group = site.groups.listing[0]
        site.write("add_members", user_ids=[self.new], group_ids=[self.group["id"]])

    def protect(self):
        self.person.set_password("quiet-harbour-lights-7")
        self.person.save()

    def leave_a_row(self):
        """Keep the enrollment of the former account in Thinkific's list, with the address."""
        row = {"id": self.former.thinkific_id, "user_id": self.old, "user_email": self.person.email}
        row |= {"course_id": self.course.productable_id, "user_name": "Nia New"}
        soon = timezone.now() + timedelta(minutes=2)  # touched last, though the new one is younger
        self.site.write("put", kind="enrollments", row=row | {"updated_at": soon.isoformat()})

    @property
    def linked(self) -> bool:
        self.person.refresh_from_db()
        return self.person.thinkific_id == self.new and self.person.removed_at is None


@pytest.fixture
def anew(site, thinkific):
    someone = Anew(site)
    thinkific.reset_stats()
    return someone


def push_one() -> str:
    [[entry]] = claims.claim(1)
    with SharedBudget.from_settings().slots(want=2, interactive=True) as slots:
        client = ThinkificClient(Credentials.from_settings(), budget=slots, interactive=True)
        return outcomes.push(entry, client).name


def hears_by_event(topic):
    def hear(anew, pull):
        for number, (name, payload) in enumerate(anew.events):
            if name == topic:
                InboundEvent.objects.create(event_id=str(number), topic=name, payload=payload)
        process.process(seconds=30, gather=0)
        bad = InboundEvent.objects.exclude(status__in=["processed", "ignored"])
        assert not bad.exists(), bad.values_list("outcome", flat=True)

    return hear


def hears_by_pull(kind, *, full=True, **options):
    def hear(anew, pull):
        run = pull(kind, full=full, **options)
        assert (run.status, run.failed, run.errors) == ("succeeded", 0, [])

    return hear


def guarded_users(anew, pull):
    """Pull people while the guard marks none as removed. Owners of wanted addresses are requested anyway."""
    SiteSettings.objects.update(deletion_guard_percent=0)
    run = pull("users")
    assert run.failed == 0


def one_group(anew, pull):
    from core.models import ThinkificGroup

    group = ThinkificGroup.objects.get(thinkific_id=anew.group["id"])
    hears_by_pull("groups", group_id=group.pk)(anew, pull)


def by_a_push_of_their_name(anew, pull):
    people.update_user(anew.person, first_name="Ours")
    assert push_one() in ("done", "failed")


def by_a_push_of_an_enrollment(anew, pull):
    other = anew.former.product.__class__.objects.courses().exclude(pk=anew.course.pk).first()
    Enrollment.objects.filter(user=anew.person, product=other).delete()
    enrollments.enroll_unchecked(student=anew.person, products=[other])
    assert push_one() in ("retried", "failed")


WAYS = {
    "a sign-up": hears_by_event("user.signup"),
    "an enrollment": hears_by_event("enrollment.created"),
    "a quiz": hears_by_event("quiz.attempted"),
    "changed enrollments": hears_by_pull("enrollments", full=False),
    "all enrollments": hears_by_pull("enrollments"),
    "all users": hears_by_pull("users"),
    "guarded users": guarded_users,
    "members of all groups": hears_by_pull("groups"),
    "members of a group": one_group,
    "quiz results": hears_by_pull("quiz_results"),
    "a push of a person": by_a_push_of_their_name,
    "a push of an enrollment": by_a_push_of_an_enrollment,
}


@pytest.mark.parametrize("way", WAYS)
def test_the_new_account_is_linked_at_once(anew, pull, way):
    before = User.objects.count()

    WAYS[way](anew, pull)

    assert anew.linked
    assert User.objects.count() == before
    left = Enrollment.objects.filter(pk=anew.former.pk, removed_at__isnull=True)
    assert list(left.values_list("thinkific_id", flat=True)) in ([], [anew.enrollment])
    assert not SyncConflict.objects.filter(kind__in=SyncConflict.IDENTITY).exists()
    assert anew.person.history.filter(thinkific_id=anew.new).exists()


@pytest.mark.parametrize("way", WAYS)
def test_an_account_with_a_password_is_left_to_an_administrator(anew, pull, way):
    anew.protect()

    WAYS[way](anew, pull)

    assert not anew.linked
    assert anew.person.thinkific_id == anew.old
    conflict = SyncConflict.objects.get(settled_at=None)
    assert (conflict.kind, conflict.object_id, conflict.thinkific_id) == ("link", anew.person.pk, anew.new)
    assert not Enrollment.objects.filter(thinkific_id=anew.enrollment).exists()
    assert not QuizResult.objects.filter(user=anew.person, quiz__thinkific_id=anew.quiz).exists()


def test_what_the_former_account_had_is_over_and_stays_on_record(anew, pull):
    old = set(Enrollment.objects.filter(user=anew.person, removed_at=None).values_list("pk", flat=True))
    results = QuizResult.objects.filter(user=anew.person).count()

    WAYS["a sign-up"](anew, pull)

    assert old and not Enrollment.objects.filter(user=anew.person, removed_at=None).exists()
    assert not GroupMembership.objects.filter(user=anew.person, removed_at=None).exists()
    assert QuizResult.objects.filter(user=anew.person).count() == results
    reason = anew.former.history.first().history_change_reason
    assert reason == "Thinkific, webhook"


@pytest.mark.parametrize("first", ["a sign-up", "changed enrollments"])
def test_a_row_that_names_the_former_account_is_no_error_and_nobody_s_access(anew, pull, asked, first):
    anew.leave_a_row()

    WAYS[first](anew, pull)
    runs = [pull("enrollments"), pull("enrollments")]

    assert [(run.status, run.failed, run.errors) for run in runs] == [("succeeded", 0, [])] * 2
    assert runs[1].updated == runs[1].created == 0
    there = Enrollment.objects.filter(user=anew.person, product=anew.course)
    assert [(row.thinkific_id, row.removed_at) for row in there] == [(anew.enrollment, None)]


def test_a_site_that_is_read_for_the_first_time_knows_of_no_former_account(pull, thinkific):
    site = thinkific.site
    someone, course = site.users.listing[5], site.courses.listing[0]["id"]
    site.write("delete_user", user_id=someone.id)
    site.write("put", kind="users", row={"email": someone.email})
    row = {"user_id": someone.id, "user_email": someone.email, "course_id": course, "user_name": "A B"}
    site.write("put", kind="enrollments", row={"id": 799_999, **row})
    pull("products")
    pull("users")

    runs = [pull("enrollments"), pull("enrollments")]

    assert [(run.status, run.failed, run.errors) for run in runs] == [("succeeded", 0, [])] * 2
    assert not Enrollment.objects.filter(thinkific_id=799_999).exists()


def test_who_has_the_address_and_is_there_keeps_it(anew, pull, site):
    """Thinkific has the address at both accounts for a moment. They are not merged."""
    site.write("put", kind="users", row={"id": anew.old, "email": anew.person.email})

    run = pull("enrollments", full=False)

    assert not anew.linked
    assert anew.person.removed_at is None and anew.person.thinkific_id == anew.old
    assert run.errors


def test_who_has_another_address_by_now_gives_this_one_up(anew, pull, site):
    site.write("put", kind="users", row={"id": anew.old, "email": "moved@else.example"})

    WAYS["changed enrollments"](anew, pull)

    anew.person.refresh_from_db()
    assert (anew.person.thinkific_id, anew.person.email) == (anew.old, "moved@else.example")
    assert User.objects.get(thinkific_id=anew.new).email != "moved@else.example"


def test_an_administrator_who_links_the_two_ends_what_the_former_one_had(anew, pull, root):
    anew.protect()
    WAYS["a sign-up"](anew, pull)

    identities.link(SyncConflict.objects.get(), by=root)

    assert anew.linked
    anew.former.refresh_from_db()
    assert anew.former.removed_at is not None


def test_a_new_account_that_we_ask_for_has_nothing_of_the_former_one(anew, pull, site):
    site.write("delete_user", user_id=anew.new)
    pull("users")

    people.create_thinkific_account(User.objects.get(pk=anew.person.pk))

    assert not Enrollment.objects.filter(user=anew.person, removed_at=None).exists()
    assert not GroupMembership.objects.filter(user=anew.person, removed_at=None).exists()


def test_a_change_that_was_waiting_goes_to_the_new_account(anew, pull, site):
    by_a_push_of_an_enrollment(anew, pull)
    OutboxEntry.objects.filter(status="pending").update(not_before="2020-01-01T00:00Z")

    assert push_one() == "done"

    made = anew.person.enrollments.exclude(product=anew.course).get(push_state="clean", removed_at=None)
    assert site.enrollments[made.thinkific_id].user_id == anew.new
    assert SyncRun.objects.filter(status="failed").count() == 0


def test_a_change_that_asked_an_administrator_goes_on_when_the_two_are_linked(anew, pull, site, root):
    anew.protect()
    by_a_push_of_an_enrollment(anew, pull)
    assert "then this change goes on" in OutboxEntry.objects.get(entity="enrollment").error

    identities.link(SyncConflict.objects.get(), by=root)
    assert push_one() == "done"

    made = Enrollment.objects.get(pk=OutboxEntry.objects.get(entity="enrollment").object_id)
    assert site.enrollments[made.thinkific_id].user_id == anew.new
