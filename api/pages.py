"""What the API says about itself: where it begins, the interactive documentation, and the schema."""

from collections.abc import Callable
from functools import wraps

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from ninja.openapi.docs import Swagger
from ninja.openapi.views import openapi_json

from api import answers
from api.site import api

POLICY = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF, UNSAFE_INLINE],  # Swagger UI sets styles of elements
    "img-src": [SELF, "data:"],
    "font-src": [SELF, "data:"],
    "connect-src": [SELF],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [NONE],
    "object-src": [NONE],
}
SETTINGS = {
    "docExpansion": "list",
    "filter": True,
    "displayRequestDuration": True,
    "defaultModelsExpandDepth": 0,
}


Page = Callable[[HttpRequest], HttpResponseBase]


def for_reading(page: Page) -> Page:
    """Decorator for a page of the API: other methods are answered as by its operations, and OPTIONS names the
    possible ones."""

    @csrf_exempt
    @wraps(page)
    def answered(request: HttpRequest) -> HttpResponseBase:
        if request.method in ("GET", "HEAD"):
            return page(request)
        if request.method == "OPTIONS":
            return answers.options(["GET"])
        return answers.not_possible(str(request.method), ["GET"])

    return answered


@for_reading
def root(request: HttpRequest) -> HttpResponse:
    """Where the API begins."""
    return answers.answer(
        200,
        {
            "message": "This is the REST API. Its addresses are in its documentation and its schema.",
            "documentation": request.build_absolute_uri("/api/docs"),
            "schema": request.build_absolute_uri("/api/openapi.json"),
        },
    )


@for_reading
def schema(request: HttpRequest) -> HttpResponse:
    return openapi_json(request, api)


@for_reading
@csp(POLICY)
def documentation(request: HttpRequest) -> HttpResponse:
    """The documentation, from which calls can be tried with one's own token. It is kept by nobody: closing
    the page forgets it."""
    return Swagger(settings=SETTINGS).render_page(request, api)
