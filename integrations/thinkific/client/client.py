"""Thinkific's API, typed. It knows HTTP and nothing else: no models, no rules, no transactions.

    client = ThinkificClient(Credentials.from_settings(), budget=SharedBudget.from_settings())
    client.rest.get_user(7)
    client.webhooks.create("user.signup", "https://dashboard.example/webhooks/thinkific/")
    lists.quiz_submissions(client.graphql)

Every method may raise RetryLater (with RateLimited), CredentialsRefused or NotConfigured; those that name
one object raise NotFound, writes raise Rejected. See errors.py for what each asks of the caller.
"""

from typing import Any

from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.client.graphql.graphql import GraphQL
from integrations.thinkific.client.rest import Rest
from integrations.thinkific.client.transport import Budget, Transport
from integrations.thinkific.client.webhooks import Webhooks


class ThinkificClient:
    """One site's REST API, webhook subscriptions and GraphQL, all on one transport.

    `options` are those of Transport: `interactive`, `retries`, `timeout`, … Safe to share between threads.
    """

    def __init__(self, credentials: Credentials, budget: Budget | None = None, **options: Any) -> None:
        self.credentials = credentials
        self.transport = Transport(credentials, budget, **options)
        self.rest = Rest(self.transport)
        self.webhooks = Webhooks(self.transport)
        self.graphql = GraphQL(self.transport)
