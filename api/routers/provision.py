"""One call for a sale."""

from typing import Annotated, Literal

from django.http import HttpResponse
from ninja import Router, Schema
from pydantic import Field, Strict

from api import answers
from api.authentication import ApiRequest, Bearer
from api.documentation import example, responses
from api.errors import Invalid
from api.resources import enrollments, products, seats, teams
from api.resources import users as user_resource
from api.resources.enrollments import EnrollmentOut
from api.resources.seats import SeatOut
from api.resources.teams import TeamOut
from api.resources.users import UserOut
from api.routers.users import Email, Name, Password
from api.types import Input, ProductNumber, Whole
from core.errors import Refusal
from core.models import Enrollment, Seat, Team
from core.models.fields.settings_checks import MOST_DAYS, MOST_PLACES
from core.services.api import provision as service
from core.services.api.users import Changes
from core.services.teams.teams import TEAM_NAME_LENGTH

router = Router(tags=["Provision"], auth=Bearer("provision:write", "core.view_user"))
MOST = 20  # products in a call
Type = Annotated[
    Literal["Course", "Bundle"] | None,
    Field(description="Which is meant, when a number is that of a course and of a bundle."),
]
Number = Annotated[ProductNumber, Field(description="The `productable_id` of a course or bundle.")]


class Buyer(Input):
    email: Email
    name: Name | None = None
    password: Password | None = None


class ProvisionTeam(Input):
    strategy: Annotated[
        Literal["auto", "first", "create", "specific"],
        Field(
            description="`auto`: the first team that the user owns, or a new one; `first`: the first one "
            "that they own; `create`: a new one; `specific`: the one with this `id`, which the user joins."
        ),
    ] = "auto"
    id: Annotated[Annotated[int, Whole(1)] | None, Field(description="For `specific`: the team's id.")] = None
    name: Annotated[
        str | None,
        Strict(),
        Field(max_length=TEAM_NAME_LENGTH, description="Of a new team; a taken name gets a number."),
    ] = None
    role: Annotated[
        Literal["student", "manager"], Field(description="For `specific`: the role of a new member.")
    ] = "student"


class ProvisionSeats(Input):
    thinkific_id: Number
    add_seats: Annotated[Annotated[int, Whole(1, MOST_PLACES)], Field(description="Places to add.")]
    enrollment_days: Annotated[
        Annotated[int, Whole(0, MOST_DAYS)] | None,
        Field(description="How long access lasts; 0: no expiry; left out: the seat keeps its rule."),
    ] = None
    product_type: Type = None


class Provision(Input):
    user: Buyer
    team: Annotated[ProvisionTeam, Field(default_factory=ProvisionTeam)]
    seats: Annotated[list[ProvisionSeats], Field(max_length=MOST)] = []
    enrollments: Annotated[
        list[Number],
        Field(max_length=MOST, description="What the user is enrolled in, through the team's seats."),
    ] = []
    product_type: Type = None


class ProvisionedData(Schema):
    user: UserOut
    team: TeamOut
    seats: list[SeatOut]
    enrollments: list[EnrollmentOut]


class ProvisionedOut(Schema):
    data: ProvisionedData
    job: Annotated[str, Field(description="The job: `GET /api/jobs/{id}` says how it goes.")]


SENT_AS = {name: f"user.{name}" for name in ("email", "name", "password")}
BODY = {
    "user": {"email": "j.doe@www.wooninja.io", "name": "John Doe"},
    "team": {"strategy": "auto", "name": "Doe Logistics"},
    "seats": [{"thinkific_id": 1379051, "add_seats": 10, "enrollment_days": 365}],
    "enrollments": [1379051],
}
ANSWER = {
    "data": {
        "user": user_resource.EXAMPLE,
        "team": teams.EXAMPLE,
        "seats": [seats.EXAMPLE],
        "enrollments": [enrollments.EXAMPLE],
    },
    "job": "6f1f8a52-8a52-4c7e-9a53-3b0f4f8f8a52",
}


@router.post(
    "/provision",
    response=responses(404, writes=True, _200=ProvisionedOut, _201=ProvisionedOut),
    summary="Provision a sale",
    openapi_extra=example(
        [("A sale of ten places", BODY)], headers=("Idempotency-Key",), _200=ANSWER, _201=ANSWER
    ),
)
def provision(request: ApiRequest, body: Provision) -> HttpResponse:
    """Makes or updates the user, chooses or makes the team, adds the places and enrolls the user: all of it
    or nothing. For shops; send an Idempotency-Key, because places are added again by each new call.

    The user is found by e-mail. Enrollments take places of the team's seats and keep their rules: where no
    place is free the call is a 409, and nothing is written. 201: the user was made; 200: was there."""
    issuer = request.issuer
    if body.team.strategy == "specific" and body.team.id is None:
        raise Invalid(**{"team.id": "The strategy specific needs the id of the team."})
    places = [
        service.Places(
            products.chosen(
                issuer,
                [one.thinkific_id],
                field=f"seats.{number}.thinkific_id",
                product_type=one.product_type,
            )[0],
            one.add_seats,
            one.enrollment_days,
        )
        for number, one in enumerate(body.seats)
    ]
    wanted = products.chosen(issuer, body.enrollments, field="enrollments", product_type=body.product_type)
    buyer = Changes(
        name=body.user.name,
        email=body.user.email,
        password=None if body.user.password is None else body.user.password.get_secret_value(),
    )
    choice = service.TeamChoice(body.team.strategy, body.team.id, body.team.name or "", body.team.role)
    try:
        done = service.provision(buyer=buyer, choice=choice, places=places, products=wanted, by=issuer)
    except Refusal as refusal:
        refusal.field = SENT_AS.get(refusal.field, refusal.field)
        raise
    return answers.answer(201 if done.made else 200, {"data": _shown(done, request), "job": str(done.job.pk)})


def _shown(done: service.Provisioned, request: ApiRequest) -> dict[str, object]:
    team = Team.objects.select_related("owner", "organization").get(pk=done.team.pk)
    given = Seat.objects.filter(pk__in=[seat.pk for seat in done.seats]).select_related("product")
    made = Enrollment.objects.filter(pk__in=[one.pk for one in done.enrollments])
    return {
        "user": user_resource.represent([done.user], viewer=request.issuer)[0],
        "team": teams.represent([team])[0],
        "seats": seats.represent(given.order_by("pk"), request.issuer),
        "enrollments": enrollments.represent(made.select_related("user", "product").order_by("pk")),
    }
