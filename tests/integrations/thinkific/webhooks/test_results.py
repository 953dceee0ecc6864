import pytest

from core.models import Quiz, QuizResult, User
from integrations.models import InboundEvent
from tests.integrations.thinkific.webhooks.conftest import envelope, of

Status = InboundEvent.Status
ANA = {"id": 77, "email": "ana@acme.example", "first_name": "Ana", "last_name": "Ames"}


@pytest.fixture(autouse=True)
def ana_there(connected, db):
    connected.site.write("put", kind="users", row=ANA)


def attempted(attempts=1, correct=8, grade=80, event_id=None, created_at=None, **more):
    payload = {
        "attempts": attempts,
        "correct_count": correct,
        "incorrect_count": 10 - correct,
        "grade": grade,
        "result_id": 88001,
        "quiz": {"id": 6601, "name": "Final quiz"},
        "user": ANA,
        **more,
    }
    return envelope(
        "quiz.attempted", payload, event_id=event_id or f"attempt-{attempts}", created_at=created_at
    )


def test_a_result_arrives_with_its_quiz_and_its_student(deliver, work, asked):
    deliver([attempted(created_at="2026-03-10T10:00:00Z")])
    assert work() == {"processed": 1}

    result = QuizResult.objects.get(thinkific_id=88001)
    assert (result.attempts, result.correct_count, result.incorrect_count, result.grade) == (1, 8, 2, 80)
    assert result.completed_at.isoformat() == "2026-03-10T10:00:00+00:00"
    assert result.passed is None  # nobody has told the passing score
    assert (result.quiz.thinkific_id, result.quiz.name) == (6601, "Final quiz")
    assert result.user.email == "ana@acme.example"
    assert result.user.last_activity_at == result.completed_at
    assert asked() == 1  # who she is: she was not here

    deliver([attempted(attempts=2)])
    work()
    assert asked() == 0


@pytest.mark.parametrize(("grade", "passed"), [(79, False), (80, True)])
def test_a_known_passing_score_decides(deliver, work, grade, passed):
    Quiz.objects.create(thinkific_id=6601, name="Our name", passing_score=80)

    deliver([attempted(grade=grade)])
    work()

    assert QuizResult.objects.get().passed is passed
    assert str(Quiz.objects.get().passing_score) == "80.00"
    assert Quiz.objects.get().name == "Our name"


def test_without_a_grade_the_answers_decide(deliver, work):
    Quiz.objects.create(thinkific_id=6601, name="Final quiz", passing_score=80)

    deliver([attempted(grade=None, correct=8)])
    work()

    assert QuizResult.objects.get().passed is True


def test_a_quiz_without_a_passing_mark_is_passed_as_thinkific_says_of_others(deliver, work, bo):
    quiz = Quiz.objects.create(thinkific_id=6601, name="First check")
    QuizResult.objects.create(quiz=quiz, user=bo, passed=True)

    deliver([attempted(grade=10, correct=1)])
    work()

    assert QuizResult.objects.get(thinkific_id=88001).passed is True


def test_a_passing_score_that_becomes_known_later_judges_what_came_before(
    connected, in_step, happened, deliver, work, pull
):
    """The passing score comes with the content of the course, before results are pulled."""
    site = connected.site
    quiz = next(q for q in site.quizzes.listing if q["passing_score"])
    row = site.enrollments.listing[0]
    for number in (1, 2):
        site.write("attempt_quiz", enrollment_id=row.id, quiz_id=quiz["id"], correct=number)
    deliver(of(happened, "quiz.attempted"))
    work()
    result = QuizResult.objects.get(user__thinkific_id=row.user_id)
    assert result.passed is None

    pull("content")

    result.refresh_from_db()
    assert result.passed is False
    assert result.quiz.passing_score == quiz["passing_score"]
    before = list(Quiz.objects.order_by("pk").values())
    pull("quiz_results")
    pull("content")
    assert [one["passing_score"] for one in before] == list(
        Quiz.objects.order_by("pk").values_list("passing_score", flat=True)
    )


@pytest.mark.parametrize("together", [True, False])
def test_an_earlier_attempt_never_overwrites_a_later_one(deliver, work, together):
    events = [attempted(3, correct=10, grade=100), attempted(2, correct=1, grade=10), attempted(1, grade=5)]

    if together:
        deliver(events)
        work()
    else:
        for event in events:
            deliver([event])
            work()

    result = QuizResult.objects.get()
    assert (result.attempts, result.correct_count, result.grade) == (3, 10, 100)
    assert InboundEvent.objects.filter(outcome="A later attempt is stored; nothing changed.").count() == 2


def test_a_pulled_result_is_recognised_and_gets_its_grade(connected, happened, deliver, work, pull):
    pull("products")
    pull("users")
    pull("quiz_results")
    before = QuizResult.objects.count()
    site = connected.site
    submission = site.submissions.listing[0]
    row = next(e for e in site.enrollments.listing if e.user_id == submission.user_id)
    site.write("attempt_quiz", enrollment_id=row.id, quiz_id=submission.quiz_id, correct=3)

    deliver(happened)
    assert work() == {"processed": 1}

    assert QuizResult.objects.count() == before
    result = QuizResult.objects.get(thinkific_id=submission.id)
    assert (result.attempts, result.correct_count) == (submission.attempts, 3)
    assert result.grade == happened[0]["payload"]["grade"]
    assert result.passed == submission.passed


def test_a_pull_after_it_changes_nothing_but_the_moment(connected, happened, deliver, work, pull):
    pull("products")
    pull("users")
    pull("quiz_results")
    submission = connected.site.submissions.listing[0]
    row = next(e for e in connected.site.enrollments.listing if e.user_id == submission.user_id)
    connected.site.write("attempt_quiz", enrollment_id=row.id, quiz_id=submission.quiz_id, correct=3)
    deliver(happened)
    work()

    pull("quiz_results")
    result = QuizResult.objects.get(thinkific_id=submission.id)

    assert result.grade == happened[0]["payload"]["grade"]
    assert result.correct_count == 3


@pytest.mark.parametrize(
    "wrong", [{"result_id": None}, {"quiz": None}, {"user": None}, {"quiz": {"id": "q"}}]
)
def test_a_result_that_belongs_to_nobody_is_a_failure_that_says_so(deliver, work, wrong):
    (event,) = deliver([attempted(**wrong)])

    assert work() == {"failed": 1}

    assert not QuizResult.objects.exists()
    event.refresh_from_db()
    assert event.outcome


def test_counts_that_are_missing_are_none(deliver, work):
    deliver([attempted(attempts=None, grade="n/a", correct_count=None, incorrect_count=-3, event_id="x")])
    assert work() == {"processed": 1}

    result = QuizResult.objects.get()
    assert (result.attempts, result.correct_count, result.incorrect_count, result.grade) == (0, 0, 0, None)
    assert User.objects.filter(email="ana@acme.example").exists()
