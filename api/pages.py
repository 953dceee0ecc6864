"""Pages about the API for people: the interactive documentation."""

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.http import HttpRequest, HttpResponse
from ninja.openapi.docs import Swagger

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


@csp(POLICY)
def documentation(request: HttpRequest) -> HttpResponse:
    """The documentation, from which calls can be tried with one's own token. It is kept by nobody: closing
    the page forgets it."""
    return Swagger(settings=SETTINGS).render_page(request, api)
