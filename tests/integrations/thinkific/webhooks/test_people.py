import pytest

from core.models import Enrollment, Membership, OutboxEntry, SiteSettings, UnreadRecords, User
from core.services.accounts import deletions
from integrations.models import InboundEvent, SyncConflict, SyncRun
from integrations.thinkific.pull import unread
from integrations.thinkific.webhooks.handlers import people as handler
from tests.integrations.thinkific.running import go_on
from tests.integrations.thinkific.webhooks.conftest import envelope, of

Status = InboundEvent.Status
LEE = {"email": "mary@lee.example", "first_name": "Mary Ann", "last_name": "Lee"}


@pytest.fixture
def someone(connected, in_step):
    return connected.site.users.listing[0]


def test_a_sign_up_brings_the_person(connected, in_step, happened, deliver, work):
    user = connected.site.write("create_user", fields=LEE)

    (event,) = deliver(happened)
    assert work() == {"processed": 1}

    person = User.objects.get(thinkific_id=user.id)
    assert (person.email, person.first_name, person.last_name) == (LEE["email"], "Mary Ann", "Lee")
    event.refresh_from_db()
    assert event.outcome == "Read from Thinkific and stored."


def test_a_sign_up_links_the_account_that_has_the_e_mail(connected, in_step, happened, deliver, work, ana):
    user = connected.site.write("create_user", fields={**LEE, "email": "ANA@acme.example"})

    deliver(happened)
    work()

    ana.refresh_from_db()
    assert ana.thinkific_id == user.id
    assert ana.first_name == "Mary Ann"


def test_an_update_stores_what_thinkific_has_now_and_not_what_the_event_says(
    connected, someone, happened, deliver, work
):
    for name in ("First", "Second"):
        connected.site.write("update_user", user_id=someone.id, fields={"first_name": name})

    deliver(happened[::-1])
    work()

    assert User.objects.get(thinkific_id=someone.id).first_name == "Second"


def test_an_update_with_nothing_but_an_id_is_enough(connected, someone, happened, deliver, work):
    connected.site.write("update_user", user_id=someone.id, fields={"first_name": "Changed"})

    deliver([envelope("user.updated", {"id": someone.id, "email": "old@x.example"})])
    work()

    person = User.objects.get(thinkific_id=someone.id)
    assert person.first_name == "Changed"
    assert person.history.first().history_change_reason == "Thinkific, webhook"


def test_what_is_stored_already_costs_no_request(connected, someone, happened, deliver, work, asked, pull):
    connected.site.write("update_user", user_id=someone.id, fields={"first_name": "Changed"})
    pull("users")
    asked()

    (event,) = deliver(happened)
    work()

    event.refresh_from_db()
    assert event.outcome == "Stored already; nothing changed."
    assert asked() == 0


def test_somebody_deleted_is_marked_and_not_deleted(connected, someone, happened, deliver, work):
    connected.site.write("delete_user", user_id=someone.id)

    deliver(happened)
    assert work() == {"processed": 1}

    person = User.objects.get(thinkific_id=someone.id)
    assert person.removed_at is not None
    assert person.is_active


@pytest.mark.parametrize("backwards", [False, True])
def test_a_whole_life_ends_in_being_gone_in_any_order(connected, in_step, happened, deliver, work, backwards):
    user = connected.site.write("create_user", fields=LEE)
    connected.site.write("update_user", user_id=user.id, fields={"first_name": "Mia"})
    connected.site.write("delete_user", user_id=user.id)

    for event in happened[::-1] if backwards else happened:
        deliver([event])
        work()

    assert not User.objects.filter(thinkific_id=user.id, removed_at__isnull=True).exists()
    assert not InboundEvent.objects.exclude(status=Status.PROCESSED).exists()


def test_a_sign_in_moves_the_last_activity_on_and_never_back(connected, someone, happened, deliver, work):
    late, early = "2026-03-02T10:00:00Z", "2026-03-01T10:00:00Z"
    events = [envelope("user.signin", {"id": someone.id}, event_id=at, created_at=at) for at in (late, early)]
    for event in events:
        deliver([event])
        assert work() == {"processed": 1}

    person = User.objects.get(thinkific_id=someone.id)
    assert person.last_activity_at.isoformat() == "2026-03-02T10:00:00+00:00"


def test_a_sign_in_from_the_future_counts_as_now(connected, someone, deliver, work):
    deliver([envelope("user.signin", {"id": someone.id}, created_at="2999-01-01T00:00:00Z")])
    work()

    assert User.objects.get(thinkific_id=someone.id).last_activity_at.year < 2100


def test_a_sign_in_of_a_stranger_brings_them_here(connected, in_step, happened, deliver, work):
    user = connected.site.write("create_user", fields=LEE)
    happened.clear()
    connected.site.write("sign_in", user_id=user.id)

    deliver(happened)
    work()

    assert User.objects.get(thinkific_id=user.id).last_activity_at is not None


