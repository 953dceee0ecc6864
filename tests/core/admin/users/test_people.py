"""The list of users and the detail page of one, as an administrator sees them."""

import pytest
from django.urls import reverse

from core.models import User
from tests.factories import EnrollmentFactory, UserFactory

LIST = reverse("admin:core_user_changelist")


@pytest.fixture
def office(root, signed_in):
    return signed_in(root)


def detail(user: User, tab: str = "") -> str:
    url = reverse("admin:core_user_change", args=[user.pk])
    return f"{url}?tab={tab}" if tab else url


def test_the_list_has_the_columns_of_the_specification(office):
    page = office.get(LIST).content.decode()

    for heading in ["Name", "Email", "Thinkific ID", "Created At", "Actions"]:
        assert f'data-label="{heading}"' in page


@pytest.mark.parametrize("word", ["ana", "AMES", "@acme.example ana", "ana@acme", "4711"])
def test_a_user_is_found_by_part_of_name_or_email_or_by_thinkific_id(office, ana, otto, word):
    User.objects.filter(pk=ana.pk).update(thinkific_id=4711)

    page = office.get(LIST, {"q": word}).content.decode()

    assert "ana@acme.example" in page
    assert "otto@globex.example" not in page


def test_every_tab_of_a_user_opens(office, ana):
    for tab in ["", "enrollments", "quizzes", "teams", "groups"]:
        assert office.get(detail(ana, tab)).status_code == 200


def test_the_enrollments_tab_shows_course_and_progress(office, ana, accounting):
    EnrollmentFactory(user=ana, product=accounting, percentage_completed="0.42")

    page = office.get(detail(ana, "enrollments")).content.decode()

    assert "Accounting 101" in page
    assert "42&nbsp;%" in page


def test_a_person_who_is_not_in_thinkific_is_said_to_be_so(office):
    UserFactory(thinkific_id=None)

    assert "Not in Thinkific" in office.get(LIST).content.decode()
