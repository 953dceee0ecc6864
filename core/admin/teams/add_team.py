"""The dialog Add Team: name, owner (perhaps somebody who has no account yet), organization and seats."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from unfold.widgets import UnfoldAdminSelectWidget

from core.admin.kit import cells
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.dialogs.fields import picked
from core.admin.kit.dialogs.pickers import picker
from core.admin.teams.details import description_field, name_field, organization_field
from core.admin.users.dialogs.fields import email_field
from core.admin.users.dialogs.fields import name_field as person_name
from core.errors import Refusal, names
from core.models import Enrollment, Seat, Team, User
from core.permissions import scope
from core.services import people, seats
from core.services.accounts import account_mail
from core.services.people import EmailTaken, NotAnAddress
from core.services.seats.assigning import SecondSeat
from core.services.teams import teams
from core.wording import one_or_many

NONE, SHARED, TEMPLATE = "none", "shared", "template"
MODES = [
    (NONE, "No seats"),
    (SHARED, "Share seats: one pool for all teams of a seat"),
    (TEMPLATE, "Copy seats as templates: the team gets its own"),
]


class AddTeam(Dialog):
    slug, label, icon, about_new = "add", "Add Team", "add", True
    panel = True
    code, in_all_teams = "teams.create", True
    question = "The owner is a member too, and can be replaced but not removed."
    refused_at = {
        EmailTaken: "owner_email",
        NotAnAddress: "owner_email",
        SecondSeat: "seats",
        Refusal: "name",
    }
    name = name_field()
    description = description_field()
    owner = forms.ModelChoiceField(
        label="Owner",
        queryset=User.objects.filter(is_active=True),
        required=False,
        widget=picker(Team.owner),
    )
    owner_email = email_field()
    owner_first_name = person_name("First name of the new owner")
    owner_last_name = person_name("Last name of the new owner")
    organization = organization_field()
    mode = forms.ChoiceField(label="Seats", choices=MODES, widget=UnfoldAdminSelectWidget(), required=False)
    seats = picked(
        Enrollment.last_seat,
        "Which seats",
        multiple=True,
        required=False,
        errors={"invalid_choice": "There is no such seat."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        email = self.fields["owner_email"]
        email.label, email.required = "Or the e-mail address of a new owner", False
        email.help_text = (
            "For somebody without an account: one is made, here and in Thinkific, with a welcome e-mail."
        )
        if "users.create" not in scope.codes_everywhere(self.viewer):
            for name in ("owner_email", "owner_first_name", "owner_last_name"):
                del self.fields[name]
        if "seats.assign" not in scope.codes_everywhere(self.viewer):
            del self.fields["mode"], self.fields["seats"]
        else:
            self.offer("seats", Seat.objects.order_by("name"))
            self.suggest("mode", NONE)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        self._check_owner(values)
        chosen: QuerySet[Seat] | None = values.get("seats")
        mode = values.get("mode") or NONE
        if mode == NONE and chosen:
            self.add_error("mode", "Choose whether the seats are shared or copied, or choose no seats.")
        elif mode != NONE and not chosen and "seats" not in self.errors:
            self.add_error("seats", "Choose at least one seat, or “No seats” above.")
        elif chosen:
            self._check_products(list(chosen.select_related("product")))
        return values

    def _check_owner(self, values: dict[str, Any]) -> None:
        email = values.get("owner_email")
        if values.get("owner") and email:
            self.add_error("owner_email", "Choose an owner or enter a new one, not both.")
        elif not values.get("owner") and not email and not {"owner", "owner_email"} & set(self.errors):
            self.add_error("owner", "Every team has an owner; choose one.")

    def _check_products(self, chosen: list[Seat]) -> None:
        """A team has one seat per product at most."""
        by_product: dict[Any, list[Seat]] = {}
        for seat in chosen:
            by_product.setdefault(seat.product, []).append(seat)
        for product, several in by_product.items():
            if len(several) > 1:
                said = f"{names(several)} {one_or_many(len(several), 'is', 'are')} all on {product}"
                self.add_error("seats", f"{said}; a team has one seat per product. Choose one of them.")

    def carry_out(self) -> Done:
        values = self.cleaned_data
        team = teams.create(
            name=values["name"],
            description=values["description"],
            organization=values["organization"],
            owner=values["owner"] or self._new_owner(),
            by=self.viewer,
        )
        if not values["owner"]:
            people.change_home_team(team.owner, team=team, by=self.viewer)
        given = list(values.get("seats") or ())
        for seat in given:
            assign = seats.assign_copies if values["mode"] == TEMPLATE else seats.assign
            assign(seat, [team], by=self.viewer)
        next_step = "Add people and groups next." if given else "Add people, groups and seats next."
        return Done(f"{team} is created. {next_step}", cells.detail_url(team))

    def _new_owner(self) -> User:
        values = self.cleaned_data
        try:
            owner = people.create_user(
                email=values["owner_email"],
                first_name=values["owner_first_name"],
                last_name=values["owner_last_name"],
                by=self.viewer,
            )
        except EmailTaken as taken:
            if taken.account is None:
                raise
            first = "" if taken.account.is_active else "That account is switched off: switch it on first. "
            raise EmailTaken(
                f"{taken.account} has an account with {values['owner_email']} already. {first}"
                "Choose this person as owner above."
            ) from None
        account_mail.ask_for_welcome(owner, by=self.viewer)
        return owner
