"""What fields take, and that the schema says so."""

import base64
import json
import re
from urllib.parse import quote
from zlib import crc32

import pytest

from api import schema_file
from api.types import BIGGEST, digits_pattern
from tests.factories import ProductFactory, UserFactory

pytestmark = pytest.mark.django_db
ACCESS = {"active": True, "max_seats": 5, "enrollment_days": 10}


@pytest.mark.parametrize("body", [[], [1], "text", 5, True, [{"name": "Ada Roe"}]])
@pytest.mark.parametrize("path", ["users/{id}", "students/{id}"])
def test_a_body_that_is_no_object_is_refused(alma, api, path, body):
    """In the first, every field is optional."""
    answer = api(alma).put(path.replace("{id}", str(alma.pk)), body)
    assert answer.status_code in (404, 422)
    if path == "users/{id}":
        assert answer.json()["errors"] == {"body": ["Send a JSON object."]}


@pytest.mark.parametrize("value", ["0.5", "1796056856", "-1", "2026", "now"])
def test_a_number_is_no_moment(alma, api, value):
    for path in (f"enrollments?since={value}", f"students?updated_since={value}"):
        answer = api(alma).get(path)
        assert (answer.status_code, "ISO 8601" in answer.json()["message"]) == (422, True), path
    assert api(alma).get("enrollments?since=2026-01-05T09:00:00Z").status_code == 200


FAR_ZONES = ["7792-12-23T16:27:42-18:41", "2026-01-05T09:00:00+23:59", "0001-01-01T00:00:00Z"]
OUT_OF_THE_CALENDAR = ["9999-12-31T23:00:00-12:00", "0001-01-01T00:00:00+12:00"]


def cursor_behind(value: str) -> str:
    written = json.dumps([crc32(b"/api/enrollments activated_at False"), 1, value])
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


@pytest.mark.parametrize("value", FAR_ZONES)
def test_a_moment_may_be_in_any_zone(alma, api, value):
    """PostgreSQL refuses those that are far from UTC."""
    cursor = cursor_behind(value)
    for query in (f"since={quote(value)}", f"sort=activated_at&cursor={cursor}"):
        assert api(alma).get(f"enrollments?{query}").status_code == 200, query
    assert api(alma).get(f"students?updated_since={quote(value)}").status_code == 200


@pytest.mark.parametrize("value", OUT_OF_THE_CALENDAR)
def test_a_moment_that_utc_has_no_date_for_is_refused(alma, api, value):
    cursor = cursor_behind(value)
    for query in (f"since={quote(value)}", f"sort=activated_at&cursor={cursor}"):
        assert api(alma).get(f"enrollments?{query}").status_code == 422, query
    assert api(alma).get(f"students?updated_since={quote(value)}").status_code == 422


@pytest.mark.parametrize("written", [5, 5.0, "5", " 5 ", "0005"])
def test_a_whole_number_may_be_written_in_several_ways(alma, api, written):
    user, product = UserFactory(is_dashboard_user=True), ProductFactory()
    answer = api(alma).post(
        f"users/access/{user.pk}",
        ACCESS | {"thinkific_id": product.productable_id, "max_seats": written},
    )
    assert answer.json()["data"]["access"][0]["max_seats"] == 5


@pytest.mark.parametrize("written", [5.5, "5.0", "+5", "-5", "\u0665", "5 5", "", True, "\t5", "9" * 19])
def test_what_is_no_whole_number_is_refused(alma, api, written):
    body = ACCESS | {"thinkific_id": 1, "max_seats": written}
    answer = api(alma).post(f"users/access/{alma.pk}", body)
    assert (answer.status_code, set(answer.json()["errors"])) == (422, {"max_seats"})


@pytest.mark.parametrize(("least", "most"), [(0, 7), (1, 99), (0, 36_500), (1, 1_000_000), (1, BIGGEST)])
def test_the_pattern_of_a_number_takes_what_is_in_its_range(least, most):
    pattern = re.compile(digits_pattern(least, most))
    near = {n for edge in (0, 10, 99, 36_500, 1_000_000) for n in range(max(0, edge - 50), edge + 50)}
    for number in near:
        for text in (f"{number}", f"00{number}", f" {number} "):
            assert bool(pattern.match(text)) == (least <= number <= most), text


@pytest.mark.parametrize("key", ["é", "x" * 256])
def test_an_idempotency_key_is_ascii(alma, api, key):
    assert api(alma).post("users/search", {"email": "a@b.example"}, Idempotency_Key=key).status_code == 422


def test_the_schema_names_the_fields_of_a_page_as_they_are_answered(alma, api):
    schema = json.loads(schema_file.written())["components"]["schemas"]["PageMeta"]
    assert schema["properties"].keys() >= api(alma).get("products").json()["meta"].keys()


def test_the_schema_says_how_lists_are_sorted(alma, api):
    for path, operations in json.loads(schema_file.written())["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", ()):
            if parameter["name"] == "sort":
                for sort in parameter["schema"]["enum"]:
                    answer = api(alma).get(f"{path.removeprefix('/api/')}?sort={sort}")
                    assert answer.status_code == 200, (path, sort)
