"""All that is held about one person, as one JSON document: for requests under data protection law.

Other people are not named in it: who wrote a note or changed a membership has the same rights. Secrets are
left out (`held.LEFT_OUT`). E-mails that were sent are not stored, so there are none; the file says so.
"""

from collections.abc import Callable, Iterator
from typing import Any

from axes.models import AccessAttempt, AccessLog
from django.apps import apps
from django.db.models import BinaryField, ForeignKey, Model, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.text import slugify

from core.exports.json_files import dumped
from core.exports.person import held
from core.models import User
from core.services.accounts.sign_in import account_key

TOGETHER = 500  # rows that are read at once
NOT_STORED = (
    "E-mails: the dashboard stores none that it has sent.",
    "Passwords, and the secrets of API tokens: only their digests are stored, which are left out.",
    "Other people: who wrote a note or changed something is not named.",
)
Section = tuple[str, Iterator[Any]]


def written(person: User, tick: Callable[[int], None]) -> Iterator[bytes]:
    """Yields the bytes of the document. `tick` is told how many rows are done."""
    about = {
        "about": "All that the dashboard holds about this person",
        "made_at": timezone.now(),
        "not_in_this_file": NOT_STORED,
        "account": _values(person, person),
    }
    yield dumped(about)[:-1].encode()
    done = 0
    for name, rows in _sections(person):
        yield f",\n{dumped(name)}: [".encode()
        separator = "\n"
        for row in rows:
            done += 1
            tick(done)
            yield f"{separator}{dumped(row)}".encode()
            separator = ",\n"
        yield b"]"
    yield b"\n}\n"


def _sections(person: User) -> Iterator[Section]:
    keys = {held.named(model, field): (model, field) for model, field in held.references()}
    for key in sorted(held.ABOUT & keys.keys()):
        model, field = keys[key]
        yield _name(model, field), _rows(model._base_manager.filter(**{field: person}), person)
    history = User.history.model._base_manager
    yield "history_of_the_account", _rows(history.filter(id=person.pk), person)
    yield "sign_ins", _rows(AccessLog.objects.filter(username=account_key(person.email)), person)
    yield "wrong_passwords", _rows(AccessAttempt.objects.filter(username=account_key(person.email)), person)
    yield "done", _done(person, keys)
    for label, field in held.COPIES.items():
        yield f"copies_in_{_plural(apps.get_model(label))}", _copies(apps.get_model(label), field, person)


def _name(model: type[Model], field: str) -> str:
    called = _recorded(model)
    return f"{'' if called is model else 'history_of_'}{_plural(called)}"


def _recorded(model: type[Model]) -> type[Model]:
    """Returns the model whose changes a table of the history has; for other models the model itself."""
    return apps.get_model(model._meta.app_label, model.__name__.removeprefix("Historical"))


def _plural(model: type[Model]) -> str:
    return slugify(str(model._meta.verbose_name_plural)).replace("-", "_")


def _rows(rows: QuerySet, person: User) -> Iterator[dict[str, Any]]:
    for some in _parts(rows.select_related(*_named_by(rows.model))):
        yield from (_values(row, person) for row in some)


def _parts(rows: QuerySet) -> Iterator[list[Any]]:
    """Yields rows in parts. No statement is open while others write."""
    rows, last = rows.order_by("pk"), None
    while some := list((rows if last is None else rows.filter(pk__gt=last))[:TOGETHER]):
        yield some
        last = some[-1].pk


def _named_by(model: type[Model]) -> list[str]:
    """Returns the foreign keys whose object is named in a row."""
    fields = (field for field in model._meta.fields if isinstance(field, ForeignKey))
    return [field.name for field in fields if _is_shown(field) and field.related_model is not User]


def _is_shown(field: Any) -> bool:
    is_name_of_other = field.name.endswith("_name") and field.name.removesuffix("_name") in held.PEOPLE
    return not isinstance(field, BinaryField) and field.name not in held.LEFT_OUT and not is_name_of_other


def _values(row: Model, person: User) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in row._meta.fields:
        if not _is_shown(field):
            continue
        if not isinstance(field, ForeignKey):
            found[field.name] = getattr(row, field.attname)
        elif field.related_model is not User:
            key = getattr(row, field.attname)
            found[field.name] = None if key is None else {"id": key, "name": _called(row, field.name)}
    return found


def _called(row: Model, name: str) -> str:
    """Returns the name of a related object; empty when it was deleted (rows of the history have no
    constraint)."""
    try:
        return str(getattr(row, name) or "")
    except row._meta.get_field(name).related_model.DoesNotExist:  # type: ignore[union-attr]
        return ""


def _done(person: User, keys: dict[str, tuple[type[Model], str]]) -> Iterator[dict[str, Any]]:
    """Yields what the person did: what to, which one, how and when. The rows are about others."""
    for key, (model, field) in sorted(keys.items()):
        if key not in held.DONE and field not in held.BY:
            continue
        rows = model._base_manager.filter(**{field: person})
        moment = _moment_of(model)
        is_history = hasattr(model, "history_date")
        for some in _parts(rows):
            for row in some:
                yield {
                    "what": str(_recorded(model)._meta.verbose_name),
                    "id": row.id if is_history else row.pk,
                    "as": field,
                    "change": row.get_history_type_display() if is_history else None,
                    "at": getattr(row, moment) if moment else None,
                }


def _moment_of(model: type[Model]) -> str:
    names = ("history_date", "created_at", "asked_at", "started_at", "action_time", "made_at")
    return next((name for name in names if name in {f.name for f in model._meta.fields}), "")


def _copies(model: type[Model], field: str, person: User) -> Iterator[dict[str, Any]]:
    """Yields the rows whose JSON has the person's address as a value."""
    wanted = Q(as_text__icontains=f'"{person.email}"')
    rows = model._base_manager.annotate(as_text=Cast(field, TextField())).filter(wanted)
    for some in _parts(rows):
        yield from (_values(row, person) for row in some)
