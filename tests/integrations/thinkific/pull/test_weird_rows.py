"""Rows with values that no document allows: they are stored or reported, and the other rows are stored."""

import pytest

from core.models import Enrollment, Product, QuizResult, ThinkificGroup, User

pytestmark = pytest.mark.django_db

LONG = "x" * 10_000
NOTHING = dict.fromkeys(
    (
        "first_name",
        "last_name",
        "full_name",
        "company",
        "roles",
        "external_source",
        "created_at",
        "avatar_url",
    )
)


def put(thinkific, kind, **row):
    return thinkific.site.write("put", kind=kind, row=row)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        (NOTHING | {"custom_profile_fields": None}, ""),
        ({"first_name": "محمد", "last_name": "עברית"}, "محمد עברית"),
        ({"first_name": "A\x00na", "last_name": "Ames"}, "Ana Ames"),
        ({"first_name": "👩‍🚀", "last_name": "😀"}, "👩‍🚀 😀"),
        ({"first_name": LONG, "last_name": ""}, "x" * 255),
        ({"first_name": None, "last_name": None, "full_name": "Only One Name"}, "Only One Name"),
        ({"first_name": 7, "last_name": "Eleven"}, "7 Eleven"),
        ({"created_at": "not a date"}, None),
        ({"created_at": "0001-01-01T00:00:00+05:00"}, ""),
        ({"created_at": "9999-12-31T23:59:59-05:00"}, ""),
        ({"id": "90005"}, ""),
        ({"roles": ["made_up", "\x00"]}, ""),
        ({"custom_profile_fields": [{"label": "a\x00b", "value": {"deep": 1}}]}, None),
        ({"custom_profile_fields": [{"label": "a\x00b", "value": "c\x00d"}]}, ""),
        ({"email": "UPPER.\x00Case@Example.org"}, ""),
        ({"email": "e" * 300 + "@example.org"}, None),
        ({"email": ""}, None),
        ({"email": ["list"]}, None),
    ],
)
def test_one_unusable_person_does_not_stop_the_others(pull, thinkific, fields, name):
    put(thinkific, "users", **({"id": 90005} | {k: v for k, v in fields.items() if k != "id"}))
    if "id" in fields:
        thinkific.site.users[90005].raw["id"] = fields["id"]

    run = pull("users")

    others = User.objects.filter(thinkific_id__isnull=False).exclude(thinkific_id=90005)
    assert others.count() == 39
    if name is None:
        assert (run.status, run.failed) == ("partial", 1)
        assert "90005" in run.errors[0]["object"]
        assert run.errors[0]["message"]
    else:
        assert run.status == "succeeded", run.errors
        user = User.objects.get(thinkific_id=90005)
        assert name in ("", user.name)
        assert user.email == user.email.lower()
    again = pull("users")
    assert again.created == again.updated == 0


def test_a_name_that_was_cut_is_reported_on_the_run(pull, thinkific):
    put(thinkific, "users", id=90005, first_name=LONG)

    run = pull("users")

    assert run.status == "succeeded"
    assert run.errors == [
        {
            "object": "User 90005",
            "message": "The first name has 10,000 characters; the first 255 are kept here.",
        }
    ]


def test_two_people_with_one_address_are_one_account_and_one_report(pull, thinkific):
    email = thinkific.site.users[90005].email
    number = put(thinkific, "users", email=email.upper())

    run = pull("users")

    assert (run.status, run.failed, run.created) == ("partial", 1, 40)
    assert run.errors[0]["object"] == f"User {number}"
    assert User.objects.get(email=email).thinkific_id == 90005


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        (
            dict.fromkeys(
                ("percentage_completed", "activated_at", "started_at", "updated_at", "course_name")
            ),
            True,
        ),
        ({"percentage_completed": "24.0"}, True),
        ({"percentage_completed": "junk"}, True),
        ({"percentage_completed": -3}, True),
        ({"percentage_completed": "1e999"}, True),
        ({"percentage_completed": "NaN"}, True),
        ({"expiry_date": "2030-01-01"}, True),
        ({"expiry_date": "2030-02-31T00:00:00Z"}, False),
        ({"updated_at": "2020-02-27T21:32:33.62583953-05:00"}, True),
        ({"user_id": None}, False),
        ({"course_id": None}, False),
        ({"course_id": "3001"}, True),
        ({"user_id": 2**70}, False),
    ],
)
def test_one_strange_enrollment_costs_no_other(pull, thinkific, fields, stored):
    for kind in ("products", "users"):
        pull(kind)
    chosen = thinkific.site.enrollments_in[3001][0]
    put(thinkific, "enrollments", id=chosen.id, **fields)

    run = pull("enrollments")

    others = Enrollment.objects.filter(thinkific_id__isnull=False).exclude(thinkific_id=chosen.id)
    assert others.count() == 159
    found = Enrollment.objects.filter(thinkific_id=chosen.id).first()
    assert (found is not None) is stored, run.errors
    if stored:
        assert 0 <= found.percentage_completed <= 1
        assert run.status == "succeeded"
    else:
        assert run.status == "partial"
        assert run.errors[0]["object"] == f"Enrollment {chosen.id}"
    again = pull("enrollments")
    assert again.created == again.updated == 0


