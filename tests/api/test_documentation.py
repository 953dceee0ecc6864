"""The documentation and the schema are open to everybody; the rest of the API is not."""

import pytest

from tests.api.conftest import ApiClient

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["docs", "docs/"])
def test_the_documentation_is_a_page_of_the_site(path):
    answer = ApiClient().get(path)
    assert answer.status_code == 200
    assert b"/api/openapi.json" in answer.content
    assert "script-src 'self';" in answer["Content-Security-Policy"] + ";"
    assert b"http" not in answer.content.replace(b"http-equiv", b"")  # nothing comes from another site


def test_the_documentation_leads_back_to_the_dashboard():
    assert b'href="/admin/"' in ApiClient().get("docs").content


@pytest.mark.parametrize("path", ["docs", "docs/", "openapi.json"])
def test_the_pages_are_for_reading(path):
    client = ApiClient()
    client.client.handler.enforce_csrf_checks = True
    options, answer = client.call("OPTIONS", path), client.post(path, {})
    assert (options.status_code, options.content, options["Allow"]) == (204, b"", "GET, HEAD, OPTIONS")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert answer.json()["message"] == "POST is not possible here. Possible: GET, HEAD and OPTIONS."


def test_the_examples_of_errors_are_what_calls_are_answered(alma, api):
    paths = ApiClient().get("openapi.json").json()["paths"]

    def example(path: str, verb: str, code: str):
        return paths[path][verb]["responses"][code]["content"]["application/json"]["example"]

    client = api(alma)
    assert ApiClient().get("products").json() == example("/api/products", "get", "401")
    assert client.get("products/1").json() == example("/api/products/{id}", "get", "404")
    assert client.call("PATCH", "products/1").json() == example("/api/products/{id}", "get", "405")
    assert client.post("users/upsert", {}).json() == example("/api/users/upsert", "post", "422")
    assert client.get("users?per_page=101").json() == example("/api/users", "get", "422")


def test_the_schema():
    answer = ApiClient().get("openapi.json")
    assert answer.status_code == 200
    assert answer.json()["openapi"] == "3.1.0"
    assert "/api/products/{id}" in answer.json()["paths"]