def test_an_address_that_belongs_to_somebody_else_is_a_failure_that_says_so(
    connected, someone, happened, deliver, work
):
    """The account here that has the address has a password, so its login does not follow Thinkific's."""
    owner = User.objects.get(thinkific_id=someone.id)
    owner.set_password("quiet-harbour-lights-7")
    owner.save()
    connected.site.write("update_user", user_id=someone.id, fields={"email": "another@lee.example"})
    happened.clear()
    user = connected.site.write("create_user", fields={**LEE, "email": owner.email})

    (event,) = deliver(happened)
    work()

    event.refresh_from_db()
    assert event.status == Status.FAILED
    assert "already belongs to" in event.outcome
    assert not User.objects.filter(thinkific_id=user.id).exists()


class TestTheDefaultTeam:
    @pytest.fixture
    def joined(self, connected, in_step, acme):
        """`joined()` returns the addresses and roles of the team's members, without the owner."""
        SiteSettings.objects.update(default_team=acme)
        return lambda: set(acme.memberships.exclude(user=acme.owner).values_list("user__email", "role__code"))

    def test_who_signs_up_joins_it_at_once(self, connected, joined, happened, deliver, work):
        connected.site.write("create_user", fields=LEE)

        deliver(happened)
        work()

        assert joined() == {(LEE["email"], "student")}
        history = Membership.history.get(user__email=LEE["email"])
        assert history.history_change_reason == "Thinkific, webhook"

    @pytest.mark.parametrize("topic", ["enrollment.created", "quiz.attempted"])
    def test_so_does_somebody_whom_another_event_makes_known(
        self, connected, joined, happened, deliver, work, topic
    ):
        site = connected.site
        user = site.write("create_user", fields=LEE)
        quiz = site.quizzes.listing[0]["id"]
        enrollment = site.write(
            "enroll",
            user_id=user.id,
            course_id=site.courses.listing[0]["id"],
            dates={"activated_at": "2026-01-01T00:00:00Z"},
        )
        site.write("attempt_quiz", enrollment_id=enrollment.id, quiz_id=quiz, correct=1)

        deliver(of(happened, topic))
        assert work() == {"processed": 1}

        assert joined() == {(LEE["email"], "student")}

    def test_who_was_here_before_stays_where_an_administrator_put_them(
        self, connected, someone, joined, happened, deliver, work
    ):
        connected.site.write("update_user", user_id=someone.id, fields={"first_name": "Changed"})
        connected.site.write("sign_in", user_id=someone.id)

        deliver(happened)
        work()

        assert User.objects.get(thinkific_id=someone.id).first_name == "Changed"
        assert joined() == set()

    def test_nor_does_somebody_join_it_who_is_in_a_team_already(
        self, connected, joined, happened, deliver, work, otto
    ):
        connected.site.write("create_user", fields={**LEE, "email": otto.email})

        deliver(happened)
        work()

        assert User.objects.get(pk=otto.pk).thinkific_id is not None
        assert joined() == set()


def test_what_both_sides_changed_stays_ours_and_is_kept_as_a_conflict(
    connected, someone, happened, deliver, work
):
    person = User.objects.get(thinkific_id=someone.id)
    OutboxEntry.objects.create(
        entity="user", object_id=person.pk, reason="renamed", last_seen={"first_name": person.first_name}
    )
    person.first_name = "Ours"
    person.save()
    connected.site.write("update_user", user_id=someone.id, fields={"first_name": "Theirs"})

    for number in (1, 2):
        deliver([{**happened[0], "id": str(number)}])
        work()

    person.refresh_from_db()
    assert person.first_name == "Ours"
    conflict = SyncConflict.objects.get()
    assert (conflict.ours, conflict.theirs, conflict.run) == ("Ours", "Theirs", None)


def test_many_people_are_left_to_one_pull(connected, in_step, happened, deliver, work, asked, monkeypatch):
    monkeypatch.setattr(handler, "MANY", 3)
    for number in range(4):
        connected.site.write("create_user", fields={**LEE, "email": f"{number}@lee.example"})

    deliver(happened)
    assert work() == {"processed": 4}

    assert SyncRun.objects.get(status=SyncRun.Status.QUEUED).kind == "users"
    assert asked() == 0


@pytest.mark.parametrize("payload", [{}, {"id": None}, {"id": "x"}, {"id": -1}, [], "text", 5])
def test_a_person_without_an_id_is_a_failure_that_says_so(deliver, work, connected, payload):
    (event,) = deliver([envelope("user.updated", payload)])

    assert work() == {"failed": 1}

    event.refresh_from_db()
    assert "payload" in event.outcome


def test_who_comes_back_by_an_event_has_records_to_read(connected, in_step, happened, deliver, work):
    """Deleted here only; then the person changes their name in Thinkific."""
    user = Enrollment.objects.filter(via_bundle=None).order_by("pk").first().user
    number = user.thinkific_id
    enrolled = set(user.enrollments.exclude(thinkific_id=None).values_list("thinkific_id", flat=True))
    deletions.delete(user, confirmed=deletions.describe(user))
    connected.site.write("update_user", user_id=number, fields={"first_name": "Back"})
    deliver(happened)
    work()

    rows = UnreadRecords.objects.filter(user__thinkific_id=number)
    assert list(rows.values_list("kind", flat=True)) == ["enrollments"]  # of others nothing was ever pulled
    [run] = unread.ask_for_returned()
    assert go_on(run).status == "succeeded" and not rows.exists()
    back = Enrollment.objects.filter(user__thinkific_id=number).exclude(thinkific_id=None)
    assert set(back.values_list("thinkific_id", flat=True)) == enrolled