def test_an_enrollment_of_somebody_unknown_brings_person_and_course(pull, thinkific):
    fields = {"user_email": "New.Face@example.org", "user_name": "New Face", "course_name": "A course"}
    number = put(thinkific, "enrollments", user_id=77, course_id=88, **fields)

    run = pull("enrollments")

    enrollment = Enrollment.objects.get(thinkific_id=number)
    assert run.status == "succeeded"
    assert (enrollment.user.email, enrollment.user.name) == ("new.face@example.org", "New Face")
    assert (enrollment.product.name, enrollment.product.source) == ("A course", "enrollment")


@pytest.mark.parametrize("updated_at", ["2026-01-01T00:00:00Z", None])
def test_of_two_enrollments_of_a_pair_one_is_kept_every_time(pull, thinkific, updated_at, monkeypatch):
    monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", 10)
    pull("users")
    one = thinkific.site.enrollments.listing[0]
    put(thinkific, "enrollments", id=one.id, updated_at=updated_at)
    other = put(thinkific, "enrollments", user_id=one.user_id, course_id=one.course_id, updated_at=updated_at)

    run = pull("enrollments")
    kept = Enrollment.objects.get(user__thinkific_id=one.user_id, product__productable_id=one.course_id)

    assert (run.status, run.skipped) == ("succeeded", 1)
    assert run.errors[0]["object"] == f"Enrollment {({one.id, other} - {kept.thinkific_id}).pop()}"
    again = pull("enrollments")
    assert (again.created, again.updated, again.skipped, again.removed) == (0, 0, 1, 0)


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({"price": "free!"}, True),
        ({"price": "1e40"}, True),
        ({"price": None, "name": None, "slug": None, "status": None}, True),
        ({"name": LONG, "status": "archived_somehow"}, True),
        ({"productable_type": "Community"}, False),
        ({"productable_id": None}, False),
        ({"days_until_expiry": 10**12}, False),
        ({"has_certificate": "perhaps"}, False),
        ({"position": "first"}, True),  # nothing reads it
    ],
)
def test_one_strange_product_costs_no_other(pull, thinkific, fields, stored, settings):
    settings.THINKIFIC_ACCESS_TOKEN = ""
    thinkific.site.products[4001].update(fields)

    run = pull("products")

    assert Product.objects.filter(thinkific_id__isnull=False).exclude(thinkific_id=4001).count() == 6
    assert Product.objects.filter(thinkific_id=4001).exists() is stored
    if not stored:
        assert run.errors[0]["object"] == "Product 4001"


def test_a_group_without_a_name_gets_one(pull, thinkific):
    thinkific.site.groups.listing[0].update(name=None, token=None, created_at=None)

    assert pull("groups").status == "succeeded"
    assert ThinkificGroup.objects.filter(name__startswith="Group ").exists()


def test_empty_results_leave_the_stored_ones_and_impossible_values_are_reported(
    pull_everything, pull, thinkific
):
    pull_everything()
    first, second, *_ = thinkific.site.submissions
    attempts = [first.attempts, second.attempts]
    assert all(attempts)
    first.attempts = first.correct_count = -5
    second.attempts = None
    second.passed = None
    thinkific.site.version += 1

    run = pull("quiz_results")

    assert run.status == "succeeded"
    assert run.unchanged == len(thinkific.site.submissions) - 1
    kept = dict(QuizResult.objects.values_list("thinkific_id", "attempts"))
    assert [kept[first.id], kept[second.id]] == attempts
    assert [error["object"] for error in run.errors] == [f"Quiz result {first.id}"] * 2
    assert "The number of attempts is -5" in run.errors[0]["message"]
