"""docs/webhooks-out.md: its events are those of the table, and its examples work."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from core.models import WebhookDelivery
from core.services.webhooks import signatures
from core.services.webhooks.events import EVENTS

PAGE = Path(__file__).parents[4] / "docs/webhooks-out.md"
BEGIN, END = (
    "<!-- events: begin (tests/core/services/webhooks/test_documentation.py) -->\n",
    "<!-- events: end -->",
)
ALIKE = {  # events with one shape -> the one whose example is shown
    "user.created": ["user.deleted", "student.deleted", "student.deleted.thinkific"],
    "enrollment.created": ["enrollment.deleted", "enrollment.completed"],
    "seat.updated": ["seat.exhausted"],
    "membership.created": ["membership.deleted"],
}


def documented() -> str:
    """Returns the part of the page that is made from the table."""
    rows = [f"| `{e.name}` | {e.label} | {e.when} |" for e in EVENTS.values()]
    parts = ["\n".join(["| Name | Label | When |", "| --- | --- | --- |", *rows])]
    others = {name for names in ALIKE.values() for name in names}
    for name, event in EVENTS.items():
        if name not in others:
            names = " and ".join(f"`{one}`" for one in [name, *ALIKE.get(name, [])])
            example = json.dumps(event.example, indent=2, ensure_ascii=False)
            parts.append(f"The payload of {names}:\n\n```json\n{example}\n```")
    return "\n" + "\n\n".join(parts) + "\n\n"


def code(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(), re.S)
    assert found
    return found[1]


@pytest.fixture
def sent():
    delivery = WebhookDelivery(
        event="user.created", event_id="evt_1", payload={"name": "Zoë"}, created_at=timezone.now()
    )
    secrets, body = [signatures.new_secret(), signatures.new_secret()], signatures.body_of(delivery)
    return secrets, body, signatures.headers_of(delivery, body, secrets=secrets, at=timezone.now())


def test_the_page_lists_the_events_of_the_table():
    before, _, rest = PAGE.read_text().partition(BEGIN)
    between, _, after = rest.partition(END)
    if os.environ.get("WRITE_EVENTS"):
        PAGE.write_text(f"{before}{BEGIN}{documented()}{END}{after}")
        return
    assert between == documented(), "WRITE_EVENTS=1 and this test write it."


def test_events_of_one_shape_have_one():
    for name, others in ALIKE.items():
        for other in others:
            assert EVENTS[other].example.keys() == EVENTS[name].example.keys()


def test_the_example_in_python_verifies(sent):
    secrets, body, headers = sent
    names: dict = {}
    exec(code("python"), names)
    for secret in secrets:
        assert names["receive"](secret, body, headers)["payload"] == {"name": "Zoë"}
    with pytest.raises(WebhookVerificationError):
        names["receive"](signatures.new_secret(), body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[0]).verify(body, headers | {"webhook-timestamp": "1"})


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_the_example_in_javascript_verifies(sent):
    secrets, body, headers = sent
    for secret, fits in [*((one, True) for one in secrets), (signatures.new_secret(), False)]:
        arguments = ", ".join(json.dumps(one) for one in (secret, body.decode(), headers))
        script = f"{code('javascript')}\nconsole.log(verify({arguments}).payload.name)"
        ran = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=False)
        assert (ran.stdout == "Zoë\n") is fits, ran.stderr
