"""The pages of a team's sign-up link: entering name and address, and the page that the mail leads to."""

from typing import Any

from django import forms
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.generic import FormView
from unfold.widgets import BASE_INPUT_CLASSES

from core.errors import Refusal
from core.models import Membership, SignUp, SignUpLink, User
from core.models.people import EMAIL_LENGTH, NAME_LENGTH
from core.services.accounts import account_mail
from core.services.memberships import TeamIsFull
from core.services.people import NotAnAddress
from core.services.teams import sign_up_links, sign_ups
from project.middleware.client_address import network_of
from project.pages.links import LinkPage, OutsidePage
from project.pages.sign_in import wait_page

INPUT = " ".join(BASE_INPUT_CLASSES)
NO_ROOM, MEMBER = "no_room", "member"  # besides the states of a link


class SignUpForm(forms.Form):
    first_name = forms.CharField(
        label="First name",
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs={"class": INPUT, "autocomplete": "given-name"}),
        error_messages={"required": "Enter your first name."},
    )
    last_name = forms.CharField(
        label="Last name",
        max_length=NAME_LENGTH,
        required=False,
        widget=forms.TextInput(attrs={"class": INPUT, "autocomplete": "family-name"}),
    )
    email = forms.CharField(
        label="E-mail address",
        max_length=EMAIL_LENGTH,
        widget=forms.EmailInput(attrs={"class": INPUT, "autocomplete": "email"}),
        error_messages={"required": "Enter your e-mail address. You get a mail there."},
    )


@method_decorator([never_cache, csrf_protect], name="dispatch")
class AskToJoin(OutsidePage, FormView):
    """For anybody who has the link. What it shows does not depend on who has an account, except that it tells
    members who are signed in that they are members."""

    template_name = "registration/sign_up.html"
    form_class = SignUpForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self.link = sign_up_links.find(kwargs["uidb64"], kwargs["token"])
        self.state = "unknown" if self.link is None else _state(self.link, request.user)
        if self.link is None or self.state != sign_up_links.OPEN:
            over = 404 if self.link is None else 410
            status = 200 if self.state in {NO_ROOM, MEMBER} else over
            return self.render_to_response(self.get_context_data(form=None), status=status)
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**{"link": self.link, "state": self.state} | kwargs)

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        assert self.link is not None  # `dispatch` has found it
        try:
            wait = sign_ups.ask(self.link, network=network_of(self.request), **form.cleaned_data)
        except NotAnAddress as refusal:
            form.add_error("email", str(refusal))
            return self.form_invalid(form)
        except TeamIsFull:  # its message has numbers that only the team may see
            return self.render_to_response(self.get_context_data(form=None, state=NO_ROOM))
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            return self.form_invalid(form)
        if wait:
            return wait_page(self.request, "registration/sign_up_wait.html", wait)
        sent = form.cleaned_data["email"].strip()
        return self.render_to_response(self.get_context_data(form=None, state="asked", sent_to=sent))


class Confirm(LinkPage):
    """The page of the link in the mail. Whoever has the link reads the mail of the address."""

    template_name = "registration/sign_up_confirm.html"
    cookie = "sign_up"
    route = "admin:confirm_sign_up"

    def find(self, uid: str, token: str) -> SignUp | None:
        return sign_ups.find(uid, token)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        sign_up = kwargs.get("about")
        if sign_up is not None:
            user = sign_ups.account_of(sign_up)
            kwargs = {"state": _state(sign_up.link, user), "account": user} | kwargs
        return super().get_context_data(**kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        sign_up = self.find(kwargs["uidb64"], self.token())
        if sign_up is None:
            return self.page(about=None)
        account = sign_ups.account_of(sign_up)
        if _is_member(sign_up.link, account):
            return self.page(about=sign_up, state=MEMBER)
        try:
            membership = sign_ups.confirm(sign_up)
        except TeamIsFull:
            return self.page(about=sign_up, state=NO_ROOM)
        except Refusal:
            return self.page(about=sign_up, state=_closed(sign_up.link))
        password = "" if account is not None else _password_page(membership)
        return self.page(about=sign_up, state="joined", membership=membership, password_page=password)


def _state(link: SignUpLink, user: User | AnonymousUser | None) -> str:
    """Returns whether this user (None: somebody without an account) can join by the link, or why not."""
    if _is_member(link, user):
        return MEMBER
    try:
        sign_up_links.check_open(link)
    except TeamIsFull:
        return NO_ROOM
    except Refusal:
        return _closed(link)
    return sign_up_links.OPEN


def _is_member(link: SignUpLink, user: User | AnonymousUser | None) -> bool:
    return isinstance(user, User) and Membership.objects.filter(team=link.team_id, user=user).exists()


def _closed(link: SignUpLink) -> str:
    """Returns why nobody can join by the link now."""
    link.refresh_from_db()
    state = sign_up_links.state(link)
    return sign_up_links.OFF if state == sign_up_links.OPEN else state


def _password_page(membership: Membership) -> str:
    """Returns the page to choose a password, for somebody who has just shown that the address is theirs. It
    is the same link that a mail would contain."""
    return account_mail.address_of(membership.user)
