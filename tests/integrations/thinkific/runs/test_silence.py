"""The state of the connection: after requests that failed with 5xx, every page says that it does not work."""

import pytest

from core.services import people
from core.services.outbox import claims
from integrations.models import ConnectionState
from integrations.thinkific import connection_state
from integrations.thinkific.budget.request_budget import SharedBudget
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.push import outcomes
from integrations.thinkific.sandbox.web.faults import Fault

pytestmark = pytest.mark.django_db


def rest() -> tuple[bool, bool, str]:
    state = ConnectionState.objects.get(surface="REST")
    return state.ok, state.answered, state.detail


def test_a_run_that_500_has_ended_says_that_rest_does_not_work(pull, thinkific):
    assert pull("groups").status == "succeeded"
    assert rest()[0]
    thinkific.faults.install(Fault(kind="500", path="/groups"))

    assert pull("groups").status == "failed"

    ok, answered, detail = rest()
    assert (ok, answered) == (False, False)
    assert "GET /groups answered 500" in detail

    thinkific.faults.clear()
    assert pull("groups").status == "succeeded"
    assert rest()[:2] == (True, True)


def test_errors_of_graphql_are_noted_for_graphql_only(pull, thinkific):
    pull("products")
    thinkific.faults.install(Fault(kind="500", path="graphql"))

    pull("quiz_results")

    assert not ConnectionState.objects.get(surface="GraphQL").ok
    assert rest()[0]


def test_a_row_that_thinkific_refuses_says_nothing_of_the_connection(pull, thinkific):
    pull("groups")
    thinkific.faults.install(Fault(kind="404", path="/groups"))

    pull("groups")

    assert rest()[0]


@pytest.mark.parametrize(("attempts", "works"), [(1, True), (5, False)])
def test_a_push_notes_an_outage_that_lasts(thinkific, connected, attempts, works):
    connection_state.record("REST", ok=True, detail="")
    people.create_user(email="new@people.example")
    thinkific.faults.install(Fault(kind="500", path="/users"))
    [[entry]] = claims.claim(1)
    entry.attempts = attempts

    with SharedBudget.from_settings().slots(want=2, interactive=True) as slots:
        client = ThinkificClient(Credentials.from_settings(), budget=slots, interactive=True, retries=0)
        result = outcomes.push(entry, client)

    assert result.name == "retried"
    if result.no_answer is not None:
        connection_state.note_no_answer(result.no_answer)
    assert rest()[0] is works
