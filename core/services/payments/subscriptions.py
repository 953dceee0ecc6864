"""Renewals of a subscription move the end of access, and its end takes the places back."""

from datetime import date, datetime, timedelta

from django.utils import timezone

from core import moments
from core.errors import Refusal
from core.models import Sale, Seat
from core.services.api import expiry
from core.services.payments import account, metadata, places
from core.services.payments.payloads import Payload, key_of, period_end, subscription_of
from core.services.payments.verdicts import Verdict, done, ignored
from core.wording import plural

# Stripe collects the next payment about an hour after the period has ended.
GRACE = timedelta(days=1)
FIRST, RENEWAL = "subscription_create", "subscription_cycle"
UNKNOWN = "No sale that the dashboard knows has this subscription."


def renewed(invoice: Payload) -> Verdict:
    """Let access last as long as an invoice pays for. An older invoice that comes late shortens nothing, nor
    does any where the seat has places that this sale did not bring. Raises Refusal."""
    sale = _sale(subscription_of(invoice))
    if sale is None:
        return ignored(UNKNOWN)
    reason = invoice.get("billing_reason")
    if reason not in (FIRST, RENEWAL):
        return ignored("This invoice begins no period of the subscription.", sale)
    if sale.ended_at is not None:
        return ignored("The subscription has ended already.", sale)
    by, end = account.named(), period_end(invoice)
    if end is None:
        raise Refusal("The invoice does not say which period it pays for.")
    last_day = min(end + GRACE, moments.LAST_DAY)
    if sale.paid_until is not None and last_day <= sale.paid_until:
        return done(f"Access was paid until {moments.day(sale.paid_until)} already.", sale)
    sale.paid_until = last_day
    sale.save(update_fields=["paid_until"])
    if reason == FIRST:
        return done(f"The first period ends on {moments.day(end)}.", sale)
    count = longer = 0
    for seat in _seats(sale):
        found = expiry.of_seat(seat)
        shared = places.is_shared(sale, seat)
        moved = [one for one in found if not (shared and _lasts_beyond(one.expiry_date, last_day))]
        expiry.move(moved, last_day=last_day, by=by)
        count, longer = count + len(moved), longer + len(found) - len(moved)
    said = f"{plural(count, 'enrollment lasts', 'enrollments last')} until {moments.day(last_day)}."
    if longer:
        more = plural(longer, "enrollment")
        said += f" {more} with a later end stayed: the seat has places that this sale did not bring."
    return done(said, sale)


def ended(subscription: Payload) -> Verdict:
    """Take the places of a subscription back. Access ends with what was paid for, unless the metadata say
    that it stays, or the seat has places of other sales. Raises Refusal."""
    sale = _sale(key_of(subscription.get("id")))
    if sale is None:
        return ignored(UNKNOWN)
    if sale.ended_at is not None:
        return done("The end of this subscription was carried out already.", sale)
    by = account.named()
    sale.ended_at = timezone.now()
    sale.save(update_fields=["ended_at"])
    targets = dict(sale.places.values_list("pk", "sold"))
    said = places.take_back(sale, targets, why="the subscription ended", by=by)
    if metadata.choice(sale.metadata, "on_end", ("end_access", "keep_access")) == "end_access":
        last_day = _last_day(sale)
        for seat in places.left_empty(sale):
            longer = [one for one in expiry.of_seat(seat) if _lasts_beyond(one.expiry_date, last_day)]
            expiry.move(longer, last_day=last_day, by=by)
            when = f"ends on {moments.day(last_day)}" if last_day else "has ended"
            said.append(f"Access that {seat} gave {when}.")
    return done(" ".join(said) or "There was nothing left to take back.", sale)


def _sale(subscription: str) -> Sale | None:
    rows = Sale.objects.select_for_update().filter(subscription=subscription)
    return rows.first() if subscription else None


def _seats(sale: Sale) -> list[Seat]:
    keys = sale.places.exclude(seat=None).values("seat")
    return list(Seat.objects.filter(pk__in=keys).order_by("pk"))


def _last_day(sale: Sale) -> date | None:
    """Returns the last day that is paid for; None when that is past, or not known."""
    paid = sale.paid_until - GRACE if sale.paid_until else None
    return paid if paid is not None and paid >= timezone.localdate() else None


def _lasts_beyond(end: datetime | None, last_day: date | None) -> bool:
    last = moments.end_of(last_day)
    return end is None or last is None or end > last
