"""Lists by GraphQL, page by page.

Each function yields GraphPages: typed rows, the cursor after them, and whether more follow. With that cursor
as `after` it goes on there. Where Thinkific has renamed a field, the newer name is asked for first, then the
older one, and GraphQL remembers which the site knows. The number of rows per page grows while pages are full,
up to what a query may cost (observed.py).
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from integrations.thinkific.client import schemas
from integrations.thinkific.client.decoding import read_row
from integrations.thinkific.client.graphql.graphql import GraphQL
from integrations.thinkific.client.graphql.queries import (
    CERTIFICATES,
    ITEM,
    NUMBER,
    PRODUCTS,
    SITE,
    SUBMISSIONS,
    USER_CERTIFICATES,
)
from integrations.thinkific.client.graphql.sending import GraphPage, Query
from integrations.thinkific.client.graphql.sending import Rows as Rows
from integrations.thinkific.client.transport import plain


def site_info(graphql: GraphQL) -> schemas.SiteInfo:
    """Returns the site of the access token. The cheapest query that proves that the token works."""
    data = graphql.run("Site", SITE, cost=3).data
    try:
        return read_row(data.get("site") or {}, schemas.SiteInfo)
    except msgspec.ValidationError:
        return schemas.SiteInfo()


def quiz_submissions(
    graphql: GraphQL,
    *,
    after: str | None = None,
    first: int = 0,
    completed_from: datetime | None = None,
    course_ids: list[int] | None = None,
    user_ids: list[int] | None = None,
) -> Iterator[GraphPage[schemas.QuizSubmission]]:
    """Yields the quiz results of the site: all, those of some courses or people, or those completed since a
    moment."""
    wanted: dict[str, Any] = {}
    if completed_from is not None:
        wanted["completedAt"] = {"from": plain(completed_from)}
    if course_ids is not None:
        wanted["courseIds"] = [str(course_id) for course_id in course_ids]
    if user_ids is not None:
        wanted["userIds"] = [str(user_id) for user_id in user_ids]
    ask = Query(graphql, "QuizResults", SUBMISSIONS, {"filter": wanted or None}, cost_per_row=2)
    return ask.pages(("site", "quizSubmissions"), schemas.QuizSubmission, first, after)


def products(graphql: GraphQL, *, after: str | None = None) -> Iterator[GraphPage[schemas.ProductNode]]:
    """Yields every product, also those of the new course builder. `item_id` is REST's productable_id."""
    ask = Query(graphql, "Products", PRODUCTS, {}, names={"item": ITEM})
    return ask.pages(("site", "products"), schemas.ProductNode, 0, after)


def course_certificates(
    graphql: GraphQL, course_id: int, *, after: str | None = None, first: int = 0
) -> Iterator[GraphPage[schemas.Certificate]]:
    """Yields the certificates of one course. Raises NotFound for an unknown course."""
    variables = {"id": str(course_id)}
    ask = Query(graphql, "CourseCertificates", CERTIFICATES, variables, names={"number": NUMBER})
    return ask.pages(("course", "certificates"), schemas.Certificate, first, after)


def user_certificates(graphql: GraphQL, email: str) -> Iterator[GraphPage[schemas.Certificate]]:
    """Yields the certificates of one person. Raises NotFound for an unknown e-mail address."""
    ask = Query(graphql, "UserCertificates", USER_CERTIFICATES, {"email": email}, names={"number": NUMBER})
    return ask.pages(("userByEmail", "certificates"), schemas.Certificate, 50, None)
