"""Events about people and objects that are unknown here: Thinkific is asked before anything is stored."""

import pytest

from core.models import Enrollment, Product, Quiz, User
from integrations.models import InboundEvent, SyncRun
from integrations.thinkific.webhooks.handlers import unknown_people
from tests.integrations.thinkific.webhooks.conftest import envelope, of

Status = InboundEvent.Status
DATES = {"activated_at": "2026-01-01T00:00:00Z"}
SOMEBODY = {"id": 101, "email": "[TEST] a@example.com", "first_name": "[TEST] A", "last_name": "B"}
ENROLLMENT = {
    "id": 8,
    "course_id": 77,
    "course": {"id": 77, "name": "[TEST] lorem ipsum"},
    "percentage_completed": "0",
    "updated_at": "2014-02-01T00:18:10.768Z",
    "user": SOMEBODY,
}
TESTS = {
    "enrollment.created": ENROLLMENT,
    "enrollment.completed": ENROLLMENT | {"credential_id": "x1", "completed_at": "2014-02-01T00:18:10Z"},
    "lesson.completed": {"enrollment": {"id": 8}, "lesson": {"id": 5}, "user": SOMEBODY},
    "quiz.attempted": {"result_id": 5, "quiz": {"id": 3, "name": "[TEST] quiz"}, "user": SOMEBODY},
    "user.signup": SOMEBODY,
    "user.signin": SOMEBODY,
    "user.updated": SOMEBODY,
    "user.deleted": SOMEBODY,
    "product.created": {"id": 9, "name": "[TEST] lorem"},
    "course.deleted": {"id": 77, "name": "[TEST] lorem ipsum"},
}


def rows() -> list[int]:
    return [model.objects.count() for model in (User, Product, Quiz, Enrollment, SyncRun)]


def outcome(event) -> tuple[str, str]:
    event.refresh_from_db()
    return event.status, event.outcome


@pytest.mark.parametrize("topic", TESTS)
def test_a_test_of_thinkific_s_makes_nothing(in_step, deliver, work, topic):
    before = rows()

    (event,) = deliver([envelope(topic, TESTS[topic], created_at="2014-02-01T00:18:10.768Z")])
    work()

    assert outcome(event) == (Status.IGNORED, "A test event of Thinkific. Nothing was stored.")
    assert rows() == before


def test_an_address_that_is_a_test_s_needs_no_request(in_step, deliver, work, asked):
    deliver([envelope(topic, TESTS[topic], event_id=topic) for topic in TESTS if "user" in topic])
    work()

    assert asked() == 0


@pytest.mark.parametrize("topic", ["enrollment.created", "lesson.completed", "quiz.attempted", "user.signup"])
def test_so_does_an_event_about_somebody_whom_thinkific_does_not_know(in_step, deliver, work, topic, asked):
    person = {"id": 101, "email": "nobody@example.com", "first_name": "A", "last_name": "B"}
    payload = person if topic == "user.signup" else TESTS[topic] | {"user": person, "course": {"id": 3001}}
    payload = payload | ({"course_id": 3001} if "course_id" in payload else {})
    payload = payload | ({"quiz": {"id": 3, "name": "Quiz"}} if "quiz" in payload else {})
    before = rows()

    (event,) = deliver([envelope(topic, payload)])
    work()

    assert outcome(event)[0] in (Status.IGNORED, Status.PROCESSED)
    assert rows() == before
    assert asked() == 1


def test_somebody_known_in_a_course_of_which_thinkific_knows_nothing_makes_no_course(
    connected, in_step, deliver, work
):
    someone = connected.site.users.listing[0]
    payload = ENROLLMENT | {"course": {"id": 999_999, "name": "Made up"}, "course_id": 999_999}
    before = rows()

    (event,) = deliver([envelope("enrollment.created", payload | {"user": {"id": someone.id}})])
    work()

    assert outcome(event) == (Status.PROCESSED, "No longer in Thinkific.")
    assert rows() == before


def test_a_course_that_is_new_comes_whole_with_its_first_enrollment(
    connected, in_step, happened, deliver, work
):
    course = connected.site.write("add_course", name="Brand new")
    someone = connected.site.users.listing[0]
    connected.site.write("enroll", user_id=someone.id, course_id=course["id"], dates=DATES)

    deliver(of(happened, "enrollment.created"))
    assert work() == {"processed": 1}

    product = Product.objects.get(productable_type="Course", productable_id=course["id"])
    assert (product.name, product.source) == ("Brand new", Product.Source.REST)
    assert product.thinkific_id is not None
    assert product.enrollments.get().user.thinkific_id == someone.id


def test_a_course_of_the_new_builder_comes_with_its_enrollment_and_a_pull_brings_the_rest(
    connected, in_step, happened, deliver, work
):
    course = connected.site.write("add_course", name="Built anew", new_builder=True)
    someone = connected.site.users.listing[0]
    connected.site.write("enroll", user_id=someone.id, course_id=course["id"], dates=DATES)

    deliver(of(happened, "enrollment.created"))
    assert work() == {"processed": 1}

    product = Product.objects.get(productable_type="Course", productable_id=course["id"])
    assert (product.name, product.source) == ("Built anew", Product.Source.ENROLLMENT)
    assert SyncRun.objects.filter(kind="products", trigger=SyncRun.Trigger.WEBHOOK).exists()


def test_who_was_gone_is_asked_for_before_their_account_lives_again(
    connected, in_step, happened, deliver, work
):
    row = next(e for e in connected.site.enrollments.listing if e.activated_at)
    connected.site.write("move_progress", enrollment_id=row.id, percent=50)
    connected.site.write("delete_user", user_id=row.user_id)
    gone = User.objects.get(thinkific_id=row.user_id)
    gone.removed_at = "2026-01-01T00:00Z"
    gone.save()
    Enrollment.objects.filter(thinkific_id=row.id).delete()

    deliver(of(happened, "enrollment.progress"))
    assert work() == {"ignored": 1}

    assert not Enrollment.objects.filter(thinkific_id=row.id).exists()


def test_many_strangers_with_enrollments_are_left_to_one_pull(
    connected, in_step, happened, deliver, work, asked, monkeypatch
):
    monkeypatch.setattr(unknown_people, "MANY", 2)
    for number in range(5):
        fields = {"email": f"{number}@lee.example", "first_name": "Mary", "last_name": "Lee"}
        user = connected.site.write("create_user", fields=fields)
        connected.site.write("enroll", user_id=user.id, course_id=3001, dates=DATES)
    deliver(of(happened, "enrollment.created"))

    assert work() == {"processed": 5}

    assert User.objects.filter(email__endswith="@lee.example").count() == 2
    assert SyncRun.objects.get(status=SyncRun.Status.QUEUED).kind == "enrollments"
    assert asked() == 2


def test_without_an_answer_the_event_waits(connected, in_step, happened, deliver, work, settings):
    fields = {"email": "mary@lee.example", "first_name": "Mary", "last_name": "Lee"}
    user = connected.site.write("create_user", fields=fields)
    connected.site.write("enroll", user_id=user.id, course_id=3001, dates=DATES)
    settings.THINKIFIC_API_KEY = "another-key-of-thirty-two-charac"
    settings.THINKIFIC_ACCESS_TOKEN = ""

    (event,) = deliver(of(happened, "enrollment.created"))
    work()

    assert outcome(event)[0] == Status.RECEIVED
    assert not User.objects.filter(email="mary@lee.example").exists()
