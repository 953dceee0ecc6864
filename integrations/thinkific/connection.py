"""Test connection: which of Thinkific's three surfaces accept our credentials, and what is missing else."""

import time
from collections.abc import Callable

from core.wording import plural
from integrations.models import ConnectionState
from integrations.thinkific import connection_state
from integrations.thinkific.budget.request_budget import SharedBudget
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import GRAPHQL, REST, WEBHOOKS, Credentials
from integrations.thinkific.client.errors import CredentialsRefused, NotConfigured, ThinkificError
from integrations.thinkific.client.graphql.lists import site_info

# An administrator waits for the answer: no retries, and a time limit for all three requests together.
ALL_WITHIN = 10.0  # seconds
EACH_WITHIN = 4.0

COSTS = {
    REST: "Until it works nothing can be pulled or pushed.",
    WEBHOOKS: "Until it works, what changes in Thinkific arrives with the next scheduled pull: minutes "
    "later instead of seconds.",
    GRAPHQL: "Until it works there is no history of quiz results, no certificates, no content of courses "
    "made in the new course builder, and people cannot be removed from groups.",
}


def check_connection() -> list[ConnectionState]:
    """Send each surface its cheapest request, within 10 seconds for all, and store what it answered."""
    until = time.monotonic() + ALL_WITHIN
    client = ThinkificClient(
        Credentials.from_settings(),
        budget=SharedBudget.from_settings(longest_wait=EACH_WITHIN, until=until),
        interactive=True,
        retries=0,
        timeout=(EACH_WITHIN, EACH_WITHIN),
        seconds=EACH_WITHIN,
        until=until,
    )
    return [_check(surface, question, client) for surface, question in QUESTIONS.items()]


def _check(
    surface: str, question: Callable[[ThinkificClient], str], client: ThinkificClient
) -> ConnectionState:
    try:
        return connection_state.record(surface, ok=True, detail=question(client))
    except NotConfigured as error:
        return connection_state.record(surface, ok=False, detail=str(error))  # the error says it all
    except CredentialsRefused as error:
        return connection_state.record(surface, ok=False, detail=f"{error} {COSTS[surface]}")
    except ThinkificError as error:
        detail = f"{error} {COSTS[surface]} Try again in a minute."
        return connection_state.record(surface, ok=False, detail=detail, answered=False)


def _ask_rest(client: ThinkificClient) -> str:
    page = client.rest.courses_page(limit=1)
    return f"{page.total_items:,} courses there." if page.total_items is not None else "Courses can be read."


def _ask_webhooks(client: ThinkificClient) -> str:
    count = len(client.webhooks.all())
    if not count:
        return "It answers, but nothing is subscribed: changes arrive by the schedules, not within seconds."
    return f"{plural(count, 'subscription')}."


def _ask_graphql(client: ThinkificClient) -> str:
    site = site_info(client.graphql)
    return f"Signed in to {site.name}." if site.name else "The access token works."


QUESTIONS: dict[str, Callable[[ThinkificClient], str]] = {
    REST: _ask_rest,
    GRAPHQL: _ask_graphql,
    WEBHOOKS: _ask_webhooks,
}
