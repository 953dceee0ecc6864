"""The rows that histories show: who did what to which object, and which values changed."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Field, ForeignKey, Model, OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from core.admin.kit import cells, recorded_at
from core.admin.kit.recorded_words import difference, label
from core.email_display import as_people_write
from core.models import (
    EmailText,
    Enrollment,
    GroupAssignment,
    Invitation,
    Membership,
    Note,
    Organization,
    Role,
    Seat,
    SeatAssignment,
    SeatTag,
    ShortLink,
    SignUpLink,
    SiteSettings,
    StoredSecret,
    Tag,
    Team,
    User,
    UserTag,
    WebhookEndpoint,
)
from core.models.fields.history import AS_IT_WAS, done_by

TYPES = {"+": "Added", "~": "Changed", "-": "Deleted"}
RUN = re.compile(r"\brun (\d{1,18})$")  # the end of a pull's reason: "Thinkific, run 12"
OWN = {"history_id", "history_date", "history_change_reason", "history_type", "history_user", "impersonator"}
BOOKKEEPING = {"changed_at", "edited_at"}  # the time of the row itself
OWN |= {"history_user_name", "impersonator_name", "impersonation", "id"}


class Names:
    """The names of objects that rows refer to. They are read together: one query per model, and one more for
    deleted objects, whose names come from the history."""

    def __init__(self) -> None:
        self._asked: dict[type[Model], set[int]] = defaultdict(set)
        self._known: dict[tuple[type[Model], int], str] = {}
        self._present: set[tuple[type[Model], int]] = set()

    def ask(self, row: Any, fields: Iterable[str]) -> None:
        for name in fields:
            field = row._meta.get_field(name)
            if (key := getattr(row, field.attname)) is not None:
                self._asked[field.related_model].add(key)

    def read(self) -> None:
        for model, keys in self._asked.items():
            rows: QuerySet = model._base_manager.filter(pk__in=keys)
            if model is Enrollment:
                rows = rows.select_related("user", "product")
            present = {(model, row.pk): str(row) for row in rows}
            self._known |= present
            self._present |= present.keys()
            deleted = {key for key in keys if (model, key) not in self._known}
            recorded = RECORDED.get(str(model._meta.model_name))
            if deleted and recorded is not None and not recorded.named_by:
                last = recorded.model.history.filter(id__in=deleted).order_by("history_id")
                self._known |= {(model, row.id): recorded.name(row, self) for row in last}

    def has(self, obj: Model) -> bool:
        """Whether an object that a row refers to is still there."""
        return (type(obj), obj.pk) in self._present

    def of(self, row: Any, name: str) -> str:
        """Returns the name of the object that a row's foreign key refers to; empty for None."""
        field = row._meta.get_field(name)
        key = getattr(row, field.attname)
        if key is None:
            return ""
        return (
            self._known.get((field.related_model, key)) or f"{field.related_model._meta.verbose_name} {key}"
        )


@dataclass(frozen=True)
class Recorded:
    """A model with a history, how to name its objects, and the foreign keys that the name needs
    (`named_by`)."""

    model: Any
    name: Callable[[Any, Names], str]
    named_by: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        return str(self.model._meta.model_name)

    @property
    def label(self) -> str:
        return capfirst(self.model._meta.verbose_name_plural)

    def rows(self) -> QuerySet:
        rows: QuerySet = self.model.history.select_related("history_user", "impersonator")
        return rows.order_by("-history_date", "-history_id")

    def refers_by(self, model: type[Model]) -> str:
        """Returns the foreign key by which the name of these objects tells of one of this model; empty when
        none does."""
        named = (self.model._meta.get_field(name) for name in self.named_by)
        return next((field.name for field in named if field.related_model is model), "")

    def fields(self) -> list[Field]:
        return [f for f in self.model.history.model._meta.concrete_fields if f.name not in OWN]


RECORDED = {
    recorded.slug: recorded
    for recorded in [
        Recorded(
            User,
            lambda row, names: f"{row.first_name} {row.last_name}".strip() or as_people_write(row.email),
        ),
        Recorded(Team, lambda row, names: row.name),
        Recorded(Organization, lambda row, names: row.name),
        Recorded(
            Membership,
            lambda row, names: f"{names.of(row, 'user')} in {names.of(row, 'team')}",
            ("user", "team"),
        ),
        Recorded(
            Invitation,
            lambda row, names: f"{as_people_write(row.address)} for {names.of(row, 'team')}",
            ("team",),
        ),
        Recorded(
            SignUpLink,
            lambda row, names: row.label or f"Sign-up link of {names.of(row, 'team')}",
            ("team",),
        ),
        Recorded(
            ShortLink,
            lambda row, names: (
                row.label or f"Short link of {names.of(row, 'team') or names.of(row, 'product')}"
            ),
            ("team", "product"),
        ),
        Recorded(Role, lambda row, names: row.name),
        Recorded(Seat, lambda row, names: row.name),
        Recorded(
            SeatAssignment,
            lambda row, names: f"{names.of(row, 'seat')} for {names.of(row, 'team')}",
            ("seat", "team"),
        ),
        Recorded(
            Enrollment,
            lambda row, names: f"{names.of(row, 'user')} in {names.of(row, 'product')}",
            ("user", "product"),
        ),
        Recorded(
            GroupAssignment,
            lambda row, names: f"group {names.of(row, 'group')}, team {names.of(row, 'team')}",
            ("group", "team"),
        ),
        Recorded(Note, lambda row, names: f"about {names.of(row, 'user')}", ("user",)),
        Recorded(Tag, lambda row, names: row.name),
        Recorded(
            UserTag, lambda row, names: f"{names.of(row, 'tag')} on {names.of(row, 'user')}", ("tag", "user")
        ),
        Recorded(
            SeatTag, lambda row, names: f"{names.of(row, 'tag')} on {names.of(row, 'seat')}", ("tag", "seat")
        ),
        Recorded(SiteSettings, lambda row, names: "Settings"),
        Recorded(StoredSecret, lambda row, names: str(row.get_name_display())),
        Recorded(WebhookEndpoint, lambda row, names: row.description or row.url),
        Recorded(EmailText, lambda row, names: str(EmailText(name=row.name))),
    ]
}

