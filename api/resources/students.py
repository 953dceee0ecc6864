"""Students as the API shows them: a person seen through their memberships as a student.

A page takes a constant number of queries, and only those for the fields that are asked for.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from ninja import Schema
from pydantic import ConfigDict

from api.answers import moment
from api.errors import Invalid
from core.models import Enrollment, Team, User, UserTag
from core.permissions import students

COLUMNS = ("id", "first_name", "last_name", "email", "thinkific_id", "created_at", "updated_at")
# Of a guest, whose account belongs elsewhere, a team's viewer sees none of these.
OF_OWN_PEOPLE: dict[str, Any] = {"thinkific_id": None, "tags": [], "created_at": None, "updated_at": None}


class StudentEnrollment(Schema):
    product_id: int
    productable_id: int
    productable_type: str
    name: str
    status: str
    percentage_completed: float
    expiry_date: str | None


class StudentOut(Schema):
    id: int
    first_name: str
    last_name: str
    email: str
    thinkific_id: int | None
    users: list[str]
    tags: list[str]
    enrollments: list[StudentEnrollment]
    created_at: str | None
    updated_at: str | None


FIELDS = tuple(StudentOut.model_fields)


def _nothing_required(schema: dict[str, Any]) -> None:
    schema.pop("required", None)


class StudentPart(StudentOut):
    """A student with the `fields` that were asked for."""

    model_config = ConfigDict(json_schema_extra=_nothing_required)


EXAMPLE = {
    "id": 42,
    "first_name": "John",
    "last_name": "Doe",
    "email": "j.doe@www.wooninja.io",
    "thinkific_id": 90000017,
    "users": ["info@www.wooninja.io"],
    "tags": ["Spring intake"],
    "enrollments": [
        {
            "product_id": 12,
            "productable_id": 1379051,
            "productable_type": "Course",
            "name": "Forklift Safety",
            "status": "active",
            "percentage_completed": 0.25,
            "expiry_date": "2027-01-05T09:00:00Z",
        }
    ],
    "created_at": "2026-01-05T09:00:00Z",
    "updated_at": "2026-01-05T09:00:00Z",
}


def chosen_fields(names: str | None) -> tuple[str, ...]:
    """Returns the fields of a list like `id,email`, in the order of an answer; all without one. Raises
    Invalid."""
    if names is None:
        return FIELDS
    wanted = {name.strip() for name in names.split(",")}
    if unknown := sorted(wanted - {*FIELDS}):
        raise Invalid(fields=f"There is no field “{unknown[0]}”. There are: {', '.join(FIELDS)}.")
    return tuple(name for name in FIELDS if name in wanted)


def rows(people: QuerySet, fields: Collection[str] = FIELDS, *more: str) -> QuerySet:
    """Returns the rows that `represent` takes: these fields of people, and `more` columns."""
    return people.values(*dict.fromkeys(["id", *(name for name in COLUMNS if name in fields), *more]))


def one(viewer: User, key: int) -> dict[str, Any]:
    """Returns a student as the viewer sees them. Raises Http404."""
    people = students.every_student().visible_to(viewer).filter(pk=key)
    return represent([get_object_or_404(rows(people))], viewer)[0]


def of(person: User, viewer: User) -> dict[str, Any]:
    """Returns a person whom the viewer has just changed, as the viewer sees them now: the change may have
    taken them out of the viewer's sight."""
    return represent([rows(User.objects.filter(pk=person.pk)).get()], viewer)[0]


def represent(
    found: Collection[dict[str, Any]], viewer: User, fields: Collection[str] = FIELDS
) -> list[dict[str, Any]]:
    """Returns the students of these rows with these fields."""
    keys = [row["id"] for row in found]
    related = {name: load(keys, viewer) for name, load in RELATED.items() if name in fields}
    own = None  # everybody
    if not viewer.sees_everything and not OF_OWN_PEOPLE.keys().isdisjoint(fields):
        own = set(User.objects.own_people_of(viewer).filter(pk__in=keys).values_list("pk", flat=True))
    moments = [name for name in ("created_at", "updated_at") if name in fields]
    as_read = all([*row] == [*fields] for row in found)
    answers = []
    for row in found:
        student = row
        if not as_read:
            student = {
                name: related[name].get(row["id"], []) if name in related else row[name] for name in fields
            }
        for name in moments:
            student[name] = student[name].replace(microsecond=0)  # as `moment`; the encoder writes it
        if own is not None and row["id"] not in own:
            student |= {name: nothing for name, nothing in OF_OWN_PEOPLE.items() if name in student}
        answers.append(student)
    return answers


def _users(keys: list[int], viewer: User) -> dict[int, list[str]]:
    """The addresses of the users whom the students are assigned to: the owners of their personal teams."""
    places = students.personal_memberships().filter(user__in=keys)
    if not viewer.sees_everything:
        places = places.filter(team__in=Team.objects.visible_to(viewer))
    return _by_key(places.order_by("pk").values_list("user", "team__owner__email"))


def _tags(keys: list[int], viewer: User) -> dict[int, list[str]]:
    tagged = UserTag.objects.visible_to(viewer).filter(user__in=keys)
    return _by_key(tagged.order_by("tag__name", "pk").values_list("user", "tag__name"))


def _enrollments(keys: list[int], viewer: User) -> dict[int, list[dict[str, Any]]]:
    """What Thinkific has, and what waits to be sent there."""
    there = Enrollment.objects.visible_to(viewer).filter(user__in=keys, removed_at__isnull=True)
    read = ("product_id", "product__productable_id", "product__productable_type", "product__name")
    values = (
        there.with_status()
        .order_by("pk")
        .values_list("user", *read, "status_now", "percentage_completed", "expiry_date")
    )
    return _by_key(
        (
            user,
            {
                "product_id": product,
                "productable_id": productable,
                "productable_type": kind,
                "name": name,
                "status": status,
                "percentage_completed": float(progress),
                "expiry_date": moment(end),
            },
        )
        for user, product, productable, kind, name, status, progress, end in values
    )


RELATED: dict[str, Callable[[list[int], User], dict[int, list[Any]]]] = {
    "users": _users,
    "tags": _tags,
    "enrollments": _enrollments,
}


def _by_key(pairs: Iterable[tuple[int, Any]]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found
