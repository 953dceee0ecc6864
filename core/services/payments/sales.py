"""A paid checkout session becomes people, a team and places, once."""

from core.errors import Refusal
from core.models import Sale, SalePlaces, User
from core.services.api import products
from core.services.api.provision import Places, provision
from core.services.api.users import Changes
from core.services.payments import account, inbox, metadata
from core.services.payments.metadata import Sold
from core.services.payments.payloads import Payload, key_of, number, part, text
from core.services.payments.verdicts import Verdict, done, ignored
from core.wording import listed, plural

PAID = {"paid", "no_payment_required"}  # the second: a trial, or a coupon for all of it
NAME_LENGTH = 150


def paid(session: Payload) -> Verdict:
    """Carry out a session that is paid. Raises Refusal."""
    values = metadata.ours(session.get("metadata"))
    if not values:
        return ignored("This checkout has no metadata for the dashboard.")
    if session.get("mode") == "setup":
        return ignored("This checkout stores a way to pay and sells nothing.")
    if session.get("payment_status") not in PAID:
        return ignored("Not paid yet. Stripe sends another event when it is.")
    key = key_of(session.get("id"))
    if known := Sale.objects.filter(session_id=key).first():
        return done("This checkout was carried out already.", known)
    sold, by = metadata.read(values), account.named()
    rows = products.chosen(by, sold.numbers, product_type=sold.product_type)
    made = provision(
        buyer=_buyer(sold, session),
        choice=sold.team,
        places=[Places(product, count, sold.days) for product, count in zip(rows, sold.places, strict=True)],
        products=rows if sold.enroll_buyer else [],
        by=by,
    )
    sale = Sale.objects.create(
        session_id=key,
        payment=key_of(session.get("payment_intent")),
        subscription=key_of(session.get("subscription")),
        metadata=values,
        buyer=made.user,
        team=made.team,
        amount=number(session.get("amount_total")),
        currency=text(session.get("currency"))[:10],
    )
    SalePlaces.objects.bulk_create(
        SalePlaces(sale=sale, product=product, seat=seat, sold=count)
        for product, seat, count in zip(rows, made.seats, sold.places, strict=True)
    )
    inbox.reopen(sale)
    inbox.settle(sale)
    told = [
        f"{plural(count, 'place')} on {product}" for product, count in zip(rows, sold.places, strict=True)
    ]
    return done(f"{made.team} got {listed(told)}.", sale)


def _buyer(sold: Sold, session: Payload) -> Changes:
    """Returns the buyer. Whoever pays can enter any address, so the name of a known person stays."""
    details = session.get("customer_details")
    email = sold.email or text(part(details, "email")) or text(session.get("customer_email"))
    if not email:
        raise Refusal("The checkout has no e-mail address, neither of the buyer nor as b2b_email.")
    name = (sold.name or text(part(details, "name")))[:NAME_LENGTH].strip()
    known = User.objects.of_address(email).exists()
    return Changes(email=email, name=None if known or not name else name)