Row = tuple[Recorded, Any]
FieldChange = tuple[Field, Any, Any]  # a field, the row before, the row after


def shown(rows: list[Row]) -> list[dict[str, Any]]:
    """Returns the rows in the form for the template, without those of changes that no column of the history
    shows. The number of queries does not depend on their number."""
    field_changes, names = _field_changes(rows), Names()
    rows = [
        (recorded, row)
        for recorded, row in rows
        if row.history_change_reason or field_changes.get((recorded.slug, row.history_id)) != []
    ]
    for recorded, row in rows:
        names.ask(row, recorded.named_by)
        for field, before, after in field_changes.get((recorded.slug, row.history_id), []):
            if isinstance(field, ForeignKey):
                names.ask(before, [field.name])
                names.ask(after, [field.name])
    names.read()
    runs = _runs(rows)
    places = [_url_and_gone(recorded, row, names) for recorded, row in rows]
    return [
        {
            "moment": cells.moment(row.history_date),
            "who": _who(row),
            "as_it_was": _is_as_it_was(row),
            "what": TYPES.get(row.history_type, row.history_type),
            "kind": capfirst(str(recorded.model._meta.verbose_name)),
            "name": recorded.name(row, names),
            "url": url,
            "gone": gone,
            "changes": [
                (label(recorded.slug, field), *_values(field, before, after, names))
                for field, before, after in field_changes.get((recorded.slug, row.history_id), [])
                if field.name not in BOOKKEEPING
            ],
            "reason": _reason(row, runs),
        }
        for (recorded, row), (url, gone) in zip(rows, places, strict=True)
    ]


def _field_changes(rows: list[Row]) -> dict[tuple[str, int], list[FieldChange]]:
    """Returns for each change the fields that differ from the object's row before it."""
    found = {}
    for recorded in RECORDED.values():
        changed = {row.history_id: row for kind, row in rows if kind is recorded and row.history_type == "~"}
        if not changed:
            continue
        history = recorded.model.history
        older = history.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id"))
        older = older.order_by("-history_id").values("history_id")[:1]
        pairs = dict(
            history.filter(history_id__in=list(changed)).order_by().values_list("history_id", Subquery(older))
        )
        before = history.in_bulk([key for key in pairs.values() if key is not None])
        for key, row in changed.items():
            if (old := before.get(pairs.get(key))) is not None:
                found[recorded.slug, key] = [
                    (field, old, row)
                    for field in recorded.fields()
                    if getattr(old, field.attname) != getattr(row, field.attname)
                ]
    return found


def _who(row: Any) -> str:
    who, impersonator = done_by(row, "history_user"), done_by(row, "impersonator")
    return as_people_write(f"{impersonator} as {who}" if impersonator else who)


def _is_as_it_was(row: Any) -> bool:
    """Whether a row only records the values before the first change, and no action of a user."""
    return bool(row.history_type == "+" and row.history_change_reason == AS_IT_WAS)


def _values(field: Field, before: Any, after: Any, names: Names) -> tuple[str | SafeString, str | SafeString]:
    if isinstance(field, ForeignKey):
        return names.of(before, field.name) or cells.NOTHING, names.of(after, field.name) or cells.NOTHING
    return difference(field, getattr(before, field.attname), getattr(after, field.attname))


def _runs(rows: list[Row]) -> set[int]:
    """Returns the runs that these rows name and that still exist."""
    named = {int(found[1]) for _, row in rows if (found := RUN.search(row.history_change_reason or ""))}
    runs = apps.get_model("integrations", "SyncRun")._default_manager
    return set(runs.filter(pk__in=named).values_list("pk", flat=True)) if named else set()


def _reason(row: Any, runs: set[int]) -> str | SafeString:
    reason = row.history_change_reason or ""
    found = RUN.search(reason)
    if found is None or int(found[1]) not in runs:
        return reason
    url = reverse("admin:integrations_syncrun_change", args=[found[1]])
    return format_html('{}<a class="underline" href="{}">{}</a>', reason[: found.start()], url, found[0])


def _url_and_gone(recorded: Recorded, row: Any, names: Names) -> tuple[str, bool]:
    """Returns the address of the object's history or of the page where it stands, and whether that page's
    object is deleted. The address is empty when there is no such page for the viewer."""
    if url := recorded_at.history_url(recorded.model, row.id):
        return url, False
    if recorded.model is StoredSecret:
        return recorded_at.page_url(SiteSettings(pk=1), "thinkific"), False
    place, tab = recorded_at.listed_at(recorded.model, row)
    if place is None or not names.has(place):
        return "", place is not None
    return recorded_at.page_url(place, tab), False
