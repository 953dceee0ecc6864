"""Changing a password, and getting a new one by mail."""

import math
from datetime import timedelta
from typing import Any

import structlog
from django import forms
from django.conf import settings
from django.contrib.auth import views
from django.contrib.auth.forms import SetPasswordForm
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView
from unfold.forms import AdminOwnPasswordChangeForm
from unfold.widgets import BASE_INPUT_CLASSES

from core.models import User
from core.services.accounts import account_mail, allowances, sign_in
from project.middleware.client_address import network_of
from project.pages.links import LinkPage, OutsidePage
from project.pages.sign_in import wait_page

log = structlog.get_logger(__name__)
INPUT = " ".join(BASE_INPUT_CLASSES)


class ResetForm(forms.Form):
    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "class": INPUT, "autofocus": True}),
    )


class NewPasswordForm(SetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("new_password1", "new_password2"):
            self.fields[name].widget.attrs["class"] = INPUT

    def save(self, commit: bool = True) -> Any:
        """Save the password only, so that other changes made since the page was opened are not
        overwritten."""
        user = super().save(commit=False)
        if commit:
            user.save(update_fields=["password"])
        return user


class ChangePasswordForm(AdminOwnPasswordChangeForm):
    """Asks signed-in users for their old password, with the same limit of tries as the sign-in page."""

    def clean_old_password(self) -> str:
        limit, window = settings.SIGN_IN_TRIES, settings.SIGN_IN_COOL_OFF
        wait = allowances.take("old password", str(self.user.pk), limit=limit, window=window)
        if wait:
            minutes = math.ceil(wait.total_seconds() / 60)
            raise forms.ValidationError(f"Too many tries. Try again in {minutes} minutes.")
        return super().clean_old_password()


@method_decorator(csrf_protect, name="dispatch")
class AskForMail(OutsidePage, FormView):
    """Asks for a mail with a link. The request does the same work for every address; the worker looks up
    whether an account has it."""

    form_class = ResetForm
    template_name = "registration/password_reset_form.html"
    wait_template = "registration/password_reset_wait.html"
    success_url = reverse_lazy("admin:password_reset_sent")

    def ask(self, data: dict[str, Any]) -> timedelta | None:
        """Queue the mail. Returns how long to wait when the network asked too often."""
        return account_mail.ask_by_address(data["email"], network=network_of(self.request))

    def form_valid(self, form: ResetForm) -> HttpResponse:
        try:
            wait = self.ask(form.cleaned_data)
        except DatabaseError:
            log.exception("A mail with a link could not be queued")
            form.add_error(None, "The mail could not be queued; nothing was sent. Try again in a minute.")
            headers = {"Retry-After": "60"}
            return self.render_to_response(self.get_context_data(form=form), status=503, headers=headers)
        if wait:
            return wait_page(self.request, self.wait_template, wait)
        return super().form_valid(form)


class MailIsSent(OutsidePage, views.PasswordResetDoneView):
    template_name = "registration/password_reset_done.html"
    extra_context = {"mails": settings.PASSWORD_MAILS}


@method_decorator(sensitive_post_parameters(), name="dispatch")
class SetPassword(LinkPage):
    template_name = "registration/password_reset_confirm.html"
    cookie = "new_password"
    route = "admin:password_reset_confirm"

    def find(self, uid: str, token: str) -> User | None:
        return account_mail.user_of_link(uid, token)

    def page(self, *, about: User | None, **context: Any) -> HttpResponse:
        form = NewPasswordForm(about) if about is not None else None
        return super().page(about=about, **{"form": form} | context)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with transaction.atomic():
            user = account_mail.user_of_link(kwargs["uidb64"], self.token(), locked=True)
            if user is None:
                return self.page(about=None)
            form = NewPasswordForm(user, request.POST)
            if not form.is_valid():
                return self.page(about=user, form=form)
            form.save()
            # Whoever reads its mail is its owner, and wrong passwords of others must not keep the owner out.
            sign_in.unlock(user)
            sign_in.note_sign_in(user, network_of(request))
        response = HttpResponseRedirect(reverse("admin:password_set"))
        response.delete_cookie(self.cookie, path=request.path)
        return response


class PasswordIsSet(OutsidePage, views.PasswordResetCompleteView):
    template_name = "registration/password_reset_complete.html"
