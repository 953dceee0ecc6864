"""Events as Stripe sends them, signed by Stripe's library."""

import json
import time
from typing import Any

from django.test import Client
from stripe import WebhookSignature

SECRET = "whsec_never-to-be-seen-0123456789abcdef"
ADDRESS = "/webhooks/stripe"


def event(topic: str, thing: dict[str, Any], key: str = "evt_1", **values: Any) -> dict[str, Any]:
    return {
        "id": key,
        "object": "event",
        "type": topic,
        "created": int(time.time()),
        "livemode": True,
        "data": {"object": thing},
    } | values


def session(metadata: dict[str, Any] | None, key: str = "cs_1", **values: Any) -> dict[str, Any]:
    return {
        "id": key,
        "object": "checkout.session",
        "mode": "payment",
        "payment_status": "paid",
        "payment_intent": "pi_1",
        "subscription": None,
        "amount_total": 100_000,
        "currency": "eur",
        "customer_details": {"email": "Bea@buyer.example", "name": "Bea Buyer"},
        "metadata": metadata,
    } | values


def charge(back: int, amount: int = 100_000, **values: Any) -> dict[str, Any]:
    return {
        "id": "ch_1",
        "object": "charge",
        "payment_intent": "pi_1",
        "amount": amount,
        "amount_refunded": back,
        "refunded": back == amount,
    } | values


def signed(body: str, secret: str = SECRET, at: float | None = None) -> str:
    header: str = WebhookSignature.generate_signature_header(body, secret, at and int(at))
    return header


def send(payload: Any, *, secret: str = SECRET, header: str | None = None, at: float | None = None) -> Any:
    body = payload if isinstance(payload, str) else json.dumps(payload)
    given = signed(body, secret, at) if header is None else header
    return Client().generic("POST", ADDRESS, body.encode(), "application/json", HTTP_STRIPE_SIGNATURE=given)
