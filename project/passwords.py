"""Signing in, and getting a new password by mail."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm, PasswordResetForm, SetPasswordForm
from django.db.models import Q
from django.urls import reverse_lazy
from unfold.forms import AuthenticationForm as UnfoldAuthenticationForm
from unfold.widgets import BASE_INPUT_CLASSES

from core.models import User
from core.models.people import normalize_email

INPUT = " ".join(BASE_INPUT_CLASSES)


class SignInForm(UnfoldAuthenticationForm):
    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "E-mail address and password do not match. Check capital letters in the password; "
        "a forgotten one is replaced by mail.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "E-mail address"
        self.fields["username"].widget.attrs["inputmode"] = "email"

    def confirm_login_allowed(self, user: Any) -> None:
        """Any active person; Django's form for the admin would ask for `is_staff`."""
        AuthenticationForm.confirm_login_allowed(self, user)


class ResetForm(PasswordResetForm):
    """Answers alike whether or not the address is known."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "class": INPUT, "autofocus": True}),
    )

    def get_users(self, email: str) -> Any:
        """Active people who may use the dashboard. Unlike Django's form this includes people who never had
        a password: who came from Thinkific gets their first one this way."""
        belongs = Q(is_staff=True) | Q(is_superuser=True) | Q(global_role__isnull=False)
        return (
            User.objects.filter(belongs | Q(memberships__isnull=False), is_active=True)
            .filter(email=normalize_email(email))
            .distinct()
        )


class NewPasswordForm(SetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("new_password1", "new_password2"):
            self.fields[name].widget.attrs["class"] = INPUT


class OutsidePage:
    """A page for somebody who is not signed in, in the site's colours."""

    request: Any

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | admin.site.each_context(self.request)  # type: ignore[misc]


class AskForMail(OutsidePage, views.PasswordResetView):
    form_class = ResetForm
    template_name = "registration/password_reset_form.html"
    email_template_name = "registration/password_reset_email.txt"
    subject_template_name = "registration/password_reset_subject.txt"
    success_url = reverse_lazy("admin:password_reset_sent")


class MailIsSent(OutsidePage, views.PasswordResetDoneView):
    template_name = "registration/password_reset_done.html"


class SetPassword(OutsidePage, views.PasswordResetConfirmView):
    form_class = NewPasswordForm
    template_name = "registration/password_reset_confirm.html"
    success_url = reverse_lazy("admin:password_set")


class PasswordIsSet(OutsidePage, views.PasswordResetCompleteView):
    template_name = "registration/password_reset_complete.html"
