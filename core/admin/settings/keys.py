"""The keys for Thinkific and Stripe: entered, replaced and removed, but never shown."""

from typing import Any

from django import forms
from django.db.models import Model
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget

from core import acting
from core.admin.kit.dialogs.dialog import Dialog, Done, button, url_of
from core.admin.settings.defaults import address
from core.models import SiteSettings, StoredSecret, User
from core.pills import pill
from core.services.payments import account
from core.services.site import connection, secrets

Name = StoredSecret.Name
SEVERAL = {Name.WEBHOOK_SECRETS}  # whose label is a plural
LONGEST = 4000  # characters; an access token has fewer than 1,000
HELP = {
    Name.API_KEY: "Thinkific shows it under Settings, Code & analytics, API.",
    Name.ACCESS_TOKEN: "Needed for the history of quiz results, certificates, courses made in the new course "
    "builder, and removals from groups.",
    Name.WEBHOOK_SECRETS: "Other secrets that Thinkific signs webhooks with, one on each line. The API key "
    "and the access token are tried besides.",
    Name.STRIPE: "Stripe shows it (whsec_…) on the page of the webhook endpoint. Of several, separated by "
    "blanks or commas, each counts. Without one, no event of Stripe is accepted.",
}
BY_TAB = {
    "thinkific": (Name.API_KEY, Name.ACCESS_TOKEN, Name.WEBHOOK_SECRETS),
    "payments": (Name.STRIPE,),
}
USED_AT_ONCE = "All processes use what is stored from their next request or task on."
TRY_IT = {"thinkific": "Test the connection now.", "payments": "Let Stripe send a test event now."}


def _tab_of(name: Name) -> str:
    return next(tab for tab, names in BY_TAB.items() if name in names)


def _are(name: Name) -> str:
    return "are" if name in SEVERAL else "is"


class HiddenLines(UnfoldAdminTextareaWidget):
    """Lines that a page with an error does not show again."""

    def format_value(self, value: Any) -> str:
        return ""


class KeyDialog(Dialog):
    permission = "core.change_sitesettings"
    in_own_name = acting.SECRETS
    tab = "keys"  # its buttons stand in the card, not above the tab
    name: Name
    danger = False

    @classmethod
    def blocked(cls, target: Any, viewer: User) -> str:
        return account.why_not_to_decide(viewer) if cls.name == Name.STRIPE else ""

    def locks(self) -> Model | None:
        return self.obj

    def facts(self) -> str:
        """Returns when it was changed last: when somebody replaces it meanwhile, the dialog asks again."""
        row = StoredSecret.objects.filter(name=self.name).first()
        return f"{row.changed_at.isoformat()}" if row else "none is stored"


class EnterKey(KeyDialog):
    icon, submit = "key", "Save"
    secret = forms.CharField(
        max_length=LONGEST, widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["secret"]
        field.label, field.help_text = str(capfirst(self.name.label)), HELP[self.name]
        field.show_hidden_initial = False
        if self.name == Name.WEBHOOK_SECRETS:
            field.widget = HiddenLines(attrs={"rows": 3, "autocomplete": "off"})

    @classmethod
    def blocked(cls, target: Any, viewer: User) -> str:
        if connection.set_by_environment(cls.name):
            set_by = f"set by the environment ({cls.name.value}), which counts."
            return f"The {cls.name.label} {_are(cls.name)} {set_by}"
        return super().blocked(target, viewer)

    def text(self) -> str:
        stored = self.name in secrets.stored()
        if stored:
            what = f"The stored {self.name.label} {_are(self.name)} replaced."
        else:
            what = f"{'They are' if self.name in SEVERAL else 'It is'} stored encrypted."
        return f"{what} Nobody can read it here afterwards."

    def clean_secret(self) -> str:
        secret = self.cleaned_data["secret"]
        if self.name == Name.STRIPE:
            secret = "\n".join(connection.several(secret))
        else:
            secret = "\n".join(secret.split()) if self.name == Name.WEBHOOK_SECRETS else secret.strip()
        if not secret:
            raise forms.ValidationError("Enter the secret.")
        if not all("!" <= character <= "~" or character == "\n" for character in secret):
            raise forms.ValidationError("It holds characters that cannot be sent. Copy it again.")
        return secret

    def carry_out(self) -> Done:
        secrets.store(self.name, self.cleaned_data["secret"])
        tab = _tab_of(self.name)
        said = f"The {self.name.label} {_are(self.name)} stored. {USED_AT_ONCE} {TRY_IT[tab]}"
        return Done(said, url=address(tab))


class RemoveKey(KeyDialog):
    icon, submit, danger = "key_off", "Remove", True

    @classmethod
    def applies(cls, obj: Any) -> bool:
        return cls.name in secrets.stored()

    @classmethod
    def why_not_needed(cls, obj: Any) -> str:
        return f"No {cls.name.label} {_are(cls.name)} stored."

    def text(self) -> str:
        if self.name == Name.STRIPE:
            return (
                "The stored Stripe signing secret is deleted and cannot be restored. No event of Stripe is "
                "accepted any more; Stripe sends them again for three days."
            )
        return (
            f"The stored {self.name.label} {_are(self.name)} deleted and cannot be restored. What needs "
            f"{'them' if self.name in SEVERAL else 'it'} stops until somebody enters a new one; changes wait "
            "and nothing is lost."
        )

    def carry_out(self) -> Done:
        secrets.remove(self.name)
        return Done(f"The {self.name.label} {_are(self.name)} removed.", url=address(_tab_of(self.name)))


def _dialog(kind: type[KeyDialog], verb: str, name: Name) -> type[Dialog]:
    slug = f"{verb.lower()}-{name.label.lower().replace(' ', '-')}"
    title = f"{verb} {name.label if name.label.startswith('API') else name.label.title()}"
    values = {"slug": slug, "label": verb, "title": title, "name": name, "__module__": __name__}
    return type(f"{kind.__name__}{name.name}", (kind,), values)


DIALOGS: dict[Name, tuple[type[Dialog], type[Dialog]]] = {
    name: (_dialog(EnterKey, "Change", name), _dialog(RemoveKey, "Remove", name)) for name in Name
}
KEY_DIALOGS = tuple(dialog for both in DIALOGS.values() for dialog in both)


def rows(settings: SiteSettings, viewer: User, tab: str) -> list[dict[str, Any]]:
    """Returns the keys of a tab with their states, and the buttons for what the viewer may do."""
    changed = dict(StoredSecret.objects.values_list("name", "changed_at"))
    return [
        {
            "label": capfirst(name.label),
            "help": HELP[name],
            "state": _state(name, stored=name in changed),
            "problem": connection.secret(name).problem,
            "changed_at": None if connection.set_by_environment(name) else changed.get(name),
            "variable": name.value if connection.set_by_environment(name) else "",
            "buttons": [
                button(url_of(settings._meta, dialog.slug, settings.pk), dialog.label)
                for dialog in DIALOGS[name]
                if dialog.may_now(viewer, settings) and dialog.applies(settings)
                if not dialog.blocked(settings, viewer)
            ],
        }
        for name in BY_TAB.get(tab, ())
    ]


def _state(name: Name, *, stored: bool) -> SafeString:
    if connection.set_by_environment(name):
        return pill("Set by the environment")
    if connection.secret(name).problem:
        return pill("Cannot be read")
    return pill("Stored") if stored else pill("Not set")
