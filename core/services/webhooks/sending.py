"""Sending what waits. One process at a time sends to an endpoint; different endpoints are sent to side by
side, so that a slow one holds up only itself.

The network is used by other threads, the database by this one only.
"""

import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django_q.tasks import async_task

from core.database_outage import retry_during_outage
from core.models import StoredSecret, WebhookDelivery, WebhookEndpoint
from core.models.webhooks import GOES_FIRST
from core.services import leases
from core.services.leases import Claim
from core.services.site import connection, secrets
from core.services.webhooks import outcomes, signatures
from core.services.webhooks.post import Answer, post

log = structlog.get_logger(__name__)

REQUESTS = 40  # under way at the same time
MOST = 50  # deliveries to one endpoint that are claimed together
FEW = 20  # no more than these go one after the other, in their order
SIDE_BY_SIDE = 4  # requests to one endpoint when more wait
LOOK = 0.25  # seconds between looks
READ_AGAIN_AFTER = 2.0  # seconds
RENEW_EVERY = 20.0  # seconds; see WebhookDelivery.lease
SUSPICIOUS = 5  # crashes
FIRST_WAIT, LONGEST_WAIT = 30.0, 3_600.0  # seconds, after more crashes than that
Status = WebhookDelivery.Status
UNREADABLE = (
    "Not sent: the secret cannot be read, because SECRET_KEY was changed since. Rotate Secret makes another, "
    "or put the former key into SECRET_KEY_FALLBACKS."
)


@dataclass
class _Lane:
    """One endpoint with the deliveries that are claimed for it, tests first, and then the oldest."""

    endpoint: WebhookEndpoint
    secrets: list[str]
    waiting: deque[WebhookDelivery] = field(default_factory=deque)
    under_way: set[int] = field(default_factory=set)
    width: int = 1
    read_at: float = field(default_factory=time.monotonic)


def send_due(
    *,
    seconds: float = 50.0,
    stop: Callable[[], bool] = lambda: False,
    beat: Callable[[], None] = lambda: None,
) -> Counter[str]:
    """Send what is due until nothing is, for at most `seconds`; then another worker goes on. Returns how many
    were `delivered`, `retried` and `failed`. `stop` says that this process has to end: what was not begun
    waits for another one."""
    free_abandoned()
    if not _due().exists():
        return Counter()
    end = time.monotonic() + seconds
    with ThreadPoolExecutor(REQUESTS, "webhook") as threads:
        run = _Run(threads, beat)
        try:
            while not stop() and time.monotonic() < end and run.go_on():
                pass
        finally:
            run.leave()
    if time.monotonic() >= end and not stop() and _due().exists():
        async_task(settings.WEBHOOKS_SEND_TASK, save=False)
    return run.outcome


def sweep() -> None:
    """Each minute: give up what is too old, and send what is due though nobody was woken."""
    outcomes.give_up_old()
    free_abandoned()
    if _due().exists():
        async_task(settings.WEBHOOKS_SEND_TASK, save=False)


def free_abandoned() -> int:
    """Let wait again what a dead process had claimed. It may have been sent: it is sent again, with the same
    id. Returns how many."""
    count, now = 0, timezone.now()
    for delivery, _ in leases.abandoned(WebhookDelivery, now):
        pause = leases.growing_wait(delivery.crashes + 1 - SUSPICIOUS, first=FIRST_WAIT, longest=LONGEST_WAIT)
        until = now + timedelta(seconds=pause)
        count += Claim.on(delivery).put_back([delivery.pk], until=until, counts=False, crashed=True)
    return count


def _due() -> "leases.LeasedQuerySet[WebhookDelivery]":
    """Returns what could be sent now: to paused endpoints only tests, and nothing to those that are off."""
    paused = Q(endpoint__paused_until__gt=timezone.now(), not_before__gt=GOES_FIRST)
    return WebhookDelivery.objects.due().filter(endpoint__active=True).exclude(paused)


def _next(endpoint: WebhookEndpoint) -> list[WebhookDelivery]:
    """Returns what is sent to an endpoint next: tests, and then the oldest. One is enough to see whether an
    endpoint that failed is back."""
    due, most = _due().filter(endpoint=endpoint).order_by("pk"), 1 if endpoint.failing_since else MOST
    tests = list(due.filter(not_before__lte=GOES_FIRST)[:most])
    return tests + list(due.filter(not_before__gt=GOES_FIRST)[: most - len(tests)])


