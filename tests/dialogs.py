"""Sending dialogs as a browser does."""

from html.parser import HTMLParser
from typing import Any

from django.contrib.messages import get_messages
from django.test import Client

from core.admin.kit.dialogs.answering import GONE


def send_confirmed(client: Client, url: str, form: dict[str, Any], **how: Any) -> Any:
    """Send a form, read what it will do, and send it again with that confirmed."""
    asked = client.post(url, form).context["confirm"]
    assert asked, "it was done without asking"
    return client.post(url, form | {"confirmed": asked}, **how)


class Inputs(HTMLParser):
    """What a browser would send of the forms of a page."""

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
        # The one that is chosen, or the first.
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
    """What a browser would send of a dialog as it is shown."""
    return Inputs(client.get(url).content.decode().split('id="dialog"', 1)[1]).sent


def asked_about_selected(client: Client, url: str, form: dict[str, Any]) -> dict[str, Any]:
    """What a browser would send to confirm an action of a list."""
    page = client.post(url, form).content.decode()
    return Inputs(page.split('id="content-main"', 1)[1]).sent | form


def row_is_gone(answer: Any) -> bool:
    """Whether it was answered as to a row that is not there, or not for this person: by the object's page."""
    said = [str(message) for message in get_messages(answer.wsgi_request)]
    return answer.status_code == 302 and "/do/" not in answer.url and said[-1:] == [GONE]
