"""A refund takes places back: all of them, or as many whole ones as the refunded share paid for."""

from core.models import Sale
from core.services.api import expiry
from core.services.payments import account, metadata, places
from core.services.payments.payloads import Payload, key_of, number
from core.services.payments.verdicts import Verdict, done, ignored


def refunded(charge: Payload) -> Verdict:
    """Carry out a refund. Stripe says how much of the charge is refunded in all, so an event that comes twice
    or late takes nothing twice. Raises Refusal."""
    payment = key_of(charge.get("payment_intent"))
    sale = Sale.objects.select_for_update().filter(payment=payment).first() if payment else None
    if sale is None:
        return ignored("No sale that the dashboard knows has this payment.")
    by = account.named()
    amount, back = number(charge.get("amount")), number(charge.get("amount_refunded"))
    whole = charge.get("refunded") is True or 0 < amount <= back
    sale.refunded = max(sale.refunded, back)
    sale.save(update_fields=["refunded"])
    targets = {
        pk: sold if whole else (sold * back // amount if amount else 0)
        for pk, sold in sale.places.values_list("pk", "sold")
    }
    said = places.take_back(sale, targets, why="refunded", by=by)
    if whole and metadata.choice(sale.metadata, "on_refund", ("keep_access", "end_access")) == "end_access":
        for seat in places.left_empty(sale):
            expiry.move(expiry.of_seat(seat), last_day=None, by=by)
            said.append(f"Access that {seat} gave has ended.")
    return done(" ".join(said) or "The refund is too small for a whole place: nothing was taken back.", sale)
