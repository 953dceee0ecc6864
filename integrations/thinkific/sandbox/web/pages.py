"""The pages of the site that people see in a browser, as far as signing in needs them.

People sign in by a signed token (custom JWT SSO), and see a course's name and who is signed in. Not
documented and so chosen here: a token is refused from its `exp` on, and when `iat` lies in the future."""

from html import escape
from http.cookies import CookieError, SimpleCookie
from secrets import token_urlsafe
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import jwt

from integrations.thinkific.sandbox.site.rows import User
from integrations.thinkific.sandbox.web.http import Request, Response
from integrations.thinkific.sandbox.web.problems import Problem

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.options import Options
    from integrations.thinkific.sandbox.site.site import Site

TOKENS = "/api/sso/v2/sso/jwt"
SIGN_IN, HOME = "/users/sign_in", "/enrollments"
COURSES = ("/courses/take/", "/courses/", "/bundles/")
COOKIE = "_stand_in_session"
HTML = "text/html; charset=UTF-8"


class Pages:
    def __init__(self, site: "Site", options: "Options") -> None:
        self.site = site
        self.options = options
        self.sessions: dict[str, int] = {}  # the cookie's value -> user

    @staticmethod
    def serves(path: str) -> bool:
        return path in ("/", TOKENS, SIGN_IN, HOME) or path.startswith(COURSES)

    def answer(self, request: Request) -> tuple[str, Response]:
        """Returns the name of the endpoint and the answer."""
        if request.path == TOKENS:
            answer = self._take_token(request)
            request.query_string = ""  # the log of requests must not hold the token
            return TOKENS, answer
        user = self._signed_in(request)
        if request.path in ("/", SIGN_IN):
            return request.path, _page("Sign in", user)
        if request.path == HOME:
            return HOME, _page("My courses", user) if user else _redirect(SIGN_IN)
        prefix = next(one for one in COURSES if request.path.startswith(one))
        slug = request.path.removeprefix(prefix)
        name = next((p["name"] for p in self.site.products if p["slug"] == slug), None)
        if name is None:
            return f"{prefix}{{slug}}", Response(404, b"<h1>Page not found</h1>", HTML)
        if prefix == "/courses/take/" and user is None:
            return f"{prefix}{{slug}}", _redirect(SIGN_IN)
        return f"{prefix}{{slug}}", _page(name, user)

    def _take_token(self, request: Request) -> Response:
        try:
            fields = jwt.decode(
                request.query.get("jwt", ""),
                self.options.api_key,
                algorithms=["HS256"],
                options={"require": ["email", "iat"]},
            )
            user = self.site.write("sign_in_by_token", fields=fields)
        except (jwt.PyJWTError, Problem) as refused:
            if request.query.get("error_url"):
                return _redirect(request.query["error_url"])
            return Response(401, f"<h1>Sign-in failed</h1><p>{escape(str(refused))}</p>".encode(), HTML)
        target = request.query.get("return_to") or HOME
        # Not documented; leading elsewhere would help nobody but attackers.
        if urlsplit(target).netloc not in ("", request.headers.get("host", "")):
            target = HOME
        response = _redirect(target)
        session = token_urlsafe(16)
        self.sessions[session] = user.id
        response.headers.append(("set-cookie", f"{COOKIE}={session}; Path=/; HttpOnly; SameSite=Lax"))
        return response

    def _signed_in(self, request: Request) -> User | None:
        try:
            cookie = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return None
        return self.site.users.get(self.sessions.get(cookie.value)) if cookie else None


def _page(title: str, user: User | None) -> Response:
    who = f"Signed in as {user.email}" if user else "Not signed in"
    text = f"<!DOCTYPE html><title>{escape(title)}</title><h1>{escape(title)}</h1><p>{escape(who)}</p>"
    return Response(200, text.encode(), HTML)


def _redirect(target: str) -> Response:
    response = Response(302, b"", HTML)
    response.headers.append(("location", target.replace("\r", "").replace("\n", "")))
    return response
