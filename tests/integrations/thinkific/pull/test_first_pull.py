"""The first pull of every kind: afterwards the stored rows equal Thinkific's, field by field."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.models import (
    Certificate,
    Chapter,
    Enrollment,
    GroupMembership,
    Lesson,
    Product,
    Quiz,
    QuizResult,
    ThinkificGroup,
    User,
)
from integrations.thinkific.sandbox import Scale, Site
from integrations.thinkific.sandbox.graphql.lessons import CONTENT_KINDS
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def thinkific_site():
    return Site.generate(
        Scale(users=60, courses=6, builder_courses=1, bundles=1, groups=3, bundle_holders=0.5), seed=2
    )


def moment(milliseconds):
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def parsed(text):
    return None if text is None else datetime.fromisoformat(text)


def test_people_are_stored_as_thinkific_has_them(pull, thinkific):
    thinkific.site.write("put", kind="users", row={"id": 90007, "email": "Mixed.CASE@Example.ORG"})

    pull("users")

    for theirs in thinkific.site.users:
        ours = User.objects.get(thinkific_id=theirs.id)
        assert ours.email == theirs.email.lower()
        assert (ours.first_name, ours.last_name) == (theirs.first_name or "", theirs.last_name or "")
        assert ours.company == (theirs.company or "")
        assert ours.external_source == (theirs.external_source or "")
        assert ours.thinkific_roles == list(theirs.roles)
        assert [field["value"] for field in ours.custom_profile_fields] == [v for _, v in theirs.profile]
        assert ours.thinkific_created_at == moment(theirs.created_at)
        assert ours.removed_at is None
        assert not ours.has_usable_password()
        assert not ours.is_staff
    assert User.objects.count() == len(thinkific.site.users)


def test_products_are_stored_with_bundles_in_their_order(pull, thinkific):
    site = thinkific.site
    bundle = site.bundles.listing[0]
    site.write("put", kind="bundles", row={"id": bundle["id"], "course_ids": bundle["course_ids"][::-1]})

    pull("products")

    for theirs in site.products:
        ours = Product.objects.get(thinkific_id=theirs["id"])
        built = theirs["productable_id"] in site.builder_courses and theirs["productable_type"] == "Course"
        assert ours.source == ("graphql" if built else "rest")
        assert (ours.productable_type, ours.productable_id) == (
            theirs["productable_type"],
            theirs["productable_id"],
        )
        assert (ours.name, ours.slug, ours.status) == (theirs["name"], theirs["slug"], theirs["status"])
        if not built:
            assert ours.price == Decimal(theirs["price"])
            assert ours.has_certificate == theirs["has_certificate"]
            assert ours.days_until_expiry == theirs["days_until_expiry"]
            assert (ours.hidden, ours.private) == (theirs["hidden"], theirs["private"])
    assert Product.objects.count() == len(site.products)
    items = Product.objects.bundles().get().bundle_items.order_by("position")
    assert [item.course.productable_id for item in items] == bundle["course_ids"][::-1]


def test_an_image_that_thinkific_names_without_its_host_gets_one(pull, thinkific):
    pull("products")

    addresses = set(Product.objects.exclude(card_image_url="").values_list("card_image_url", flat=True))
    assert addresses == {"https://harborlight.thinkific.com/assets/defaults/default-product-card.png"}


def test_enrollments_are_stored_with_dates_and_progress(pull, thinkific):
    site = thinkific.site
    for kind in ("products", "users", "enrollments"):
        assert pull(kind).status == "succeeded"

    for theirs in site.enrollments:
        ours = Enrollment.objects.select_related("user", "product").get(thinkific_id=theirs.id)
        assert ours.user.thinkific_id == theirs.user_id
        assert (ours.product.productable_type, ours.product.productable_id) == ("Course", theirs.course_id)
        assert ours.percentage_completed == Decimal(theirs.percentage_completed)
        assert ours.is_free_trial == (theirs.activated_at is None)
        for name in ("activated_at", "started_at", "completed_at", "expiry_date"):
            assert getattr(ours, name) == moment(getattr(theirs, name)), name
        assert ours.remote_updated_at == moment(theirs.updated_at)
        assert ours.thinkific_created_at == moment(theirs.created_at)
        assert ours.origin == "thinkific"
    in_builder_courses = [e for e in site.enrollments if e.course_id in site.builder_courses]
    assert in_builder_courses, "the site should have some, or this shows too little"


def test_who_holds_a_bundle_is_an_enrollment_of_its_own(pull, thinkific):
    site = thinkific.site
    for kind in ("products", "users", "enrollments"):
        pull(kind)

    bundle = site.bundles.listing[0]
    held = Enrollment.objects.filter(product__productable_type="Bundle").select_related("user")
    assert {e.user.thinkific_id for e in held} == set(site.holders[bundle["id"]])
    through = {e.id for e in site.bundle_enrollments(bundle["id"])}
    assert set(Enrollment.objects.exclude(via_bundle=None).values_list("thinkific_id", flat=True)) == through
    for ours in held:
        rows = [e for e in site.bundle_enrollments(bundle["id"]) if e.user_id == ours.user.thinkific_id]
        assert ours.thinkific_id is None
        assert ours.percentage_completed == pytest.approx(
            sum(Decimal(e.percentage_completed) for e in rows) / len(rows), abs=Decimal("0.0001")
        )
        finished = all(e.completed_at for e in rows)
        assert ours.completed_at == (moment(max(e.completed_at for e in rows)) if finished else None)
        forever = any(e.expiry_date is None for e in rows)
        assert ours.expiry_date == (None if forever else moment(max(e.expiry_date for e in rows)))


def test_content_is_stored_in_order_with_its_types(pull, thinkific):
    site = thinkific.site
    pull("products")
    pull("content")

    for course in site.courses:
        chapters = Chapter.objects.filter(product__productable_id=course["id"]).order_by("position")
        assert [c.thinkific_id for c in chapters] == course["chapter_ids"]
        for ours in chapters:
            theirs = site.chapters[ours.thinkific_id]
            assert (ours.name, ours.position) == (theirs["name"], theirs["position"])
            lessons = ours.lessons.order_by("position")
            assert [lesson.thinkific_id for lesson in lessons] == theirs["content_ids"]
            for lesson in lessons:
                assert lesson.name == site.contents[lesson.thinkific_id]["name"]
                assert lesson.content_type
                quiz = site.quiz_of_content.get(lesson.thinkific_id)
                assert (lesson.quiz.thinkific_id if lesson.quiz else None) == quiz
    assert Lesson.objects.count() == len(site.contents)


def test_content_without_a_token_comes_over_rest(pull, thinkific, settings):
    settings.THINKIFIC_ACCESS_TOKEN = ""
    site = thinkific.site
    pull("products")
    pull("content")

    shown = [c for c in site.courses if c["id"] not in site.builder_courses]
    contents = [i for c in shown for ch in c["chapter_ids"] for i in site.chapters[ch]["content_ids"]]
    assert set(Lesson.objects.values_list("thinkific_id", flat=True)) == set(contents)
    words = {rest: word.removesuffix("Content").upper() for rest, word in CONTENT_KINDS.items()}
    for lesson in Lesson.objects.all():
        theirs = site.contents[lesson.thinkific_id]
        assert lesson.content_type == words[theirs["contentable_type"]]
        assert (lesson.position, lesson.free) == (theirs["position"], theirs["free"])
        assert lesson.take_url == theirs["take_url"]


def test_accounts_were_created_when_thinkific_says_so(pull, thinkific):
    known = next(iter(thinkific.site.enrollments)).user_id
    pull("products")
    pull("enrollments")  # which tell of people without saying when their accounts were made
    assert User.objects.get(thinkific_id=known).thinkific_created_at is None

    pull("users")

    for ours in User.objects.filter(thinkific_id__isnull=False):
        assert ours.created_at == moment(thinkific.site.users[ours.thinkific_id].created_at), ours


def test_an_account_made_here_keeps_its_date(pull, thinkific):
    theirs = next(iter(thinkific.site.users))
    mine = UserFactory(email=theirs.email, created_at=datetime(2019, 5, 4, tzinfo=UTC))

    pull("users")

    mine.refresh_from_db()
    assert mine.thinkific_id == theirs.id
    assert mine.created_at == datetime(2019, 5, 4, tzinfo=UTC)


def test_groups_are_stored_with_their_members(pull, thinkific):
    site = thinkific.site
    pull("groups")

    for theirs in site.groups:
        ours = ThinkificGroup.objects.get(thinkific_id=theirs["id"])
        assert (ours.name, ours.token) == (theirs["name"], theirs["token"])
        assert ours.thinkific_created_at == parsed(theirs["created_at"])
        assert ours.last_synced_at is not None
        members = GroupMembership.objects.filter(group=ours).values_list("user__thinkific_id", flat=True)
        assert set(members) == set(site.members[theirs["id"]])


def test_quiz_results_belong_to_a_person_a_quiz_and_its_course(pull_everything, thinkific):
    site = thinkific.site
    pull_everything()

    assert QuizResult.objects.count() == len(site.submissions)
    course_of = {
        quiz: site.course_of_chapter[site.contents[content]["chapter_id"]]
        for content, quiz in site.quiz_of_content.items()
    }
    for theirs in site.submissions:
        ours = QuizResult.objects.select_related("quiz__product", "user").get(thinkific_id=theirs.id)
        assert ours.user.thinkific_id == theirs.user_id
        assert ours.quiz.thinkific_id == theirs.quiz_id
        assert ours.quiz.product.productable_id == course_of[theirs.quiz_id]
        assert (ours.attempts, ours.correct_count, ours.incorrect_count, ours.passed) == (
            theirs.attempts,
            theirs.correct_count,
            theirs.incorrect_count,
            theirs.passed,
        )
        if theirs.completed_at is None:
            assert ours.completed_at is None
        else:  # GraphQL tells seconds
            assert ours.completed_at == moment(theirs.completed_at // 1000 * 1000)
    for quiz in Quiz.objects.exclude(results=None):
        assert quiz.name == site.quizzes[quiz.thinkific_id]["name"]
        assert quiz.passing_score == site.quizzes[quiz.thinkific_id]["passing_score"]


def test_certificates_are_stored_with_an_address(pull_everything, thinkific):
    site = thinkific.site
    pull_everything()

    assert Certificate.objects.count() == len(site.certificates)
    for theirs in site.certificates:
        ours = Certificate.objects.select_related("user", "product").get(credential_id=theirs.issued_id)
        assert ours.user.thinkific_id == theirs.user_id
        assert ours.product.productable_id == theirs.course_id
        assert ours.issued_at == moment(theirs.issued_at // 1000 * 1000)
        assert ours.url.startswith("https://")
        assert theirs.issued_id in ours.url or str(theirs.id) in ours.url


def test_a_site_that_speaks_the_older_graphql_is_pulled_the_same(pull_everything, thinkific):
    thinkific.set_options(graphql_names="old", graphql_ids="base64")

    runs = pull_everything()

    assert {run.status for run in runs.values()} == {"succeeded"}
    assert Certificate.objects.count() == len(thinkific.site.certificates)
    assert Product.objects.filter(source="graphql").count() == 1
