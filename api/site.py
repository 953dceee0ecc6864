"""The REST API: its routers, its errors and its documentation."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.parser import Parser

from api import error_examples
from api.answers import message
from api.documentation import ANSWER_HEADERS, EXPLAINED, answer_headers
from api.errors import BadBody, Invalid, OutOfDate, answer_to
from api.routers import (
    enrollments,
    jobs,
    products,
    provision,
    student_changes,
    teams,
    user_access,
    users,
)
from core.errors import Refusal

DESCRIPTION = """\
Users, students, seats and enrollments of the dashboard, for shops and automations.

Send a token that an administrator made (*Admin > API*) with every call: `Authorization: Bearer b2b_…`.
It acts with the rights of its issuer, narrowed by its scopes. Enrollments are asynchronous: a 202 names a
`job`. The Student API checks no seats. Products are named by their `productable_id`."""


class ParsedBody(Parser):
    """Returns the body that `api.calls.entry` has read and checked."""

    def parse_body(self, request: HttpRequest) -> Any:
        return request.data  # type: ignore[attr-defined]


class Api(NinjaAPI):
    def get_openapi_operation_id(self, operation: Any) -> str:
        name: str = operation.view_func.__name__
        return name

    def get_openapi_schema(self, **options: Any) -> Any:
        """Returns the schema, in which every error says what it means and has an example, and every answer
        says which headers it has."""
        schema = super().get_openapi_schema(**options)
        schema["components"]["headers"] = ANSWER_HEADERS
        error_examples.add(schema)
        for operations in schema["paths"].values():
            for operation in operations.values():
                for code, response in operation["responses"].items():
                    response["description"] = EXPLAINED.get(int(code), response["description"])
                    response["headers"] = answer_headers(int(code), operation)
        return schema


api = Api(
    title="B2B Dashboard for Thinkific",
    version="1.0.0",
    description=DESCRIPTION,
    parser=ParsedBody(),
    urls_namespace="api",
    docs_url=None,  # api/pages.py
    openapi_url="/openapi.json",
)


def _answered(request: HttpRequest, error: Any) -> HttpResponse:
    response = answer_to(request, error)
    return message(500, str(error)) if response is None else response


for kind in (ValidationError, HttpError, Http404, AuthenticationError, Invalid, BadBody, OutOfDate, Refusal):
    api.add_exception_handler(kind, _answered)

ROUTERS = (users, user_access, student_changes, products, teams, enrollments, provision, jobs)
for module in ROUTERS:
    api.add_router("", module.router)
