"""Faults of Thinkific and the network: the run completes or says why not, and nothing is stored twice."""

import time

import pytest
from django.db import connection

from core.models import Certificate, Enrollment, Product, QuizResult, User
from integrations.models import ConnectionState, SyncRun
from integrations.thinkific.kinds import PULLS
from integrations.thinkific.runs.lifecycle import resume
from integrations.thinkific.sandbox import Scale
from tests.integrations.thinkific.running import go_on

pytestmark = pytest.mark.django_db
SCALE = Scale(users=60, courses=4, builder_courses=1, bundles=1, groups=2)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", 10)


def stored(site):
    """Check that all rows of the site are stored once, and no others."""
    assert sorted(User.objects.values_list("thinkific_id", flat=True)) == sorted(site.users.ids())
    ours = Enrollment.objects.filter(thinkific_id__isnull=False).values_list("thinkific_id", flat=True)
    assert sorted(ours) == sorted(site.enrollments.ids())
    assert Product.objects.count() == len(site.products)
    assert QuizResult.objects.count() == len(site.submissions)
    assert Certificate.objects.count() == len(site.certificates)


TROUBLE = {
    "429": {"every": 5, "next": 4, "path": "/v1/"},
    "500": {"every": 4},
    "520": {"every": 4},
    "reset": {"every": 4},
    "truncate": {"every": 4},
    "graphql_error": {"every": 4},
}


@pytest.mark.parametrize("kind", TROUBLE)
def test_occasional_errors_cost_only_time(pull_everything, thinkific, kind, settings):
    thinkific.set_options(rate_limit=100_000, rate_window=0.5)  # so that a 429 tells for how long
    settings.THINKIFIC_RATE_WINDOW = 0.5
    thinkific.faults.add(kind, **TROUBLE[kind])

    runs = pull_everything()

    assert {run.status for run in runs.values()} == {"succeeded"}, [run.errors for run in runs.values()]
    assert thinkific.stats.faults[kind] > 0
    thinkific.faults.clear()
    stored(thinkific.site)


def test_an_answer_that_never_comes_is_asked_for_again(pull, thinkific, settings):
    settings.THINKIFIC_TIMEOUT = (0.3, 0.3)
    thinkific.faults.add("stall", seconds=1.0, next=2, path="v1/users")

    run = pull("users")

    assert (run.status, run.created) == ("succeeded", 60)


@pytest.mark.parametrize("kind", PULLS)
def test_what_never_works_ends_soon_and_says_so(pull_everything, pull, thinkific, kind):
    pull_everything()
    thinkific.faults.add("500")
    started = time.monotonic()

    run = pull(kind)

    assert time.monotonic() - started < 10
    assert run.status in ("failed", "partial")
    assert "500" in run.errors[0]["message"]
    assert "resume" in run.errors[0]["message"]
    assert run.requests < 50
    assert run.removed == 0
    thinkific.faults.clear()
    stored(thinkific.site)


def test_a_run_that_gave_up_goes_on_where_it_was(pull, thinkific, root):
    thinkific.faults.add("500", path="users.*page=4")
    run = pull("users")
    assert (run.status, run.created) == ("partial", 30)
    thinkific.faults.clear()
    thinkific.reset_stats()

    resume(run, by=root)
    run = go_on(run)

    assert (run.status, run.errors, run.created) == ("succeeded", [], 60)
    assert thinkific.stats.total == 3


def test_a_wrong_key_is_one_clear_error_and_few_requests(pull_everything, thinkific, settings):
    settings.THINKIFIC_API_KEY = "0" * 32

    runs = pull_everything()

    for kind in ("products", "users", "enrollments", "groups"):
        assert runs[kind].status == "failed"
        assert len(runs[kind].errors) == 1
        assert "refused THINKIFIC_API_KEY" in runs[kind].errors[0]["message"]
        assert runs[kind].requests == 1
        assert "0000" not in str(runs[kind].errors)
    state = ConnectionState.objects.get(surface="REST")
    assert not state.ok
    assert "THINKIFIC_API_KEY" in state.detail


