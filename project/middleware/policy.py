"""Security headers for browsers: the Content-Security-Policy (what a page may load and run) and others.

All pages get the strict policy except the admin, where Alpine evaluates expressions in attributes. A view
that needs its own policy uses the decorators of django-csp: `@csp({...})`, `@csp_update({...})`.
"""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponseBase

ADMIN = ("/admin/", "/go/", "/hijack/")
ERROR_PAGE = Path(__file__).parent.parent / "templates" / "error_page.html"
STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
NOT_USED = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"


class PolicyMiddleware(CSPMiddleware):
    """Adds the headers to every response. It is the first middleware, so that probes and errors get them
    too."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if parts.config is None and not report_only:
            parts.config = admin() if request.path_info.startswith(ADMIN) else strict()
            # A site that a form of the page is led to after it was sent (project/pages/opening.py).
            if site := getattr(request, "posts_to", ""):
                parts.update = {**(parts.update or {}), "form-action": [site]}
        return parts

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers.setdefault("Permissions-Policy", NOT_USED)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        return super().process_response(request, response)


@cache
def strict() -> dict[str, Any]:
    """Returns the policy for responses that are not pages, and for error pages, which contain their own
    style."""
    return {
        "default-src": [NONE],
        "style-src": [style_of_error_pages()],
        "img-src": [SELF],  # the icon
        "base-uri": [NONE],
        "form-action": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }


@cache
def admin() -> dict[str, Any]:
    return {
        "default-src": [NONE],
        # Alpine evaluates attributes. Inline scripts and handlers in attributes stay forbidden.
        "script-src": [SELF, UNSAFE_EVAL],
        "style-src": [SELF, UNSAFE_INLINE],  # for browsers that do not support the next two
        "style-src-elem": [SELF, style_of_error_pages()],
        "style-src-attr": [UNSAFE_INLINE],  # widths of bars, and Alpine
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }


@cache
def style_of_error_pages() -> str:
    (style,) = STYLE.findall(ERROR_PAGE.read_text())
    return f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"
