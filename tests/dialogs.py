"""Sends dialogs as a browser does."""

from html.parser import HTMLParser
from typing import Any

from django.contrib.messages import get_messages
from django.test import Client

from core.admin.kit.dialogs.answering import ROW_MISSING


def send_confirmed(client: Client, url: str, form: dict[str, Any], **how: Any) -> Any:
    """Send a form, read what it will do, and send it again with the confirmation."""
    asked = client.post(url, form).context["confirm"]
    assert asked, "the dialog did not ask for a confirmation"
    return client.post(url, form | {"confirmed": asked}, **how)


class Inputs(HTMLParser):
    """Reads the values that a browser would send from the forms of a page, into `sent`."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.sent: dict[str, Any] = {}
        self.choosing = ""
        self.writing = ""
        self.feed(body)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        has = dict(attrs)
        name = has.get("name") or ""
        if tag == "input" and name and has.get("type") not in {"submit", "checkbox", "radio"}:
            self.sent[name] = has.get("value") or ""
        elif tag == "input" and name and "checked" in has:
            self.sent[name] = has.get("value") or "on"
        elif tag == "select" and name:
            self.choosing = name
        elif tag == "textarea" and name:
            self.writing = name
            self.sent[name] = ""
        # The selected option, or the first one.
        elif tag == "option" and self.choosing and ("selected" in has or self.choosing not in self.sent):
            self.sent[self.choosing] = has.get("value") or ""

    def handle_data(self, data: str) -> None:
        if self.writing:
            self.sent[self.writing] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self.choosing = ""
        elif tag == "textarea":
            self.sent[self.writing] = self.sent[self.writing].removeprefix("\n")
            self.writing = ""


def shown_by(client: Client, url: str) -> dict[str, Any]:
    """Returns what a browser would send from a dialog without a change."""
    return Inputs(client.get(url).content.decode().split('id="dialog"', 1)[1]).sent


def asked_about_selected(client: Client, url: str, form: dict[str, Any]) -> dict[str, Any]:
    """Returns what a browser would send to confirm an action of a list."""
    page = client.post(url, form).content.decode()
    return Inputs(page.split('id="content-main"', 1)[1]).sent | form


def row_is_gone(answer: Any) -> bool:
    """Returns whether the answer says that the row does not exist (for this viewer): a redirect to the page
    of the object with the message ROW_MISSING."""
    said = [str(message) for message in get_messages(answer.wsgi_request)]
    return answer.status_code == 302 and "/do/" not in answer.url and said[-1:] == [ROW_MISSING]
