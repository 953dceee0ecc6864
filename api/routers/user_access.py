"""What a user may enroll students in, the user's group, and the end of the students' access."""

from datetime import date
from typing import Annotated, Any, Literal

from django.http import HttpResponse
from ninja import Router, Schema
from pydantic import Field, Strict

from api import answers, versions
from api.authentication import ApiRequest, Bearer
from api.documentation import example, responses
from api.errors import Invalid
from api.resources import products
from api.resources import users as resource
from api.resources.jobs import EXAMPLE as JOB
from api.resources.users import ACCESS_EXAMPLE, EXAMPLE, UserOut, UserWithAccess
from api.routers.users import OneUser, locked, shown
from api.types import Flag, Id, Input, ProductNumber, Whole
from core.models import Job, Product, User
from core.models.fields.settings_checks import MOST_DAYS, MOST_PLACES
from core.models.groups import GROUP_NAME_LENGTH
from core.services.api import access, expiry, jobs, user_group

router = Router(tags=["Users"], auth=Bearer("users:write"))

Number = Annotated[ProductNumber, Field(description="The `productable_id` of a course or bundle.")]
ProductType = Annotated[
    Literal["Course", "Bundle"] | None,
    Field(description="Which is meant, when the number is that of a course and of a bundle."),
]
Days = Annotated[
    Annotated[int, Whole(0, MOST_DAYS)],
    Field(description="How long access lasts from enrollment; 0: no expiry."),
]
Active = Annotated[Flag, Field(description="false: nobody new can be enrolled; enrollments stay.")]


class OneUserWithAccess(Schema):
    data: UserWithAccess


class UserWithJob(Schema):
    data: UserOut
    job: Annotated[str, Field(description="The job: `GET /api/jobs/{id}` says how it goes.")]


class UserAccess(Input):
    thinkific_id: Number
    active: Active
    max_seats: Annotated[Annotated[int, Whole(0, MOST_PLACES)], Field(description="Places for students.")]
    enrollment_days: Days
    product_type: ProductType = None


class UserGroup(Input):
    name: Annotated[
        str,
        Strict(),
        Field(min_length=1, max_length=GROUP_NAME_LENGTH, description="The group's name in Thinkific."),
    ]
    sync: Annotated[Flag, Field(description="Import the group's members as students of the user.")]


class UserExpiry(Input):
    product: Number
    type: Annotated[
        Literal["days", "date", "expire_now", "no_expiry"],
        Field(description="How the end of access is given."),
    ]
    expiry_days: Annotated[
        Annotated[int, Whole(0, MOST_DAYS)] | None,
        Field(description="For `days`: how many days from today; access lasts to the end of that day."),
    ] = None
    expiry_date: Annotated[
        str | None,
        Field(
            max_length=40,
            description="For `date`: `Jun 30 2023` or `2023-06-30`, the last day of access. Of a moment such "
            "as `2023-06-30T12:00:00Z` the day counts, in the site's time zone.",
        ),
    ] = None
    product_type: ProductType = None


class UserSeats(Input):
    thinkific_id: Number
    active: Active
    add_seats: Annotated[Annotated[int, Whole(1, MOST_PLACES)], Field(description="Places to add.")]
    enrollment_days: Days
    product_type: ProductType = None


def with_access(request: ApiRequest, user: User) -> HttpResponse:
    """Returns the user plus `access`. The ETag is that of the user."""
    payload = shown(request, user)
    return answers.answer(
        200, {"data": payload | {"access": resource.access_of(user)}}, {"ETag": versions.etag(payload)}
    )


def product_of(request: ApiRequest, number: int, field: str, kind: str | None) -> Product:
    return products.chosen(request.issuer, [number], field=field, product_type=kind)[0]


def published(**values: Any) -> dict[str, Any]:
    """Returns `openapi_extra` with the published example."""
    answer = {"data": EXAMPLE | {"access": [ACCESS_EXAMPLE]}}
    return example(values, headers=("Idempotency-Key",), _200=answer)


@router.post(
    "/users/access/{int:id}",
    response=responses(404, writes=True, _200=OneUserWithAccess),
    summary="Grant a user access to a course or bundle",
    openapi_extra=published(thinkific_id=1379051, active=True, max_seats=55, enrollment_days=365),
)
def give_access(request: ApiRequest, id: Id, body: UserAccess) -> HttpResponse:
    """Assigns the user the course or bundle with so many seats and days of enrollment. All parameters are
    required. The same call again changes nothing.

    To remove access, pass the same payload but with `active` equal to false: nobody new can be enrolled, and
    whoever is enrolled stays. `enrollment_days` holds for everybody whom the user enrolls from now on; dates
    that were given stay. A seat that the user shares with other teams is a 409."""
    user = locked(request, id)
    access.check(request.issuer)
    access.give(
        user,
        product_of(request, body.thinkific_id, "thinkific_id", body.product_type),
        active=body.active,
        max_seats=body.max_seats,
        enrollment_days=body.enrollment_days,
        by=request.issuer,
    )
    return with_access(request, user)


