"""The page for the link in a mail that confirms a new e-mail address."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView

from core.errors import Refusal
from core.services.accounts import email_changes
from project.pages.passwords import OutsidePage

COOKIE = "email_change"
AN_HOUR = 3600
WITHOUT_TOKEN = "confirm"  # noqa: S105 - replaces the token in the address once the cookie holds it


@method_decorator(never_cache, name="dispatch")
class Confirm(OutsidePage, TemplateView):
    """GET shows what the link does, POST does it: programs that scan mails open links by GET.

    It does not matter who is signed in: the link proves that its user reads the mail of the new address. The
    token is moved to a cookie at once, so that the browser never sends it in a Referer header. It is not
    moved to the session, because sessions are stored in the database.
    """

    template_name = "registration/email_change.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        uid, token = kwargs["uidb64"], kwargs["token"]
        if token == WITHOUT_TOKEN:
            change = email_changes.find(uid, request.COOKIES.get(COOKIE, ""))
            return self.render_to_response(self.get_context_data(change=change))
        if email_changes.find(uid, token) is None:
            return self.render_to_response(self.get_context_data(change=None))
        page = reverse("admin:email_change", args=[uid, WITHOUT_TOKEN])
        response = HttpResponseRedirect(page)
        response.set_cookie(
            COOKIE,
            token,
            max_age=AN_HOUR,
            path=page,
            secure=bool(settings.SESSION_COOKIE_SECURE),
            httponly=True,
            samesite="Lax",
        )
        return response

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        uid, token = kwargs["uidb64"], request.COOKIES.get(COOKIE, "")
        done, problem = None, ""
        try:
            done = email_changes.confirm(uid, token)
        except Refusal as refusal:
            problem = str(refusal)
            email_changes.give_up(uid, token)
        return self.render_to_response(self.get_context_data(change=None, done=done, problem=problem))
