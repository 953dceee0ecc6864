"""The headers of a delivery: those of Standard Webhooks and, where wanted, the compatibility signature."""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from secrets import token_bytes
from typing import Any

from standardwebhooks import Webhook

from core.models import WebhookDelivery
from core.services.webhooks.payloads import moment

PREFIX = "whsec_"
COMPATIBILITY = "X-B2B-Signature"
USER_AGENT = "B2B-Dashboard-Webhooks/1"


def new_secret() -> str:
    return PREFIX + b64encode(token_bytes(32)).decode()


def body_of(delivery: WebhookDelivery) -> bytes:
    """Returns the body, which is the same in every attempt."""
    content: dict[str, Any] = {
        "event": delivery.event,
        "id": delivery.event_id,
        "created_at": moment(delivery.happened_at or delivery.created_at),
        "payload": delivery.payload,
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def headers_of(
    delivery: WebhookDelivery, body: bytes, *, secrets: Sequence[str], at: datetime, compatible_key: str = ""
) -> dict[str, str]:
    """Returns the headers of an attempt at this moment. The body is signed with each of the secrets; the
    receiver accepts it when one fits."""
    signatures = [Webhook(secret).sign(delivery.event_id, at, body.decode()) for secret in secrets]
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": delivery.event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
    if compatible_key:
        digest = hmac.new(compatible_key.encode(), body, hashlib.sha256).hexdigest()
        headers[COMPATIBILITY] = f"sha256={digest}"
    return headers
