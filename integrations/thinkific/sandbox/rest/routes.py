"""The paths of REST v1 and of the webhooks API that the stand-in serves."""

from collections.abc import Callable

from integrations.thinkific.sandbox.rest import catalog, enrollments, groups, shop, subscriptions, users
from integrations.thinkific.sandbox.rest.context import Context
from integrations.thinkific.sandbox.web.http import Response
from integrations.thinkific.sandbox.web.problems import not_found

Handler = Callable[[Context], Response]
V1 = "/api/public/v1"
V2 = "/api/v2"

ROUTES: dict[str, dict[str, Handler]] = {
    f"{V1}/users": {"GET": users.list_users, "POST": users.create},
    f"{V1}/users/{{id}}": {"GET": users.show, "PUT": users.update, "DELETE": users.delete},
    f"{V1}/users/{{id}}/authentications/{{provider}}": {"GET": users.authentication},
    f"{V1}/enrollments": {"GET": enrollments.list_enrollments, "POST": enrollments.create},
    f"{V1}/enrollments/{{id}}": {"GET": enrollments.show, "PUT": enrollments.update},
    f"{V1}/courses": {"GET": catalog.list_courses},
    f"{V1}/courses/{{id}}": {"GET": catalog.show_course},
    f"{V1}/courses/{{id}}/chapters": {"GET": catalog.list_chapters},
    f"{V1}/chapters/{{id}}": {"GET": catalog.show_chapter},
    f"{V1}/chapters/{{id}}/contents": {"GET": catalog.list_contents},
    f"{V1}/contents/{{id}}": {"GET": catalog.show_content},
    f"{V1}/products": {"GET": catalog.list_products},
    f"{V1}/products/{{id}}": {"GET": catalog.show_product},
    f"{V1}/products/{{id}}/related": {"GET": catalog.list_related},
    f"{V1}/bundles/{{id}}": {"GET": catalog.show_bundle},
    f"{V1}/bundles/{{id}}/courses": {"GET": catalog.list_bundle_courses},
    f"{V1}/bundles/{{id}}/enrollments": {
        "GET": enrollments.list_bundle_enrollments,
        "POST": enrollments.create_in_bundle,
        "PUT": enrollments.update_in_bundle,
    },
    f"{V1}/groups": {"GET": groups.list_groups, "POST": groups.create},
    f"{V1}/groups/{{id}}": {"GET": groups.show, "DELETE": groups.delete},
    f"{V1}/group_users": {"POST": groups.add_user},
    f"{V1}/groups/{{id}}/analysts": {"GET": groups.list_analysts, "POST": groups.assign_analysts},
    f"{V1}/groups/{{id}}/analysts/{{user}}": {"DELETE": groups.remove_analyst},
    f"{V1}/group_analysts/{{user}}/groups": {"POST": groups.assign_analyst},
    f"{V1}/group_analysts/{{user}}/groups/{{id}}": {"DELETE": groups.remove_analyst_from},
    f"{V1}/orders": {"GET": catalog.list_orders},
    f"{V1}/orders/{{id}}": {"GET": catalog.show_order},
    f"{V1}/custom_profile_field_definitions": {"GET": catalog.list_profile_fields},
    f"{V1}/collections": {"GET": shop.list_collections},
    f"{V1}/collections/{{id}}": {"GET": shop.show_collection},
    f"{V1}/collections/{{id}}/products": {"GET": shop.list_collection_products},
    f"{V1}/collection_memberships/{{id}}": {
        "POST": shop.add_to_collection,
        "DELETE": shop.remove_from_collection,
    },
    f"{V1}/promotions": {"GET": shop.list_promotions},
    f"{V1}/promotions/by_coupon": {"GET": shop.find_promotion},
    f"{V1}/promotions/{{id}}": {"GET": shop.show_promotion},
    f"{V1}/coupons": {"GET": shop.list_coupons},
    f"{V1}/coupons/{{id}}": {"GET": shop.show_coupon},
    f"{V1}/course_reviews": {"GET": shop.list_reviews},
    f"{V1}/course_reviews/{{id}}": {"GET": shop.show_review},
    f"{V1}/instructors": {"GET": shop.list_instructors},
    f"{V1}/instructors/{{id}}": {"GET": shop.show_instructor},
    f"{V2}/webhooks": {"GET": subscriptions.list_webhooks, "POST": subscriptions.create},
    f"{V2}/webhooks/{{id}}": {
        "GET": subscriptions.show,
        "PUT": subscriptions.update,
        "DELETE": subscriptions.delete,
    },
    f"{V2}/events": {"GET": subscriptions.list_events},
    f"{V2}/events/{{id}}": {"GET": subscriptions.show_event},
}
_BY_LENGTH: dict[int, list[tuple[list[str], str]]] = {}
for _template in ROUTES:
    _segments = _template.split("/")
    _BY_LENGTH.setdefault(len(_segments), []).append((_segments, _template))


def find_route(method: str, path: str) -> tuple[str, Handler, list[str]]:
    """Returns the template of a path, its handler, and the values of the template's braces."""
    segments = path.rstrip("/").split("/")
    for wanted, template in _BY_LENGTH.get(len(segments), ()):
        if all(w == s or (w[:1] == "{" and s) for w, s in zip(wanted, segments, strict=True)):
            arguments = [s for w, s in zip(wanted, segments, strict=True) if w[:1] == "{"]
            return template, ROUTES[template].get(method, _missing), arguments
    return "(unknown)", _missing, []


def _missing(context: Context) -> Response:
    raise not_found()
