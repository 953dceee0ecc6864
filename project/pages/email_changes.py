"""The page for the link in a mail that confirms a new e-mail address."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from core.errors import Refusal
from core.models import EmailChange
from core.services.accounts import email_changes
from project.pages.links import LinkPage


class Confirm(LinkPage):
    """It does not matter who is signed in: the link proves that its user reads the mail of the new
    address."""

    template_name = "registration/email_change.html"
    cookie = "email_change"
    route = "admin:email_change"

    def find(self, uid: str, token: str) -> EmailChange | None:
        return email_changes.find(uid, token)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        uid, token = kwargs["uidb64"], self.token()
        done, problem = None, ""
        try:
            done = email_changes.confirm(uid, token)
        except Refusal as refusal:
            problem = str(refusal)
            email_changes.give_up(uid, token)
        return self.page(about=None, done=done, problem=problem)
