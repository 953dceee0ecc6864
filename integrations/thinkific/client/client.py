"""Thinkific's API, typed. It knows HTTP and nothing else: no models, no rules, no transactions.

Every method may raise RetryLater (with RateLimited), CredentialsRefused or NotConfigured; those that name
one object raise NotFound, writes raise Rejected. See errors.py for what each asks of the caller.
"""

from collections.abc import Mapping
from typing import Any

from integrations.thinkific.client import schemas
from integrations.thinkific.client.answers import Answer
from integrations.thinkific.client.credentials import GRAPHQL, WEBHOOKS
from integrations.thinkific.client.decoding import load_json, read_rows
from integrations.thinkific.client.graphql.answers import GraphAnswer, read_graph_answer
from integrations.thinkific.client.graphql.observed import Learned
from integrations.thinkific.client.paging import Watch
from integrations.thinkific.client.rest import RestCalls


class ThinkificClient(RestCalls):
    """`ThinkificClient(credentials, budget=None, interactive=False, *, retries=3)`.

    The arguments are Transport's. REST calls are in rest.py; here are webhooks and GraphQL.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.spellings: dict[str, int] = {}  # which name of a renamed GraphQL field this site knows
        self.learned = Learned()
        self.looked: dict[int, float] = {}  # at whose enrollments we have just looked, and when (monotonic)

    # --- webhooks -----------------------------------------------------------------------------------------

    def list_webhooks(self) -> list[schemas.Subscription]:
        """All subscriptions of the site. Pages by cursor, unlike REST v1. Raises Endless."""
        watch = Watch()
        found: list[schemas.Subscription] = []
        cursors = [""]
        while True:
            params = {"limit": 25, "next": cursors[-1] or None}
            body = self.perform(
                "GET",
                "/webhooks",
                params,
                surface=WEBHOOKS,
                read=lambda answer: load_json(answer.body, answer.request),
            )
            rows = body.get("items") if isinstance(body, dict) else body
            here = read_rows(rows if isinstance(rows, list) else [], schemas.Subscription)[0]
            found += here
            meta = (body.get("meta") or {}).get("page") or {} if isinstance(body, dict) else {}
            cursor = str(meta.get("next_page") or "")
            if not meta.get("has_next") or not cursor or cursor in cursors:
                return found
            watch.look([hash(str(row.id)) for row in here], "The list of subscriptions")
            cursors.append(cursor)

    def create_webhook(self, topic: str, target_url: str) -> schemas.Subscription:
        body = {"topic": topic, "target_url": target_url}
        return self._create("/webhooks", body, schemas.Subscription, surface=WEBHOOKS)

    def delete_webhook(self, webhook_id: str) -> bool:
        """False when there was no such subscription any more."""
        return self._delete(f"/webhooks/{webhook_id}", surface=WEBHOOKS)

    # --- GraphQL ------------------------------------------------------------------------------------------

    def graphql(
        self,
        operation_name: str,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        cost: int = 25,
    ) -> dict[str, Any]:
        """The `data` of a query or mutation; `cost` is our estimate in points, corrected by the answer.

        Also raises TooExpensive, SchemaDrift and Rejected (user errors of a mutation included).
        """
        return self.graphql_answer(operation_name, query, variables, cost=cost).data

    def graphql_answer(
        self,
        operation_name: str,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        cost: int = 25,
    ) -> GraphAnswer:
        """Like `graphql`, with what the answer says about points."""

        def read(answer: Answer) -> GraphAnswer:
            return read_graph_answer(answer, operation_name, budget=self.budget, estimate=cost)

        body = {"operationName": operation_name, "query": query, "variables": dict(variables or {})}
        mutation = query.lstrip().startswith("mutation")
        return self.perform(
            "POST", "", json=body, surface=GRAPHQL, points=cost, repeatable=not mutation, read=read
        )
