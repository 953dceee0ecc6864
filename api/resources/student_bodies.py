"""What calls of the Student API send, and what they get."""

from typing import Annotated, Literal

from ninja import Schema
from pydantic import AfterValidator, Field, Strict

from api.resources.students import StudentOut
from api.types import EMAIL, Input, ProductNumber
from core.folding import tidy_name
from core.models.people import EMAIL_LENGTH, NAME_LENGTH

MOST_IN_A_CALL = 100


class OneStudent(Schema):
    data: StudentOut


class UpsertedStudent(OneStudent):
    job: Annotated[
        str | None, Field(description="Of the enrollments: ask `GET /api/jobs/{id}` how they go.")
    ] = None
    pending_enrollments: Annotated[
        list[int] | None, Field(description="The product numbers that are being enrolled.")
    ] = None


class InvitedPerson(Schema):
    message: str


class EnrolledStudent(OneStudent):
    job: str


class UpdatedStudent(OneStudent):
    pending_email: Annotated[
        str | None, Field(description="The new address, while it waits for a confirmation by its link.")
    ] = None


def _not_blank(name: str) -> str:
    if not tidy_name(name):
        raise ValueError("This field is required.")
    return name


FirstName = Annotated[
    str,
    Strict(),
    Field(min_length=1, max_length=NAME_LENGTH, description="The student's first name."),
    AfterValidator(_not_blank),
]
LastName = Annotated[
    str, Strict(), Field(max_length=NAME_LENGTH, description="The student's last name. It may be empty.")
]
Email = Annotated[
    str,
    Strict(),
    Field(
        min_length=1,
        max_length=2 * EMAIL_LENGTH,
        description="The student's e-mail address.",
        json_schema_extra=EMAIL,
    ),
]
Kind = Annotated[
    Literal["Course", "Bundle"] | None,
    Field(description="Says which is meant where a number is both a course and a bundle."),
]
NUMBERS = f"At most {MOST_IN_A_CALL} Thinkific product numbers (`productable_id`) of courses and bundles."


class StudentNames(Input):
    first_name: FirstName
    last_name: LastName
    email: Email


class StudentToUpsert(StudentNames):
    user_email: Annotated[
        str | None,
        Strict(),
        Field(
            max_length=2 * EMAIL_LENGTH,
            description="The user to whom the student is assigned. Without it: the issuer of the token.",
        ),
    ] = None
    enrollments: Annotated[
        list[ProductNumber] | None, Field(max_length=MOST_IN_A_CALL, description=NUMBERS)
    ] = None
    product_type: Kind = None


class StudentAndUser(Input):
    email: Email
    user_email: Annotated[
        str,
        Strict(),
        Field(
            min_length=1,
            max_length=2 * EMAIL_LENGTH,
            description="The user's e-mail address.",
            json_schema_extra=EMAIL,
        ),
    ]


class StudentToEnroll(StudentAndUser):
    enrollments: Annotated[
        list[ProductNumber], Field(min_length=1, max_length=MOST_IN_A_CALL, description=NUMBERS)
    ]
    product_type: Kind = None
