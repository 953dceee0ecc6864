"""One GraphQL query or mutation, and what this site has shown of its GraphQL so far."""

from collections.abc import Mapping
from typing import Any

from integrations.thinkific.client.answers import Answer
from integrations.thinkific.client.credentials import GRAPHQL
from integrations.thinkific.client.graphql.answers import GraphAnswer, read_graph_answer
from integrations.thinkific.client.graphql.observed import Learned
from integrations.thinkific.client.transport import Transport


class GraphQL:
    """Thinkific's GraphQL, on a transport. The modules beside this one send its queries."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.spellings: dict[str, int] = {}  # which name of a renamed field this site knows
        self.learned = Learned()

    def run(
        self, operation: str, query: str, variables: Mapping[str, Any] | None = None, *, cost: int = 25
    ) -> GraphAnswer:
        """Sends a query or a mutation. `cost` is our estimate in points, corrected by the answer.

        Also raises TooExpensive, SchemaDrift and Rejected (user errors of a mutation included).
        """

        def read(answer: Answer) -> GraphAnswer:
            return read_graph_answer(answer, operation, budget=self.transport.budget, estimate=cost)

        body = {"operationName": operation, "query": query, "variables": dict(variables or {})}
        mutation = query.lstrip().startswith("mutation")
        return self.transport.perform(
            "POST", "", json=body, surface=GRAPHQL, points=cost, repeatable=not mutation, read=read
        )
