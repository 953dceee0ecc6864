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


def test_the_schema():
    answer = ApiClient().get("openapi.json")
    assert answer.status_code == 200
    assert answer.json()["openapi"] == "3.1.0"
    assert "/api/products/{id}" in answer.json()["paths"]
