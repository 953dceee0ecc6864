"""The entry of the API: who is let in, and what happens to calls that cannot be read."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from core.models import ApiToken
from core.services.api import token_query, tokens
from tests.api.conftest import ApiClient
from tests.factories import ProductFactory

pytestmark = pytest.mark.django_db
UNAUTHENTICATED = {"message": "Unauthenticated."}


@pytest.mark.parametrize("path", ["products", "products/1", "no-such-thing", "jobs/1", ""])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_without_a_token_nobody_learns_anything(nobody, path, method):
    answer = nobody.call(method, path, b"{rubbish" if method == "POST" else None)
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("secret", ["b2b_wrong", "", "é", "b2b_" + "x" * 5000])
def test_a_wrong_token_is_refused(db, secret):
    answer = ApiClient().get("products", Authorization=f"Bearer {secret}")
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)


def test_revoked_and_expired_tokens_are_refused(alma, api):
    client, token = api(alma), ApiToken.objects.get()
    assert client.get("products").status_code == 200
    token.expires_at = timezone.now() - timedelta(seconds=1)
    token.save()
    assert client.get("products").status_code == 401
    token.expires_at = None
    token.save()
    tokens.revoke(token)
    assert client.get("products").status_code == 401


def test_a_token_dies_with_its_issuer(alma, api):
    client = api(alma)
    alma.is_active = False
    alma.save()
    assert client.get("products").status_code == 401
    alma.is_active = True
    alma.save()
    assert client.get("products").status_code == 401
    assert api(alma).get("products").status_code == 200


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
def test_the_scheme_may_be_in_any_case(alma, api, scheme):
    client = api(alma)
    assert client.get("products", Authorization=f"{scheme} {client.secret}").status_code == 200


def test_a_token_in_the_address_is_no_token(alma, api, nobody):
    secret = api(alma).secret
    assert nobody.get(f"products?token={secret}&api_token={secret}").status_code == 401


def test_scopes_narrow_a_token(alma, api):
    assert api(alma, "students:read").get("products").status_code == 403
    assert "products:read" in api(alma, "students:read").get("products").json()["message"]
    assert api(alma, "products:read").get("products").status_code == 200


def test_the_last_slash_changes_nothing(alma, api):
    ProductFactory()
    client = api(alma)
    assert client.get("products/").json()["data"] == client.get("products").json()["data"]
    assert client.get("products//").status_code == 404


def test_head_and_options(alma, api):
    client = api(alma)
    head, get = client.call("HEAD", "products"), client.get("products")
    assert (head.status_code, head.content) == (200, b"")
    assert head["Content-Length"] == str(len(get.content))
    options = client.call("OPTIONS", "products")
    assert (options.status_code, options["Allow"]) == (204, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "products", "GET, HEAD, OPTIONS"),
        ("HEAD", "provision", "OPTIONS, POST"),
        ("DELETE", "", "GET, HEAD, OPTIONS"),
        ("PATCH", "users/1", "DELETE, GET, HEAD, OPTIONS, PUT"),
    ],
)
def test_another_method_is_refused(alma, api, method, path, allow):
    answer = api(alma).call(method, path, {})
    assert (answer.status_code, answer["Allow"]) == (405, allow)
    assert api(alma).call("OPTIONS", path)["Allow"] == allow
    if method != "HEAD":
        assert answer.json()["message"].startswith(f"{method} is not possible here.")


@pytest.mark.parametrize("path", ["/api", "/api/"])
def test_where_the_api_begins(alma, api, path):
    answer = Client().get(path, HTTP_AUTHORIZATION=f"Bearer {api(alma).secret}")
    assert answer.status_code == 200
    assert answer.json()["documentation"].endswith("/api/docs")
    assert answer.json()["schema"].endswith("/api/openapi.json")


def addresses() -> Iterator[str]:
    """Every address below /api/, with the number 1 for an id."""
    for pattern in get_resolver("api.urls").url_patterns:
        for one in getattr(pattern, "url_patterns", [pattern]):
            yield re.sub(r"<[^>]+>", "1", str(one.pattern))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
def test_no_address_ends_in_a_fault(alma, api, method):
    client = api(alma)
    found = {
        *addresses(),
        "/",
        "docs/x",
        "openapi.json/",
        "%00",
        "%0a",
        "..",
        "products%0a",
        "%ff",
        "docs%00",
    }
    assert {"", "docs", "openapi.json", "users/1", "provision"} <= found
    for path in sorted(found):
        answer = client.call(method, path, {} if method in ("POST", "PUT", "PATCH") else None)
        assert answer.status_code < 500, path
        if method not in ("GET", "HEAD") and answer.status_code != 204:
            assert answer["Content-Type"] == "application/json", path


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b'{"a": 1,}', 400),
        (b'{"a": NaN}', 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b'{"a": ' * 40 + b"1" + b"}" * 40, 400),
        (b'{"a": "' + b"x" * 1_100_000 + b'"}', 413),
        (b'{"a": "\\u0000"}', 422),
        (b'{"self": "\\u0000"}', 422),
        (b'{"a": "\\ud800"}', 422),
    ],
)
def test_bodies_that_cannot_be_read(alma, api, body, status):
    answer = api(alma).post("products", body)
    assert answer.status_code == status
    said = answer.json()["message"]
    assert "JSON" in said if status == 400 and b"{" in body[:1] and b'"a": {' not in body else said


def test_a_form_is_told_to_be_json(alma, api):
    said = api(alma).post("users/upsert", b"email=a%40b.example&name=A").json()["message"]
    assert "Send a JSON object" in said and "comma" not in said


def test_use_is_noted_once_a_minute(alma, api):
    client = api(alma)
    client.get("products")
    used = ApiToken.objects.get().last_used_at
    assert ApiToken.objects.get().last_used_from == "127.0.0.1"
    client.get("products")
    assert ApiToken.objects.get().last_used_at == used


def test_calls_are_limited_per_token(alma, api, settings):
    settings.API_CALLS_PER_MINUTE = 2
    client = api(alma)
    first = client.get("products")
    assert (first["RateLimit-Limit"], first["RateLimit-Remaining"]) == ("2", "1")
    assert 0 < int(first["RateLimit-Reset"]) <= 60
    client.get("products")
    third = client.get("products")
    assert third.status_code == 429
    assert third["Retry-After"] == third["RateLimit-Reset"]
    assert api(alma).get("products").status_code == 200


def test_a_wrong_host_is_refused(alma, api):
    assert api(alma).get("products", Host="evil.example").status_code == 400


def test_no_session_and_no_cookie(alma, api):
    answer = api(alma).get("products")
    assert not answer.cookies
    assert answer["Cache-Control"] == "no-store"


def test_a_call_costs_few_queries(alma, api, django_assert_num_queries):
    ProductFactory.create_batch(3)
    client = api(alma)
    client.get("products")
    with django_assert_num_queries(4):  # token, count, products, courses
        client.get("products")


def test_the_written_query_finds_what_the_models_find(alma, mara, api):
    """The SQL of the token's query is kept; its rows must be what Django would make of them."""
    for person in (alma, mara):
        api(person, "products:read")
    for token in ApiToken.objects.select_related("user__global_role"):
        found = token_query.of_digest(token.digest)
        pairs = [(found, token), (found.user, token.user), (found.user.global_role, token.user.global_role)]
        for ours, theirs in pairs:
            if theirs is None:
                assert ours is None
                continue
            for field in theirs._meta.concrete_fields:
                assert getattr(ours, field.attname) == getattr(theirs, field.attname), field
    assert token_query.of_digest("0" * 64) is None
