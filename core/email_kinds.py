"""The e-mails that the product sends: when, with which placeholders, and the shipped texts.

A new e-mail is an entry here and a file in core/emails/ with its subject and text. `mail.send` sends it; the
screen E-mails shows it.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

SHIPPED = Path(__file__).parent / "emails"


@dataclass(frozen=True)
class Placeholder:
    meaning: str
    example: str
    required: bool = False  # without it the e-mail is of no use
    secret: bool = False  # not in the subject, which phones show on their locked screen
    several_lines: bool = False  # what stands for it may have several lines; not in the subject


@dataclass(frozen=True)
class EmailKind:
    name: str
    title: str
    when: str
    placeholders: dict[str, Placeholder]

    @cached_property
    def shipped(self) -> tuple[str, str]:
        """Returns the shipped subject and text."""
        first, _, body = (SHIPPED / f"{self.name}.txt").read_text(encoding="utf-8").partition("\n\n")
        return first.removeprefix("Subject: "), body.strip()


PERSON = {
    "first_name": Placeholder("The person's first name. Left out if it is not known.", "Ana"),
    "name": Placeholder("The person's first and last name.", "Ana Ames"),
    "email": Placeholder("The address that the person signs in with.", "ana@acme.example"),
}
# The new address is not told to the old mailbox, nor the old one to the new mailbox.
NAMES = {name: PERSON[name] for name in ("first_name", "name")}
SITE = "https://dashboard.example/admin/"


def link(meaning: str, path: str) -> Placeholder:
    return Placeholder(meaning, f"{SITE}{path}", required=True, secret=True)


DAYS = {"days": Placeholder("How many days the link works.", "3")}
MINUTES = {"minutes": Placeholder("How many minutes the link works.", "15")}
NEW_PASSWORD = {"link": link("The link to choose a password.", "password/new/…")} | DAYS
SIGN_IN = {"link": link("The link to sign in.", "sign-in/…")} | MINUTES
ASKED_BY = {"asked_by": Placeholder("Who asked for the change.", "Alma Admin")}
NEW_ADDRESS = {"new_address": Placeholder("The new address, shortened.", "a…@acme.example", required=True)}
SIGN_UP = {
    "first_name": PERSON["first_name"],
    "email": Placeholder("The address that was entered.", "ana@acme.example"),
    "team": Placeholder("The team's name.", "Acme"),
    "role": Placeholder("The role in the team.", "Student"),
    "link": link("The link to join.", "join/confirm/…"),
    "days": Placeholder("How many days the link works.", "3"),
}

KINDS = {
    kind.name: kind
    for kind in [
        EmailKind(
            "welcome",
            "Welcome",
            "When an account is made: to people without a password.",
            PERSON | NEW_PASSWORD,
        ),
        EmailKind(
            "joined_team",
            "Added to a team",
            "When somebody who has a password is added to a team with a welcome e-mail.",
            PERSON | NEW_PASSWORD,
        ),
        EmailKind(
            "invitation",
            "Invitation to a team",
            "When a team invites somebody whose account it does not see.",
            PERSON
            | {
                "invited_by": Placeholder("Who invites: name and address.", "Mara Moss (mara@acme.example)"),
                "team": Placeholder("The team's name.", "Acme"),
                "role": Placeholder("The role in the team.", "Student"),
                "link": link("The link to join or decline.", "invitation/…"),
                "days": Placeholder("How many days the link works.", "14"),
            },
        ),
        EmailKind(
            "sign_up_new",
            "Sign-up link: confirmation",
            "When somebody signs up by a team's link with an address that no account has.",
            SIGN_UP,
        ),
        EmailKind(
            "sign_up_known",
            "Sign-up link: known address",
            "When somebody signs up by a team's link with the address of an account.",
            SIGN_UP,
        ),
        EmailKind(
            "password_forgotten",
            "Forgotten password",
            "When somebody asks for it on the sign-in page.",
            PERSON | NEW_PASSWORD,
        ),
        EmailKind(
            "password_reset",
            "Password reset",
            "When an administrator or a team manager chooses Reset Password.",
            PERSON | NEW_PASSWORD,
        ),
        EmailKind(
            "sign_in_link_asked",
            "Sign-in link, asked for",
            "When somebody asks for it on the sign-in page.",
            PERSON | SIGN_IN,
        ),
        EmailKind(
            "sign_in_link_sent",
            "Sign-in link, sent by others",
            "When an administrator or a team manager chooses Send Sign-in Link.",
            PERSON | SIGN_IN,
        ),
        EmailKind(
            "email_change_link",
            "New address: confirmation",
            "When somebody's address is to be changed: to the new address.",
            NAMES
            | ASKED_BY
            | DAYS
            | {"link": link("The link to confirm the new address.", "email-change/…")},
        ),
        EmailKind(
            "email_change_asked",
            "New address: warning",
            "When somebody's address is to be changed: to the present address.",
            NAMES | ASKED_BY | NEW_ADDRESS,
        ),
        EmailKind(
            "email_change_done",
            "New address: done",
            "When somebody's address was changed: to the old address.",
            NAMES
            | NEW_ADDRESS
            | {"how": Placeholder("How it was changed.", "confirmed by a link sent to the new address")},
        ),
        EmailKind(
            "seat_alert",
            "Seats that become full",
            "When seats reach 75, 90 or 100 percent: to the owners of their teams and to administrators who "
            "may see seats.",
            PERSON
            | {
                "seats": Placeholder(
                    "A line for each seat: how full it is, and whether it takes more people.",
                    "- Acme: Accounting 101 is full: 10 of 10 places used. Nobody new can be enrolled "
                    "through it.",
                    required=True,
                    several_lines=True,
                ),
                "count": Placeholder("How many seats.", "1 seat"),
                "link": Placeholder("The link to the seats.", f"{SITE}core/seat/"),
            },
        ),
        EmailKind(
            "webhook_off",
            "Webhook switched off",
            "When deliveries to a webhook have failed for three days, or it answered that it wants no more: "
            "to whoever made it.",
            PERSON
            | {
                "webhook": Placeholder("The webhook's description; without one its address.", "Shop"),
                "url": Placeholder("The webhook's address.", "https://shop.example/hooks", required=True),
                "why": Placeholder("What failed.", "No delivery has reached it for 3 days. Answered 500."),
                "link": Placeholder("The link to the webhook.", f"{SITE}core/webhookendpoint/7/change/"),
            },
        ),
        EmailKind(
            "payment_failed",
            "Payment not carried out",
            "When what Stripe told of a payment could not be carried out: to whoever may see payments.",
            PERSON
            | {
                "event": Placeholder("What Stripe told.", "Checkout completed"),
                "why": Placeholder(
                    "Why it was not carried out.",
                    "There is no course or bundle with the productable id 7.",
                    required=True,
                    several_lines=True,
                ),
                "link": Placeholder("The link to the payment.", f"{SITE}core/stripeevent/7/change/"),
            },
        ),
    ]
}
