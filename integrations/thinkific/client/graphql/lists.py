"""The GraphQL queries that we send, page by page.

Every iterator yields `(rows, next_cursor, has_next)` with rows a Rows of typed nodes; give it the last cursor
as `after` and it resumes there. Where Thinkific renamed a field, the newer name is asked first, the older one
when that is unknown, and the client remembers which. How many rows are asked for at once grows while whole
pages come, and never goes beyond what a query may cost (see observed.py).
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
    """The site that the access token belongs to; also the cheapest way to prove that it works."""
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
) -> Iterator[GraphPage[schemas.QuizSubmission]]:
    """The site's quiz results, all or those of some courses or completed since a moment."""
    wanted: dict[str, Any] = {}
    if completed_from is not None:
        wanted["completedAt"] = {"from": plain(completed_from)}
    if course_ids is not None:
        wanted["courseIds"] = [str(course_id) for course_id in course_ids]
    ask = Query(graphql, "QuizResults", SUBMISSIONS, {"filter": wanted or None}, cost_per_row=2)
    return ask.pages(("site", "quizSubmissions"), schemas.QuizSubmission, first, after)


def products(graphql: GraphQL, *, after: str | None = None) -> Iterator[GraphPage[schemas.ProductNode]]:
    """Every product, those of the new course builder included. `item_id` is REST's productable_id."""
    ask = Query(graphql, "Products", PRODUCTS, {}, names={"item": ITEM})
    return ask.pages(("site", "products"), schemas.ProductNode, 0, after)


def course_certificates(
    graphql: GraphQL, course_id: int, *, after: str | None = None, first: int = 0
) -> Iterator[GraphPage[schemas.Certificate]]:
    """The certificates of one course. Raises NotFound for an unknown course."""
    variables = {"id": str(course_id)}
    ask = Query(graphql, "CourseCertificates", CERTIFICATES, variables, names={"number": NUMBER})
    return ask.pages(("course", "certificates"), schemas.Certificate, first, after)


def user_certificates(graphql: GraphQL, email: str) -> Iterator[GraphPage[schemas.Certificate]]:
    """The certificates of one person. Raises NotFound for an unknown address."""
    ask = Query(graphql, "UserCertificates", USER_CERTIFICATES, {"email": email}, names={"number": NUMBER})
    return ask.pages(("userByEmail", "certificates"), schemas.Certificate, 50, None)
