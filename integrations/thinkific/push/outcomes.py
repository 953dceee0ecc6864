"""Pushing one entry and storing the result: done, to be retried, or failed with Thinkific's words."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from core.database_outage import retry_during_outage
from core.databases import is_unavailable
from core.models import OutboxEntry
from core.services.leases import growing_wait
from core.services.outbox import outcomes
from core.services.outbox.claims import put_back
from integrations.thinkific import identities
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import REST
from integrations.thinkific.client.errors import (
    BudgetExhausted,
    CredentialsRefused,
    Interrupted,
    NotConfigured,
    RateLimited,
    Rejected,
    RetryLater,
    ThinkificError,
)
from integrations.thinkific.push.enrollments import push_enrollment
from integrations.thinkific.push.gone_accounts import relink_if_recreated
from integrations.thinkific.push.groups import push_group, push_membership
from integrations.thinkific.push.people import push_user
from integrations.thinkific.push.prerequisites import (
    Impossible,
    NotYet,
    Undecided,
    lock_if_linked,
)

log = structlog.get_logger(__name__)

Push = Callable[[OutboxEntry, ThinkificClient], None]
PUSHES: dict[str, Push] = {
    "user": push_user,
    "thinkificgroup": push_group,
    "groupmembership": push_membership,
    "enrollment": push_enrollment,
}

NEED_AN_ACCOUNT = ("groupmembership", "enrollment")

TRIES = 12  # together with the waits, more than an hour
FIRST_WAIT, LONGEST_WAIT = 2.0, 2100.0  # seconds; see also core.models.outbox.LONGEST_WAIT
UNANSWERED_TRIES = 3  # attempts without an answer, after which the connection is shown as not working
REFUSED_WAIT = 5.0  # seconds; a drain stops anyway when the key is refused
AFTER_OUTAGE = 1.0  # seconds until the retry after a database outage
SCOPE_WAIT = 600.0  # seconds until the retry of an entry for which our key has no permission


@dataclass(frozen=True)
class PushResult:
    """The result of one push.

    `name` is "done", "retried" or "failed". `hold` is the number of seconds that the person's next entries
    must wait too. `stop` means that this drain must not send anything more.
    """

    name: str
    hold: float = 0.0
    stop: bool = False
    refused: CredentialsRefused | None = None
    no_answer: RetryLater | None = None  # set if Thinkific has not answered several times


def push(entry: OutboxEntry, client: ThinkificClient) -> PushResult:
    """Push the object of an entry, and store the result on the entry."""
    with structlog.contextvars.bound_contextvars(entry=entry.pk, entity=entry.entity, object=entry.object_id):
        try:
            _send(entry, client)
        except NotYet as error:
            retry_during_outage(_wait, entry, error)
            return PushResult("retried")
        except (RateLimited, BudgetExhausted, Interrupted) as error:
            _later(entry, error, error.seconds(), counts=False)
            return PushResult("retried", hold=error.seconds())
        except RetryLater as error:
            return _retry(entry, error)
        except CredentialsRefused as error:
            return _refused(entry, error)
        except NotConfigured as error:
            _later(entry, error, REFUSED_WAIT, counts=False)
            return PushResult("retried", stop=True)
        except Undecided as error:
            return _ask(entry, error)
        except ThinkificError as error:
            return _fail(entry, str(error))
        except Exception as error:  # last resort: the error is stored on the entry
            if is_unavailable(error):  # Thinkific may have got the request: the next attempt looks
                words = "The database could not be reached during the push."
                return _retry(entry, RetryLater(words, after=AFTER_OUTAGE))
            log.exception("push failed")
            return _retry(entry, RetryLater(f"{type(error).__name__}: {error}"[:500]))
        retry_during_outage(outcomes.finish, entry, now=timezone.now())
        return PushResult("done")


def _send(entry: OutboxEntry, client: ThinkificClient) -> None:
    """Push the object of an entry.

    If Thinkific refuses because the person's account was deleted and created again, the new account is linked
    and NotYet is raised: the entry is pushed again at once.
    """
    try:
        PUSHES[entry.entity](entry, client)
    except (Rejected, Impossible) as error:
        told_no = isinstance(error, Rejected) or isinstance(error.__context__, Rejected)
        if not (told_no and entry.entity in NEED_AN_ACCOUNT and relink_if_recreated(entry.person_id, client)):
            raise
        words = "The student's account was created again in Thinkific; the new account gets this change."
        raise NotYet(words, until=timezone.now()) from error


@transaction.atomic
def _wait(entry: OutboxEntry, error: NotYet) -> None:
    """Put the entry back. It is due at once if the account that it waits for was linked in the meantime:
    what is being pushed is not made due by that."""
    linked = error.person is not None and lock_if_linked(error.person)
    put_back(entry, until=timezone.now() if linked else error.until, error=str(error), counts=False)


def _later(entry: OutboxEntry, error: ThinkificError, seconds: float, *, counts: bool) -> None:
    log.info("push later", seconds=round(seconds, 1), problem=str(error))
    until = timezone.now() + timedelta(seconds=seconds)
    # An earlier request of this push may have created something, so the next push looks first.
    retry_during_outage(put_back, entry, until=until, error=str(error), uncertain=True, counts=counts)


def _retry(entry: OutboxEntry, error: RetryLater) -> PushResult:
    if entry.attempts >= TRIES:
        return _fail(entry, f"{error} It was tried {entry.attempts} times.")
    seconds = error.seconds(_backoff(entry.attempts))
    _later(entry, error, seconds, counts=True)
    # A person's other entries need the account, so they wait too. Other entries do not need each other.
    no_answer = error if entry.attempts >= UNANSWERED_TRIES else None
    return PushResult("retried", hold=seconds if entry.entity == "user" else 0.0, no_answer=no_answer)


def _refused(entry: OutboxEntry, error: CredentialsRefused) -> PushResult:
    """Put the entry back because our credentials were refused.

    An invalid key (401 from REST) stops the drain. If the key has no permission for this request (403), or
    the token of GraphQL is refused, only this entry waits.
    """
    stop = error.surface == REST and error.status == 401
    _later(entry, error, REFUSED_WAIT if stop else SCOPE_WAIT, counts=False)
    return PushResult("retried", stop=stop, refused=error)


def _fail(entry: OutboxEntry, words: str) -> PushResult:
    log.warning("push failed for good", problem=words)
    retry_during_outage(outcomes.fail, entry, words, now=timezone.now())
    return PushResult("failed")


def _ask(entry: OutboxEntry, error: Undecided) -> PushResult:
    """Ask an administrator. The entry fails until the decision, or is pushed again if it was just made."""
    if retry_during_outage(_fail_with_question, entry, error):
        log.warning("push waits for a decision", problem=str(error))
        return PushResult("failed")
    words = "An administrator has linked the account just now."
    retry_during_outage(put_back, entry, until=timezone.now(), error=words, counts=False)
    return PushResult("retried")


def _fail_with_question(entry: OutboxEntry, error: Undecided) -> bool:
    """Store the question and the failed entry, together: linking the account retries failed entries only.
    Returns False, and stores nothing, if the account was linked in the meantime.
    """
    try:
        with transaction.atomic():
            # In the order of identities.link: first the conflict, then the account.
            identities.keep([error.clash], asked=True)
            if lock_if_linked(error.clash.object_id):
                raise _LinkedMeanwhile
            outcomes.fail(entry, str(error), now=timezone.now())
    except _LinkedMeanwhile:
        return False
    return True


class _LinkedMeanwhile(Exception):
    pass


def _backoff(attempts: int) -> float:
    pause = growing_wait(attempts, first=FIRST_WAIT, longest=LONGEST_WAIT)
    return pause * random.uniform(0.75, 1.25)  # noqa: S311 (jitter)
