"""Dialogs about endpoints: adding, editing, switching, rotating the secret, testing, deleting."""

from typing import Any

from django import forms
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget

from core import acting
from core.admin.kit import cells, shown_once
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.dialogs.fields import switch
from core.admin.webhooks.fields import (
    compatible_field,
    description_field,
    events_field,
    label_of,
    url_field,
    without_key,
)
from core.models import WebhookDelivery, WebhookEndpoint
from core.services.webhooks import addresses, endpoints, events, switching
from core.services.webhooks.addresses import BadAddress
from core.services.webhooks.endpoints import BadEvents
from core.wording import plural

CODE = switching.CODE
SHOWN_ONCE = "The secret of {}. Copy it now: it is not shown again."


class EndpointDialog(Dialog):
    code, in_all_teams = CODE, True


class SecretDialog(EndpointDialog):
    """What decides where events go, or shows a secret."""

    in_own_name = acting.SECRETS
    refused_at = {BadAddress: "url", BadEvents: "events"}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if why := without_key(values):
            self.add_error("compatible", why)
        if "url" in values and (self.obj is None or values["url"] != self.obj.url):
            try:  # here, and not only in the service: nobody waits for the lock while DNS is asked
                addresses.check(values["url"])
            except BadAddress as refusal:
                self.add_error("url", str(refusal))
        return values

    def refuse(self, refusal: Any) -> None:
        field = next((name for kind, name in self.refused_at.items() if isinstance(refusal, kind)), None)
        self.add_error(field, str(refusal))


class AddEndpoint(SecretDialog):
    slug, label, icon, about_new = "add", "Add Endpoint", "add", True
    panel = True
    question = "An endpoint is an address that is told when something happens here. Its secret is shown once."
    url = url_field()
    description = description_field()
    events = events_field()
    compatible = compatible_field()

    def carry_out(self) -> Done:
        endpoint, secret = endpoints.create(by=self.viewer, **self.cleaned_data)
        then = shown_once.kept(endpoint, secret, SHOWN_ONCE.format(endpoint))
        said = f"{endpoint} is added. Send Test shows whether it can be reached."
        return Done(said, cells.detail_url(endpoint), then=then)


class EditEndpoint(SecretDialog):
    slug, label, submit, icon = "edit", "Edit", "Save", "edit"
    panel = True
    shows_stored = True
    url = url_field()
    description = description_field()
    events = events_field()
    compatible = compatible_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.initial = getattr(self.obj, name)

    def carry_out(self) -> Done:
        endpoint = endpoints.update(self.obj, by=self.viewer, **self.cleaned_data)
        return Done(f"{endpoint} is saved.")


class Switch(EndpointDialog):
    """The choice in the row of an endpoint, which is saved at once."""

    slug, label, in_page, in_place = "switch", "Save", True, True
    shows_stored = True
    active = forms.TypedChoiceField(
        label="Active",
        choices=[("True", "On"), ("False", "Off")],
        coerce=lambda value: value == "True",
        widget=UnfoldAdminSelectWidget(),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["active"].initial = str(self.obj.active)

    def carry_out(self) -> Done:
        return _switched(self, self.cleaned_data["active"] in (True, "True"))


class SwitchOn(EndpointDialog):
    slug, label, icon = "switch-on", "Switch On", "toggle_on"

    @classmethod
    def applies(cls, obj: WebhookEndpoint) -> bool:
        return not obj.active

    def text(self) -> str:
        why = f"It was switched off: {self.obj.switched_off_why} " if self.obj.switched_off_why else ""
        return f"{why}From now on events are sent to {self.obj.url} again. Those of meanwhile are not."

    def carry_out(self) -> Done:
        return _switched(self, True)


class SwitchOff(EndpointDialog):
    slug, label, icon, danger = "switch-off", "Switch Off", "toggle_off", True

    @classmethod
    def applies(cls, obj: WebhookEndpoint) -> bool:
        return bool(obj.active)

    def text(self) -> str:
        waiting = self.obj.deliveries.filter(status=WebhookDelivery.Status.PENDING).count()
        waits = f"{plural(waiting, 'delivery', 'deliveries')} that wait will be listed as failed. "
        return f"{waits if waiting else ''}What happens while it is off is not recorded for it."

    def carry_out(self) -> Done:
        return _switched(self, False)


def _switched(form: Dialog, on: bool) -> Done:
    endpoint = switching.switch(form.obj, on=on, by=form.viewer)
    return Done(f"{endpoint} is switched {'on' if on else 'off'}.")


class RotateSecret(SecretDialog):
    slug, label, icon = "rotate", "Rotate Secret", "key"
    question = (
        "A new secret is made and shown once. For 24 hours deliveries carry two signatures, one of each "
        "secret, so that you can change the receiver without a gap."
    )
    at_once = switch("Stop the old secret at once", "If somebody else may know it.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.suggest("at_once", False)

    def facts(self) -> str:
        """When somebody rotates it meanwhile, the dialog asks again."""
        return self.obj.encrypted[-16:]

    def carry_out(self) -> Done:
        secret, obj = endpoints.rotate_secret(self.obj, by=self.viewer, **self.cleaned_data), self.obj
        then = shown_once.kept(obj, secret, SHOWN_ONCE.format(obj))
        return Done(f"{obj} has a new secret.", cells.detail_url(obj), then=then)


class SendTest(EndpointDialog):
    slug, label, icon = "test", "Send Test", "send"
    question = (
        "Sends an example, with people and numbers that are invented. Its id begins with test_, so that the "
        "receiver can tell it from others."
    )
    event = forms.ChoiceField(
        label="Event",
        choices=[(events.TEST, "A test that is no event")]
        + [(name, label_of(name)) for name in events.EVENTS],
        widget=UnfoldAdminSelectWidget(),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.suggest("event", events.TEST)

    @classmethod
    def blocked(cls, target: Any, viewer: Any) -> str:
        return "" if target.active else f"{target} is switched off. Switch it on first."

    def carry_out(self) -> Done:
        delivery = endpoints.send_test(self.obj, self.cleaned_data["event"], by=self.viewer)
        return Done(
            "The test is on its way. This page shows the answer within seconds.", cells.detail_url(delivery)
        )


class DeleteEndpoint(EndpointDialog):
    slug, label, icon, danger = "delete", "Delete", "delete", True
    in_own_name = acting.SECRETS

    def text(self) -> str:
        count = self.obj.deliveries.count()
        log = f" The log of {plural(count, 'delivery', 'deliveries')} is deleted too." if count else ""
        return f"Nothing is sent to {self.obj.url} any more, and what waits is not sent.{log}"

    def carry_out(self) -> Done:
        endpoints.delete(self.obj, by=self.viewer)
        return Done(f"{self.obj} is deleted.", reverse("admin:core_webhookendpoint_changelist"))


ENDPOINT_DIALOGS = (
    AddEndpoint,
    EditEndpoint,
    SendTest,
    RotateSecret,
    Switch,
    SwitchOn,
    SwitchOff,
    DeleteEndpoint,
)