class _Run:
    def __init__(self, threads: ThreadPoolExecutor, beat: Callable[[], None]) -> None:
        self.threads = threads
        self.beat = beat
        self.claim: Claim[WebhookDelivery] = Claim.new(WebhookDelivery)
        self.lanes: dict[int, _Lane] = {}
        self.requests: dict[Future[Answer], tuple[_Lane, WebhookDelivery, dict[str, str]]] = {}
        self.outcome: Counter[str] = Counter()
        self.renewed_at = time.monotonic()
        self.stay_until = 0.0  # a second attempt is due by then

    def go_on(self) -> bool:
        """Claim, send and store once. Returns False when nothing is left to do."""
        self._claim()
        for lane in self.lanes.values():
            self._start(lane)
        if self.requests:
            self._collect(LOOK)
        elif time.monotonic() < self.stay_until:
            time.sleep(LOOK)
        else:
            return False
        self._renew()
        return True

    def leave(self) -> None:
        """Put back what was not begun, and wait for the answers of what was."""
        for lane in self.lanes.values():
            self._put_back(lane)
        while self.requests:
            self._collect(LOOK)
            self._renew()

    def _claim(self) -> None:
        """Claim for endpoints that this run has nothing of and that no other process sends to."""
        with leases.given_back_if_lost(lambda: self.claim.put_back(counts=False)), transaction.atomic():
            now = timezone.now()
            self._claim_tests(now)
            busy = WebhookDelivery.objects.filter(endpoint=OuterRef("pk"), status=Status.PENDING)
            rows = WebhookEndpoint.objects.filter(
                ~Exists(busy.filter(claimed_until__gt=now)), Exists(_due().filter(endpoint=OuterRef("pk")))
            )
            rows = rows.exclude(pk__in=list(self.lanes)).order_by("pk")
            for endpoint in list(rows.select_for_update(no_key=True, skip_locked=True)[:REQUESTS]):
                found = _next(endpoint)
                keys = [delivery.pk for delivery in found]
                self.claim.take(keys, now=now)
                self.claim.take_over(keys, now=now)
                width = 1 if len(found) <= FEW else SIDE_BY_SIDE
                waiting = deque(map(self._claimed, found))
                self.lanes[endpoint.pk] = _Lane(endpoint, _secrets(endpoint), waiting, width=width)

    def _claim_tests(self, now: datetime) -> None:
        """Let tests for endpoints that this run sends to already go before what waits there."""
        tests = _due().filter(not_before__lte=GOES_FIRST, endpoint__in=list(self.lanes)).order_by("-pk")
        for test in tests if self.lanes else ():
            if self.claim.take([test.pk], now=now):
                self.lanes[test.endpoint_id].waiting.appendleft(self._claimed(test))

    def _claimed(self, delivery: WebhookDelivery) -> WebhookDelivery:
        delivery.claimed_by, delivery.attempts = self.claim.name, delivery.attempts + 1
        return delivery

    def _start(self, lane: _Lane) -> None:
        self._read_again(lane)
        while lane.waiting and len(lane.under_way) < lane.width and len(self.requests) < REQUESTS:
            delivery = lane.waiting.popleft()
            if not lane.secrets:
                self._store(lane, delivery, Answer(problem=UNREADABLE), {})
                continue
            body = signatures.body_of(delivery)
            headers = signatures.headers_of(
                delivery,
                body,
                secrets=lane.secrets,
                at=timezone.now(),
                compatible_key=_compatible_key() if lane.endpoint.compatible else "",
            )
            lane.under_way.add(delivery.pk)
            self.requests[self.threads.submit(post, lane.endpoint.url, body, headers)] = (
                lane,
                delivery,
                headers,
            )

    def _read_again(self, lane: _Lane) -> None:
        """Somebody may have changed the endpoint, its secret, or switched it off, since it was claimed."""
        if not lane.waiting or time.monotonic() - lane.read_at < READ_AGAIN_AFTER:
            return
        endpoint = WebhookEndpoint.objects.filter(pk=lane.endpoint.pk, active=True).first()
        if endpoint is None:
            self._put_back(lane)
        else:
            lane.endpoint, lane.secrets, lane.read_at = endpoint, _secrets(endpoint), time.monotonic()

    def _collect(self, seconds: float) -> None:
        done, _ = wait(self.requests, timeout=seconds, return_when=FIRST_COMPLETED)
        for request in done:
            lane, delivery, headers = self.requests.pop(request)
            lane.under_way.discard(delivery.pk)
            self._store(lane, delivery, request.result(), headers)
        for key in [key for key, lane in self.lanes.items() if not (lane.waiting or lane.under_way)]:
            del self.lanes[key]

    def _store(self, lane: _Lane, delivery: WebhookDelivery, answer: Answer, headers: dict[str, str]) -> None:
        result = retry_during_outage(outcomes.store, delivery, answer, headers)
        self.outcome[result] += 1
        if answer.problem:
            log.info("webhook not delivered", delivery=delivery.pk, problem=answer.problem)
            lane.read_at = float("-inf")  # it may have been switched off for that
        if result == "retried" and delivery.attempts == 1:
            self.stay_until = time.monotonic() + outcomes.WAITS[0] * (1 + outcomes.JITTER) + LOOK
        if answer.unreachable or result == "lost":
            self._put_back(lane)  # the next one finds the endpoint as it is then

    def _put_back(self, lane: _Lane) -> None:
        keys = [delivery.pk for delivery in lane.waiting]
        lane.waiting.clear()
        if keys:
            retry_during_outage(self.claim.put_back, keys, counts=False)

    def _renew(self) -> None:
        self.beat()
        if time.monotonic() - self.renewed_at > RENEW_EVERY:
            retry_during_outage(self.claim.renew)
            self.renewed_at = time.monotonic()


def _secrets(endpoint: WebhookEndpoint) -> list[str]:
    """Returns the secrets to sign with: the present one, and the former one while it counts. Empty when the
    present one cannot be read."""
    try:
        found = [secrets.decrypt(endpoint.encrypted)]
        if endpoint.former_encrypted and endpoint.former_until and endpoint.former_until > timezone.now():
            found.append(secrets.decrypt(endpoint.former_encrypted))
    except secrets.Unreadable:
        return []
    return found


def _compatible_key() -> str:
    return connection.secret(StoredSecret.Name.API_KEY).value
