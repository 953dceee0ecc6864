"""Pages for visitors who are not signed in, and for links from mails."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.generic import TemplateView

AN_HOUR = 3600
WITHOUT_TOKEN = "confirm"  # noqa: S105 - replaces the token in the address once the cookie holds it


class OutsidePage:
    """A page in the site's design for visitors who are not signed in."""

    request: Any

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | admin.site.each_context(self.request)  # type: ignore[misc]


@method_decorator([never_cache, csrf_protect], name="dispatch")
class LinkPage(OutsidePage, TemplateView):
    """GET shows what the link does, POST does it: programs that scan mails open links by GET.

    The token is moved to a cookie at once, so that the browser never sends it in a Referer header. It is not
    moved to the session, because sessions are stored in the database.
    """

    cookie: ClassVar[str]
    route: ClassVar[str]  # the name of its address

    def find(self, uid: str, token: str) -> Any:
        """Returns what the link is about; None when the link does not work (any more)."""
        raise NotImplementedError

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        uid, token = kwargs["uidb64"], kwargs["token"]
        if token == WITHOUT_TOKEN:
            return self.page(about=self.find(uid, self.token()))
        if self.find(uid, token) is None:
            return self.page(about=None)
        page = reverse(self.route, args=[uid, WITHOUT_TOKEN])
        response = HttpResponseRedirect(page)
        response.set_cookie(
            self.cookie,
            token,
            max_age=AN_HOUR,
            path=page,
            secure=bool(settings.SESSION_COOKIE_SECURE),
            httponly=True,
            samesite="Lax",
        )
        return response

    def token(self) -> str:
        return self.request.COOKIES.get(self.cookie, "")

    def page(self, *, about: Any, **context: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(about=about, **context))
