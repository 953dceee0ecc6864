"""Opening Thinkific: the page that a short link leads to, and the button in a person's menu.

Only a POST from a page of ours answers with a token. A short link shows such a page, which sends itself: so
programs that follow links use nothing up, and browsers, which apply the policy of the sign-in form to all
redirects after it, do not stop.
"""

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.cache import add_never_cache_headers
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.generic import TemplateView

from core.admin.kit.lists.filters import key_of
from core.admin.kit.viewer import viewer_of
from core.errors import Refusal
from core.models import Product, ShortLink
from core.services.opening import opening, short_links
from core.services.site import thinkific_site
from project.pages.links import OutsidePage

RETRY_AFTER = 4  # seconds
SEE_OTHER = 303


@method_decorator([never_cache, csrf_protect], name="dispatch")
class OpenPage(OutsidePage, TemplateView):
    template_name = "registration/opening.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path(), resolve_url("admin:login"))
        return super().dispatch(request, *args, **kwargs)

    def page(self, state: str, *, status: int = 200, **context: Any) -> HttpResponse:
        site = thinkific_site.address()
        # The form of this page is answered by a redirect there, which the page's policy must allow.
        self.request.posts_to = site
        context |= {"state": state, "link_text": opening.link_text()}
        if site:
            context["thinkific_sign_in"] = f"{site}{thinkific_site.SIGN_IN}"
        return self.render_to_response(self.get_context_data(**context), status=status)

    def send(self, product: Product | None, link: ShortLink | None) -> HttpResponse:
        """Answer with the way to Thinkific, or say why there is none."""
        address = self.request.META.get("REMOTE_ADDR", "")
        try:
            target = opening.open_for(viewer_of(self.request), product=product, link=link, ip_address=address)
        except opening.NotNow as refusal:
            return self.page("wait", why=str(refusal), product=product, after=RETRY_AFTER, status=409)
        except Refusal as refusal:
            return self.page("refused", why=str(refusal), status=refusal.status)
        response = HttpResponseRedirect(target, status=SEE_OTHER)
        response["Referrer-Policy"] = "no-referrer"
        add_never_cache_headers(response)
        return response


class OpenInThinkific(OpenPage):
    """What the button in the menu and those beside courses send."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """After signing in again: the form was sent by somebody who was signed out meanwhile."""
        return self.page("ask")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.POST.get("product"):
            return self.send(None, None)
        product = Product.objects.filter(pk=key_of(request.POST["product"]) or 0).first()
        if product is None or not opening.may_reach(viewer_of(request), product):
            return self.page("no_right", status=403)
        return self.send(product, None)


class FollowShortLink(OpenPage):
    """Whoever is signed in ends in Thinkific; a team's link with several products lists them first."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.is_authenticated:
            return super().dispatch(request, *args, **kwargs)
        try:
            link = short_links.find(kwargs["code"], user=viewer_of(request))
        except short_links.TooManyTries as refusal:
            return self.page("refused", why=str(refusal), status=refusal.status)
        if link is None:
            return self.page("unknown", status=404)
        if not short_links.may_follow(viewer_of(request), link):
            return self.page("no_right", status=403)
        self.link, self.products = link, list(short_links.products_of(link, viewer_of(request)))
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if len(self.products) == 1:
            return self.page("go", product=self.products[0])
        return self.page("list", team=self.link.team, products=self.products)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        asked = request.POST.get("product", "")
        product = self.link.product
        if asked:
            product = next((one for one in self.products if str(one.pk) == asked), None)
            if product is None:
                return self.page("no_right", status=403)
        return self.send(product, self.link)


class NotOpened(OutsidePage, TemplateView):
    """Where Thinkific sends the browser when it does not take the token."""

    template_name = "registration/opening.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        site = thinkific_site.address()
        sign_in = f"{site}{thinkific_site.SIGN_IN}" if site else ""
        return super().get_context_data(
            state="not_opened", thinkific_sign_in=sign_in, link_text=opening.link_text(), **kwargs
        )