def test_a_key_that_is_revoked_in_the_middle_stops_the_run_which_can_be_resumed(pull, thinkific, root):
    thinkific.faults.add("401", path="users.*page=(4|5|6)")

    run = pull("users")

    assert run.status == "failed"
    assert "401" in run.errors[0]["message"]
    assert run.requests <= 10
    assert not ConnectionState.objects.get(surface="REST").ok
    thinkific.faults.clear()
    resume(run, by=root)
    assert (go_on(run).status, User.objects.filter(thinkific_id__isnull=False).count()) == ("succeeded", 60)
    assert ConnectionState.objects.get(surface="REST").ok


# --- without GraphQL -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["quiz_results", "certificates"])
def test_without_a_token_results_say_what_is_missing_and_ask_nothing(pull, thinkific, settings, kind):
    settings.THINKIFIC_ACCESS_TOKEN = ""

    run = pull(kind)

    assert (run.status, run.requests, thinkific.stats.total) == ("partial", 0, 0)
    assert "THINKIFIC_ACCESS_TOKEN" in run.errors[0]["message"]


def test_without_a_token_products_are_those_of_rest(pull, thinkific, settings):
    settings.THINKIFIC_ACCESS_TOKEN = ""

    run = pull("products")

    assert run.status == "succeeded"
    assert Product.objects.count() == len(thinkific.site.products) - 1
    assert not any("graphql" in name for name in thinkific.stats.by_endpoint)


def test_a_refused_token_costs_what_only_graphql_knows(pull_everything, thinkific, settings):
    settings.THINKIFIC_ACCESS_TOKEN = "wrong" * 10

    runs = pull_everything()

    assert {kind: run.status for kind, run in runs.items()} == {
        "products": "partial",
        "content": "partial",
        "users": "succeeded",
        "enrollments": "succeeded",
        "groups": "succeeded",
        "quiz_results": "failed",
        "certificates": "failed",
    }
    assert "new course builder" in runs["products"].errors[0]["message"]
    assert "over REST" in runs["content"].errors[0]["message"]
    assert runs["content"].created > 0
    assert runs["quiz_results"].requests == 1
    states = dict(ConnectionState.objects.values_list("surface", "ok"))
    assert states == {"REST": True, "GraphQL": False}


def test_a_token_that_is_refused_later_removes_nothing(pull_everything, thinkific, settings):
    pull_everything()
    settings.THINKIFIC_ACCESS_TOKEN = "wrong" * 10

    pull_everything()

    stored(thinkific.site)
    assert not Product.objects.filter(removed_at__isnull=False).exists()
    assert Product.objects.filter(source="graphql").get().chapters.filter(removed_at=None).exists()
    assert not SyncRun.objects.filter(removed__gt=0).exists()


def refuse(condition: str) -> None:
    """Make the database refuse rows of people for whom the condition is true."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"ALTER TABLE core_user ADD CONSTRAINT refused CHECK (NOT ({condition}))")
            return
        for event in ("INSERT", "UPDATE"):
            cursor.execute(
                f"CREATE TRIGGER refused_{event} BEFORE {event} ON core_user WHEN NEW.{condition} "
                "BEGIN SELECT RAISE(ABORT, 'refused'); END"
            )


def test_a_new_row_that_the_database_refuses_is_left_out_of_its_page_and_told(pull, thinkific):
    everybody = sorted(thinkific.site.users.ids())
    refused = everybody[7]
    refuse(f"thinkific_id = {refused}")

    run = pull("users")

    assert run.status == "partial"
    assert (run.created, run.failed) == (len(everybody) - 1, 1)
    assert sorted(User.objects.values_list("thinkific_id", flat=True)) == [
        number for number in everybody if number != refused
    ]
    (error,) = run.errors
    assert error["object"] == f"User {refused}"
    assert error["message"].startswith("The database refuses it: ")


def test_so_is_a_changed_one_and_the_history_tells_of_the_others(pull, thinkific):
    refuse("first_name = 'Refused'")
    pull("users")
    one, other = sorted(thinkific.site.users.ids())[:2]
    for number, name in ((one, "Refused"), (other, "Taken")):
        thinkific.site.write("update_user", user_id=number, fields={"first_name": name})

    run = pull("users")

    assert (run.status, run.updated, run.failed) == ("partial", 1, 1)
    names = User.objects.filter(thinkific_id__in=[one, other]).order_by("thinkific_id")
    assert [user.first_name == "Taken" for user in names] == [False, True]
    reasons = User.history.filter(thinkific_id=other).values_list("history_change_reason", flat=True)
    assert reasons.latest("history_id") == f"Thinkific, run {run.pk}"
