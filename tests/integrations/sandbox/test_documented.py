"""Which of the 77 documented operations of REST v1 the stand-in serves."""

import pytest

from integrations.thinkific.sandbox.rest.routes import ROUTES, V1, find_route

pytestmark = pytest.mark.once

# path: (what is served, what is not)
DOCUMENTED = {
    "/bundles/{id}": ("GET", ""),
    "/bundles/{id}/courses": ("GET", ""),
    "/bundles/{id}/enrollments": ("GET POST PUT", ""),
    "/chapters/{id}": ("GET", ""),
    "/chapters/{id}/contents": ("GET", ""),
    "/collection_memberships/{id}": ("POST DELETE", ""),
    "/collections": ("GET", "POST"),
    "/collections/{id}": ("GET", "PUT DELETE"),
    "/collections/{id}/products": ("GET", ""),
    "/contents/{id}": ("GET", ""),
    "/coupons": ("GET", "POST"),
    "/coupons/bulk_create": ("", "POST"),
    "/coupons/{id}": ("GET", "PUT DELETE"),
    "/course_reviews": ("GET", "POST"),
    "/course_reviews/{id}": ("GET", ""),
    "/courses": ("GET", ""),
    "/courses/{id}": ("GET", ""),
    "/courses/{id}/chapters": ("GET", ""),
    "/custom_profile_field_definitions": ("GET", ""),
    "/enrollments": ("GET POST", ""),
    "/enrollments/{id}": ("GET PUT", ""),
    "/external_orders": ("", "POST"),
    "/external_orders/{id}/transactions/purchase": ("", "POST"),
    "/external_orders/{id}/transactions/refund": ("", "POST"),
    "/group_analysts/{user}/groups": ("POST", ""),
    "/group_analysts/{user}/groups/{id}": ("DELETE", ""),
    "/group_users": ("POST", ""),
    "/groups": ("GET POST", ""),
    "/groups/{id}": ("GET DELETE", ""),
    "/groups/{id}/analysts": ("GET POST", ""),
    "/groups/{id}/analysts/{user}": ("DELETE", ""),
    "/instructors": ("GET", "POST"),
    "/instructors/{id}": ("GET", "PUT DELETE"),
    "/orders": ("GET", ""),
    "/orders/{id}": ("GET", ""),
    "/product_publish_requests": ("", "GET"),
    "/product_publish_requests/{id}": ("", "GET"),
    "/product_publish_requests/{id}/approve": ("", "POST"),
    "/product_publish_requests/{id}/deny": ("", "POST"),
    "/products": ("GET", ""),
    "/products/{id}": ("GET", ""),
    "/products/{id}/related": ("GET", ""),
    "/promotions": ("GET", "POST"),
    "/promotions/by_coupon": ("GET", ""),
    "/promotions/{id}": ("GET", "PUT DELETE"),
    "/site_scripts": ("", "GET POST"),
    "/site_scripts/{id}": ("", "GET PUT DELETE"),
    "/users": ("GET POST", ""),
    "/users/{id}": ("GET PUT DELETE", ""),
    "/users/{id}/authentications/{provider}": ("GET", ""),
}


def test_51_of_the_77_documented_operations_are_served_and_nothing_else():
    served = {path: set(methods.split()) for path, (methods, _) in DOCUMENTED.items() if methods}
    missing = sum(len(methods.split()) for _, methods in DOCUMENTED.values())

    assert {p.removeprefix(V1): set(r) for p, r in ROUTES.items() if p.startswith(V1)} == served
    assert sum(map(len, served.values())) == 51
    assert sum(map(len, served.values())) + missing == 77


def test_a_word_is_not_taken_for_an_id():
    for path in ("promotions/by_coupon", "coupons/bulk_create"):
        template, _, arguments = find_route("GET", f"{V1}/{path}")
        assert template == f"{V1}/{path}" or arguments == ["bulk_create"]
