"""Finding the Thinkific account whose address is taken, although the filter by e-mail does not show it.

The filter may compare upper and lower case, and Thinkific may store the address in another case than we do.
"""

from datetime import timedelta

from django.utils import timezone

from core.folding import email_key
from core.models import OutboxEntry, User
from integrations.models import Kind, SyncRun
from integrations.thinkific.client import schemas
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.errors import (
    CredentialsRefused,
    NotFound,
    Rejected,
    SchemaDrift,
    TooExpensive,
)
from integrations.thinkific.client.graphql import groups
from integrations.thinkific.push.prerequisites import Impossible, NotYet
from integrations.thinkific.runs import lifecycle

SEARCH_UP_TO = 2500  # people: then the list is searched; with more, a pull of people is started
ASK_AGAIN = timedelta(seconds=30)
TAKEN = ("taken", "already", "exist", "in use")


def find_ignoring_case(user: User, entry: OutboxEntry, client: ThinkificClient) -> schemas.User | None:
    """Returns the Thinkific account with the person's address, ignoring case; None if there is none.

    Raises NotYet while a pull of people looks for the account.
    """
    if found := _by_graphql(user, client):
        return found
    if User.objects.filter(thinkific_id__isnull=False, removed_at__isnull=True).count() <= SEARCH_UP_TO:
        return client.rest.search_user_by_email(user.email)
    _start_pull(user, entry)
    return None


def is_taken(refusal: Rejected) -> bool:
    """Returns whether Thinkific refused to create an account because the address is taken."""
    return any(word in str(refusal).lower() for word in TAKEN)


def _by_graphql(user: User, client: ThinkificClient) -> schemas.User | None:
    if not client.credentials.token:
        return None
    try:
        number, _ = groups.ids_of(client.graphql, user.email)
        found = client.rest.get_user(number) if number else None
    except (NotFound, Rejected, SchemaDrift, TooExpensive, CredentialsRefused):
        return None  # the caller has other ways to find the account
    return found if found and email_key(found.email or "") == email_key(user.email) else None


def _start_pull(user: User, entry: OutboxEntry) -> None:
    """Start a pull of people, which links accounts by their address. Raises NotYet until it has ended.

    Raises Impossible if a full pull has ended since the entry was made: the account was not found.
    """
    looked = SyncRun.objects.filter(kind=Kind.USERS, status=SyncRun.Status.SUCCEEDED, full=True)
    looked = looked.exclude(options__has_any_keys=lifecycle.SINGLE)
    if looked.filter(created_at__gt=entry.created_at).exists():
        raise Impossible(
            f"Thinkific says that {user.email} is taken, but lists nobody with it. Look for the address in "
            "Thinkific, change one of the two addresses, then retry."
        )
    run, _ = lifecycle.open_run(Kind.USERS, trigger=SyncRun.Trigger.SCHEDULE)
    lifecycle.wake(run)
    words = (
        f"Somebody in Thinkific has {user.email}, perhaps in another case. A pull of people looks for them."
    )
    raise NotYet(words, until=timezone.now() + ASK_AGAIN)
