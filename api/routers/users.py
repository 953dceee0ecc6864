"""Users: people with a dashboard account, each with a number of students."""

from typing import Annotated, Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema
from pydantic import Field, SecretStr, Strict

from api import answers, versions
from api.authentication import ApiRequest, Bearer
from api.documentation import example, responses
from api.paging import Page, PageQuery, listed, sorted_by
from api.resources import users as resource
from api.resources.users import EXAMPLE, UserOut
from api.types import EMAIL, Id, Input, Whole
from core.models import User
from core.models.fields.settings_checks import MOST_PLACES
from core.models.people import EMAIL_LENGTH, NAME_LENGTH
from core.services.api import users
from core.services.api.users import Changes

READ, WRITE = Bearer("users:read"), Bearer("users:write")
SORTS = {"id": "pk", "name": "name", "email": "email", "created_at": "created_at"}
MOST_OF_A_PASSWORD = 1000

router = Router(tags=["Users"])

Name = Annotated[
    str,
    Strict(),
    Field(
        min_length=1,
        max_length=2 * NAME_LENGTH + 1,
        description="The full name. Its first word is the first name, the rest the last name.",
    ),
]
Email = Annotated[
    str,
    Strict(),
    Field(
        min_length=1,
        max_length=2 * EMAIL_LENGTH,
        description="The login, unique ignoring case.",
        json_schema_extra=EMAIL,
    ),
]
Password = Annotated[
    SecretStr,
    Field(
        min_length=1, max_length=MOST_OF_A_PASSWORD, description="By the rules for passwords in the settings."
    ),
]
MaxSeats = Annotated[
    Annotated[int, Whole(0, MOST_PLACES)] | None,
    Field(description="The most students on the account; null: no limit. Nobody is removed by it."),
]


class OneUser(Schema):
    data: UserOut


class UserPage(Page):
    data: list[UserOut]


class UserListQuery(PageQuery):
    sort: Annotated[str, sorted_by(SORTS)] = "id"


class NewUser(Input):
    name: Name
    email: Email
    password: Password
    max_seats: MaxSeats = None


class ChangedUser(Input):
    name: Name | None = None
    email: Email | None = None
    password: Password | None = None
    max_seats: MaxSeats = None


class UpsertedUser(Input):
    email: Email
    name: Name | None = None
    password: Password | None = None
    max_seats: MaxSeats = None


class UserSearch(Input):
    email: Email


def changes(body: Any) -> Changes:
    return Changes(
        name=body.name,
        email=body.email,
        password=None if body.password is None else body.password.get_secret_value(),
        sets_limit="max_seats" in body.model_fields_set,
        max_seats=body.max_seats,
    )


def shown(request: ApiRequest, user: User) -> dict[str, Any]:
    return resource.represent([user], viewer=request.issuer)[0]


def locked(request: ApiRequest, id: int) -> User:
    """Returns the user, with the rows that the API shows of it locked. Raises Http404."""
    user = users.locked(request.issuer, id)
    if user is None:
        raise Http404
    return user


@router.get(
    "/users",
    auth=READ,
    response=responses(_200=UserPage),
    summary="List users",
    openapi_extra=example(_200={"data": [EXAMPLE]}),
)
def list_users(request: ApiRequest, query: Query[UserListQuery]) -> HttpResponse:
    """Returns the users of the dashboard: people who manage students, and administrators. Students and people
    from Thinkific are not among them. A team manager's token sees those in its teams."""
    rows = users.visible_to(request.issuer)

    def represent(page: list[User]) -> list[dict[str, Any]]:
        return resource.represent(page, viewer=request.issuer)

    return listed(request, query, rows, represent, sorts=SORTS, sort=query.sort)


@router.get(
    "/users/{int:id}",
    auth=READ,
    response=responses(404, _200=OneUser, _304=None),
    summary="View a single user",
    openapi_extra=example(headers=("If-None-Match",), _200={"data": EXAMPLE}),
)
def view_user(request: ApiRequest, id: Id) -> HttpResponse:
    """Returns one user by the id in the dashboard. `used_seats` counts the user's students, `max_seats` is
    how many there may be. The `ETag` is for `If-Match`."""
    user = get_object_or_404(users.visible_to(request.issuer), pk=id)
    return versions.read(request, shown(request, user))


