"""Signed events, and the thread that delivers them to subscribers."""

import hashlib
import heapq
import hmac
import itertools
import logging
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import msgspec
import requests

from integrations.thinkific.sandbox.options import Options
from integrations.thinkific.sandbox.site.clock import to_iso

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site

log = logging.getLogger(__name__)

TENANT_ID = "55501"
TENANT_GLOBAL_ID = "1b0c6a3e-6f0a-4d0e-9f21-7f3a4a2d9c10"
TOPICS = (
    "user.signup",
    "user.signin",
    "user.updated",
    "user.deleted",
    "enrollment.created",
    "enrollment.trial",
    "enrollment.progress",
    "enrollment.completed",
    "lesson.completed",
    "quiz.attempted",
    "course.created",
    "course.updated",
    "course.deleted",
    "product.created",
    "product.updated",
    "product.deleted",
    "order.created",
    "order_transaction.succeeded",
    "order_transaction.failed",
    "order_transaction.refunded",
    "subscription.cancelled",
    "subscription.past_due",
    "subscription.unpaid",
    "lead.created",
    "plan.updated",
    "app.uninstalled",
)
KEPT_EVENTS = 10_000
LONGEST_WAIT = 60.0


class Delivery(msgspec.Struct):
    url: str
    topic: str
    body: bytes
    signature: str | None
    attempts: int = 0


class Webhooks:
    def __init__(self, site: "Site", options: Options) -> None:
        self.site = site
        self.options = options
        self.events: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self.delivered = 0
        self.failed_attempts = 0
        self.abandoned = 0
        self._numbers = itertools.count(1)
        self._order = itertools.count()
        self._queue: list[tuple[float, int, Delivery]] = []
        self._wake = threading.Condition()
        self._stopping = False
        self._busy = False
        self._thread: threading.Thread | None = None
        site.listeners.append(self.announce)

    def subscribers(self, topic: str) -> list[str]:
        return [w["target_url"] for w in self.site.subscriptions.values() if w["topic"] == topic]

    def subscribe_all(self, target_url: str) -> None:
        for topic in TOPICS:
            if target_url not in self.subscribers(topic):
                self.site.write("subscribe", topic=topic, target_url=target_url)

    # -- events --------------------------------------------------------------------------------------

    def announce(self, topic: str, payload: dict[str, Any]) -> None:
        """Send an event to every subscriber of the topic. It can be read again at `/events/{id}`."""
        event = self.event(topic, payload)
        for url in self.subscribers(topic):
            self.send(url, event)

    def event(self, topic: str, payload: dict[str, Any], event_id: str | None = None) -> dict[str, Any]:
        resource, _, action = topic.partition(".")
        now = self.site.clock.now()
        event: dict[str, Any] = {
            "id": event_id or self._new_id(),
            "resource": resource,
            "action": action,
            "tenant_id": TENANT_ID,
            "tenant_global_id": TENANT_GLOBAL_ID,
            "created_at": to_iso(now),
            "timestamp": now // 1000,
            "payload": payload,
        }
        self.events[event["id"]] = event
        if len(self.events) > KEPT_EVENTS:
            self.events.popitem(last=False)
        return event

    def send(
        self,
        url: str,
        event: dict[str, Any],
        *,
        signature: str | None = None,
        unsigned: bool = False,
        delay: float = 0.0,
    ) -> None:
        body = msgspec.json.encode(event)
        topic = f"{event['resource']}.{event['action']}"
        if not unsigned:
            signature = signature or self.sign(body)
        self._enqueue(Delivery(url, topic, body, signature), delay)

    def sign(self, body: bytes) -> str:
        secret = self.options.webhook_secret or self.options.api_key
        return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()

    def idle(self) -> bool:
        return not self._queue and not self._busy

    def wait_idle(self, timeout: float = 10.0) -> bool:
        """Wait until all events are delivered or abandoned.

        Returns False if that takes longer than `timeout`.
        """
        with self._wake:
            return self._wake.wait_for(self.idle, timeout)

    def stop(self) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread:
            self._thread.join(timeout=10)

    # -- the thread ----------------------------------------------------------------------------------

    def _enqueue(self, delivery: Delivery, delay: float) -> None:
        with self._wake:
            heapq.heappush(self._queue, (time.monotonic() + delay, next(self._order), delivery))
            if self._thread is None and not self._stopping:
                self._thread = threading.Thread(
                    target=self._run, name="thinkific-sandbox-webhooks", daemon=True
                )
                self._thread.start()
            self._wake.notify_all()

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while (delivery := self._next()) is not None:
                self._deliver(session, delivery)
                with self._wake:
                    self._busy = False
                    self._wake.notify_all()

    def _next(self) -> Delivery | None:
        with self._wake:
            while not self._stopping:
                wait = self._queue[0][0] - time.monotonic() if self._queue else None
                if wait is not None and wait <= 0:
                    self._busy = True
                    return heapq.heappop(self._queue)[2]
                self._wake.wait(wait)
        return None

    def _deliver(self, session: requests.Session, delivery: Delivery) -> None:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Thinkific-Webhooks",
            "X-Thinkific-Topic": delivery.topic,
            "X-Thinkific-Subdomain": self.options.subdomain,
        }
        if delivery.signature is not None:
            headers["X-Thinkific-Hmac-Sha256"] = delivery.signature
        delivery.attempts += 1
        try:
            answer = session.post(
                delivery.url, data=delivery.body, headers=headers, timeout=10, allow_redirects=False
            )
            delivered = answer.ok and not answer.is_redirect
        except requests.RequestException:
            delivered = False
        if delivered:
            self.delivered += 1
            return
        self.failed_attempts += 1
        if delivery.attempts >= self.options.webhook_attempts:
            self.abandoned += 1
            log.warning("Gave up telling %s of %s", delivery.url, delivery.topic)
            return
        wait = self.options.webhook_backoff * 2 ** (delivery.attempts - 1)
        self._enqueue(delivery, min(wait, LONGEST_WAIT))

    def _new_id(self) -> str:
        """Returns an id like Thinkific's: the time, then a number."""
        stamp = "".join(filter(str.isdigit, to_iso(self.site.clock.now())))
        return f"{stamp}{next(self._numbers):06d}"
