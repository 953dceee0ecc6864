"""Reading students: one, or a page of them, with filters and the fields that are asked for."""

from functools import partial
from typing import Annotated

from django.db.models import Q
from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from api import versions
from api.authentication import ApiRequest, Bearer
from api.documentation import example, responses
from api.paging import Page, PageQuery, listed, sorted_by
from api.resources import students as resource
from api.resources.student_bodies import OneStudent
from api.resources.students import EXAMPLE, StudentPart
from api.types import BIGGEST, Id, Moment
from core.models import Team, User
from core.models.fields.folded import holding
from core.models.people import UserQuerySet
from core.permissions import students

router = Router(tags=["Students"], auth=Bearer("students:read", "core.view_user"))
ONE_FIELD = f" *({'|'.join(resource.FIELDS)}) *"
SORTS = {"id": "pk", "name": "name", "email": "email", "created_at": "created_at"}


class StudentPage(Page):
    data: list[StudentPart]


class StudentQuery(PageQuery):
    sort: Annotated[str, sorted_by(SORTS)] = "id"
    fields: Annotated[
        str | None,
        Field(
            max_length=200,
            description="Only these fields, by commas: `id,email`. Fewer are quicker.",
            json_schema_extra={"pattern": f"^{ONE_FIELD}(,{ONE_FIELD})*$"},
        ),
    ] = None
    email: Annotated[str | None, Field(max_length=320, description="Exactly this address.")] = None
    user_email: Annotated[
        str | None, Field(max_length=320, description="Students who are assigned to this user.")
    ] = None
    search: Annotated[
        str | None,
        Field(max_length=500, description="Parts of names or address, or a whole Thinkific ID."),
    ] = None
    updated_since: Annotated[
        Moment | None,
        Field(description="Changed at this moment or later. Without a zone: the site's."),
    ] = None


@router.get(
    "/students",
    response=responses(_200=StudentPage),
    summary="List / view students",
    openapi_extra=example(_200={"data": [EXAMPLE]}),
)
def list_students(request: ApiRequest, query: Query[StudentQuery]) -> HttpResponse:
    """Returns a paginated list of all students in the dashboard: people with the role Student in a team,
    and people who hold no right here, as those who came from Thinkific. A team manager's token sees the
    students of its teams, and of each what its screens show.

    Walk long lists with `cursor`, and ask only for the `fields` that you need.
    """
    fields = resource.chosen_fields(query.fields)
    rows = _chosen(students.every_student(), request.issuer, query)
    column = SORTS.get(query.sort.removeprefix("-"), "pk")
    more = [] if column == "pk" else [column]
    return listed(
        request,
        query,
        resource.rows(rows, fields, *more),
        partial(resource.represent, viewer=request.issuer, fields=fields),
        sorts=SORTS,
        sort=query.sort,
        counted=lambda: students.count(_chosen(User.objects.all(), request.issuer, query)),
    )


def _chosen(people: UserQuerySet, viewer: User, query: StudentQuery) -> UserQuerySet:
    found = people.visible_to(viewer)
    own = (
        Q()
        if viewer.sees_everything
        else Q(pk__in=User.objects.own_people_of(viewer).order_by().values("pk"))
    )
    if query.email is not None:
        found = found.of_address(query.email)
    if query.user_email is not None:
        places = students.personal_memberships().order_by()
        places = places.filter(
            team__in=Team.objects.visible_to(viewer),
            team__owner__in=User.objects.of_address(query.user_email),
        )
        found = found.filter(pk__in=places.values("user"))
    for word in (query.search or "").split():
        condition = holding("folded", word)
        if word.isascii() and word.isdigit() and int(word) <= BIGGEST:
            condition |= own & Q(thinkific_id=int(word))
        found = found.filter(condition)
    if query.updated_since is not None:  # when a guest's account changed is not the team's to know
        found = found.filter(own, updated_at__gte=query.updated_since)
    return found


@router.get(
    "/students/{int:id}",
    response=responses(404, _200=OneStudent, _304=None),
    summary="View a single student",
    openapi_extra=example(headers=("If-None-Match",), _200={"data": EXAMPLE}),
)
def view_student(request: ApiRequest, id: Id) -> HttpResponse:
    """Returns a single student record from the dashboard. `id` is the student's id in the dashboard, which is
    also their id as a user, if they are one; it is not the Thinkific student id."""
    return versions.read(request, resource.one(request.issuer, id))