@router.post(
    "/users",
    auth=WRITE,
    response=responses(writes=True, _201=OneUser),
    summary="Create a user",
    openapi_extra=example(
        {"name": "John Doe", "email": "j.doe@www.wooninja.io", "password": "********", "max_seats": 100},
        headers=("Idempotency-Key",),
        _201={"data": EXAMPLE},
    ),
)
def create_user(request: ApiRequest, body: NewUser) -> HttpResponse:
    """Creates a user, whose account has a maximum of `max_seats` students. Name, email and password are
    required. Without `max_seats` the limit is that of the settings.

    The user may sign in at once, and owns a personal team with the students. An account in Thinkific is made
    too, or linked where an administrator agrees. An address that somebody has already, also a student, is a
    422: `users/upsert` makes a user of that person."""
    user = users.create(changes(body), by=request.issuer)
    return versions.read(request, shown(request, user), 201)


@router.put(
    "/users/{int:id}",
    auth=WRITE,
    response=responses(404, 412, writes=True, _200=OneUser),
    summary="Update a user",
    openapi_extra=example(
        {"name": "Jay Doe", "email": "doe.jay@www.wooninja.io", "max_seats": 35},
        headers=("If-Match",),
        _200={"data": EXAMPLE},
    ),
)
def update_user(request: ApiRequest, id: Id, body: ChangedUser) -> HttpResponse:
    """Updates the given user. All parameters are optional; what is not sent stays. With `If-Match` the change
    is made only if nobody else changed the user since it was read.

    An administrator's token changes the email at once, and the old address is told; with a team manager's
    token a link in a mail confirms it first, and until then the old one is answered. The email and password
    of somebody with rights in all teams are changed in the dashboard only."""
    user = locked(request, id)
    versions.check(request, lambda: shown(request, user))
    user = users.update(user, changes(body), by=request.issuer)
    return versions.read(request, shown(request, user))


@router.post(
    "/users/upsert",
    auth=WRITE,
    response=responses(writes=True, _200=OneUser, _201=OneUser),
    summary="Upsert a user",
    openapi_extra=example(
        {"name": "John Doe", "email": "doe.john@www.wooninja.io", "password": "********", "max_seats": 35},
        headers=("Idempotency-Key",),
        _200={"data": EXAMPLE},
        _201={"data": EXAMPLE},
    ),
)
def upsert_user(request: ApiRequest, body: UpsertedUser) -> HttpResponse:
    """Creates a new user if they do not exist (201), or updates an existing one if they do (200). The primary
    key is the email, which is required. All other parameters are optional.

    Somebody who is known as a student, or from Thinkific, becomes a user. A new user without a password gets
    a mail with a link to set one, if the settings send welcome e-mails."""
    done = users.upsert(changes(body), by=request.issuer)
    return versions.read(request, shown(request, done.user), 201 if done.made else 200)


@router.post(
    "/users/search",
    auth=READ,
    response=responses(404, writes=True, _200=OneUser),
    summary="Search for a user by email",
    openapi_extra=example(
        {"email": "john.doe@www.wooninja.io"}, headers=("Idempotency-Key",), _200={"data": EXAMPLE}
    ),
)
def search_user(request: ApiRequest, body: UserSearch) -> HttpResponse:
    """Returns the user with this email: the whole address, ignoring case. 404 when there is none."""
    user = users.of_address(request.issuer, body.email)
    if user is None:
        raise Http404
    return versions.read(request, shown(request, user))


@router.delete(
    "/users/{int:id}",
    auth=WRITE,
    response=responses(404, 412, writes=True, _204=None),
    summary="Delete a user",
    openapi_extra=example(headers=("If-Match",)),
)
def delete_user(request: ApiRequest, id: Id) -> HttpResponse:
    """Deletes a user with their personal team and its seats. Be careful and exercise caution when using this
    endpoint: it may delete students and associated records, depending on your global system settings.

    With the settings as delivered it keeps the students and their enrollments, and deletes nothing in
    Thinkific. The last administrator, the issuer of the token and the owner of another team are a 409."""
    user = locked(request, id)
    versions.check(request, lambda: shown(request, user))
    users.delete(user, by=request.issuer)
    return answers.answer(204)
