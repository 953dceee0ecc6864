"""What a person does about a payment that was not carried out."""

from typing import Any

from core.admin.kit.dialogs.dialog import Dialog, Done
from core.models import StripeEvent
from core.services.payments import alerts, inbox

Status = StripeEvent.Status


class PaymentDialog(Dialog):
    code, in_all_teams = alerts.CODE, True

    @classmethod
    def applies(cls, obj: Any) -> bool:
        return bool(obj.status == Status.FAILED)

    @classmethod
    def why_not_needed(cls, obj: Any) -> str:
        return "This payment has not failed."

    def facts(self) -> str:
        """When it was carried out again meanwhile, the dialog asks again."""
        return f"{self.obj.status} {self.obj.outcome}"


class Retry(PaymentDialog):
    slug, label, icon = "retry", "Retry", "replay"

    def text(self) -> str:
        return f"It is carried out again, whole or not at all. It had failed: {self.obj.outcome}"

    def carry_out(self) -> Done:
        inbox.retry(self.obj)
        return Done("It is carried out again. This page shows the outcome within seconds.")


class SetAside(PaymentDialog):
    slug, label, icon = "set-aside", "Set Aside", "done_all"
    question = (
        "For a payment that you have settled by hand: it is listed as ignored, and nothing else is done. It "
        "cannot be retried afterwards."
    )

    def carry_out(self) -> Done:
        inbox.set_aside(self.obj, by=self.viewer)
        return Done("The payment is set aside.")