@router.post(
    "/users/seat/{int:id}",
    response=responses(404, writes=True, _200=OneUserWithAccess),
    summary="Add seats to a user for a course or bundle",
    openapi_extra=published(thinkific_id=1379051, active=True, add_seats=10, enrollment_days=365),
)
def add_seats(request: ApiRequest, id: Id, body: UserSeats) -> HttpResponse:
    """Adds seats to the user for the course or bundle. The first call makes the access with them. All
    parameters are required, and `active` and `enrollment_days` overwrite existing values. Send an
    `Idempotency-Key`: the same call again without one adds the seats again.

    Enrollment days are for all enrollments by that user from now on, not only for the seats that are added in
    this call; dates that were given stay. An unlimited seat stays unlimited. A seat that the user shares with
    other teams is a 409."""
    user = locked(request, id)
    access.check(request.issuer)
    product = product_of(request, body.thinkific_id, "thinkific_id", body.product_type)
    access.add(
        user,
        product,
        active=body.active,
        add_seats=body.add_seats,
        enrollment_days=body.enrollment_days,
        by=request.issuer,
    )
    return with_access(request, user)


def started(request: ApiRequest, user: User, job: Job) -> HttpResponse:
    payload = shown(request, user)
    return answers.answer(202, {"data": payload, "job": str(job.pk)}, {"ETag": versions.etag(payload)})


@router.post(
    "/users/group/{int:id}",
    response=responses(404, writes=True, _200=OneUser, _202=UserWithJob),
    summary="Assign or reassign a user to a Thinkific group",
    openapi_extra=example(
        {"name": "My Thinkific Group", "sync": False},
        headers=("Idempotency-Key",),
        _200={"data": EXAMPLE},
        _202={"data": EXAMPLE, "job": JOB["id"]},
    ),
)
def assign_group(request: ApiRequest, id: Id, body: UserGroup) -> HttpResponse:
    """Assigns the user to the group of Thinkific with this name. If `sync` is true, all people in that group
    in Thinkific are imported and become students of the user: 202 with a `job`. While another sync of the
    groups is under way that is a 409, and nothing is changed.

    - If a group with the same name does not exist in Thinkific, it is created.
    - The user is not put into this group in Thinkific, for example as an analyst.
    - If the group is changed, the students of the user are not moved or otherwise placed in the new group.
      Students who are added from then on are."""
    user = locked(request, id)
    group = user_group.assign(user, body.name, by=request.issuer)
    if not body.sync:
        return versions.read(request, shown(request, user))
    run = user_group.import_members(user, group, by=request.issuer)
    return started(request, user, jobs.start(Job.Kind.GROUP_SYNC, user=request.issuer, run_id=run))


@router.post(
    "/users/enrollments/{int:id}",
    response=responses(404, writes=True, _202=UserWithJob),
    summary="Update the enrollment expiry of a user's students",
    openapi_extra=example(
        [
            ("days", {"product": 1379051, "type": "days", "expiry_days": 30}),
            ("date", {"product": 1379051, "type": "date", "expiry_date": "Jun 30 2023"}),
            ("expire_now", {"product": 1379051, "type": "expire_now"}),
            ("no_expiry", {"product": 1379051, "type": "no_expiry"}),
        ],
        headers=("Idempotency-Key",),
        _202={"data": EXAMPLE, "job": JOB["id"]},
    ),
)
def update_expiry(request: ApiRequest, id: Id, body: UserExpiry) -> HttpResponse:
    """Updates all the user's assigned students to the same expiry date. This endpoint is most useful for
    subscription services where you wish to keep all expiry dates the same and update them as a subscription
    renews or is cancelled. Only students who are enrolled already are changed.

    The four types: `days` from today, a `date`, `expire_now`, and `no_expiry`, which is ten years from today.
    Days end in the time zone of the settings. A date that is past expires access.

    **Important, read carefully**

    - It updates all students associated with the user's account. If a student is shared between user
      accounts, the enrollment is updated for all accounts.
    - It is best used with bundles, as it is easier to update one bundle than multiple courses: each course of
      the bundle changes, except where the student has it in another way for longer.
    - If an enrollment is expired already, it is updated to the new expiry date and thus re-activated.
      Therefore we recommend to use it only for users who cannot control or otherwise remove enrollments of
      their assigned students."""
    user = locked(request, id)
    expiry.check(request.issuer)
    product = product_of(request, body.product, "product", body.product_type)
    changed = expiry.change(user, product, last_day=last_day(body), by=request.issuer)
    job = jobs.start(Job.Kind.EXPIRY, user=request.issuer, objects=changed)
    return started(request, user, job)


def last_day(body: UserExpiry) -> date | None:
    """Returns the last day of access; None: it ends now. Raises Invalid when the type's own field is
    missing."""
    match body.type:
        case "days":
            if body.expiry_days is None:
                raise Invalid(expiry_days="This field is required with the type days.")
            return expiry.in_days(body.expiry_days)
        case "date":
            if body.expiry_date is None:
                raise Invalid(expiry_date="This field is required with the type date.")
            return expiry.parse_date(body.expiry_date)
        case "no_expiry":
            return expiry.lifetime()
    return None
