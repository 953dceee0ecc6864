"""A request that Thinkific refuses is shown on the run, with the request and the answer."""

import pytest
import responses

from integrations.models import Kind

pytestmark = [pytest.mark.django_db, pytest.mark.once]
LISTS = {"users": "/users", "products": "/products", "enrollments": "/enrollments", "groups": "/groups"}


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("status", [404, 422])
def test_a_list_that_is_refused_is_named_on_the_run(pull, thinkific, kind, status):
    with responses.RequestsMock() as network:
        network.get(f"{thinkific.url}/api/public/v1{LISTS[kind]}", json={"error": "Error"}, status=status)

        run = pull(kind)

    assert run.status == "failed"
    said = {"object": Kind(kind).label, "message": f"GET {LISTS[kind]} answered {status}: Error"}
    assert run.errors == [said]


@pytest.mark.parametrize("kind", ["quiz_results", "products"])
def test_so_is_a_refused_query(pull, thinkific, kind):
    with responses.RequestsMock(assert_all_requests_are_fired=False) as network:
        network.add_passthru(f"{thinkific.url}/api/public")
        network.post(f"{thinkific.url}/stable/graphql", json={"errors": [{"message": "Error"}]}, status=404)

        run = pull(kind)

    assert run.status in ("failed", "partial")
    operation = {"quiz_results": "QuizResults", "products": "Products"}[kind]
    assert run.errors[0]["message"].startswith(f"GraphQL {operation} answered 404: Error")
