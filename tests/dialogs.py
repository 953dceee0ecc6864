"""Sending dialogs as a browser does."""

from typing import Any

from django.test import Client


def send_confirmed(client: Client, url: str, form: dict[str, Any], **how: Any) -> Any:
    """Send a form, read what it will do, and send it again with that confirmed."""
    asked = client.post(url, form).context["confirm"]
    assert asked, "it was done without asking"
    return client.post(url, form | {"confirmed": asked}, **how)
