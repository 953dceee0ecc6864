"""The page for the link in an invitation. Whoever has the link is taken for the invited person."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from core.errors import Refusal
from core.models import Invitation
from core.services import invitations
from core.services.memberships import TeamIsFull


@method_decorator(never_cache, name="dispatch")
class AnswerInvitation(View):
    """GET shows the question, POST answers it: programs that scan mails open links by GET and answer
    nothing."""

    http_method_names = ["get", "head", "post"]

    def get(self, request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
        invitation = invitations.find(uidb64, token)
        void = invitations.why_void(invitation) if invitation else ""
        return self.page(request, invitation=invitation, void=void)

    def post(self, request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
        invitation = invitations.find(uidb64, token)
        if invitation is None:
            return self.page(request, invitation=None)
        if "decline" in request.POST:
            invitations.decline(invitation)
            return self.page(request, invitation=invitation, answer="declined")
        if "join" not in request.POST:
            return self.get(request, uidb64, token)
        try:
            invitations.accept(invitation, by=invitation.user)
        except TeamIsFull:  # its message has numbers that only the team may see
            void = "The team has no room at the moment. Ask whoever invited you; the link goes on working."
            return self.page(request, invitation=invitation, void=void)
        except Refusal as refusal:
            return self.page(request, invitation=invitation, void=str(refusal))
        return self.page(request, invitation=invitation, answer="joined")

    def page(self, request: HttpRequest, *, invitation: Invitation | None, **context: Any) -> HttpResponse:
        context = {**admin.site.each_context(request), "invitation": invitation, **context}
        status = 200 if invitation is not None else 404
        return TemplateResponse(request, "registration/invitation.html", context, status=status)
