"""Filters that lists about students have in common."""

from typing import Annotated, TypeVar

from django.db.models import QuerySet
from pydantic import Field

from api.paging import PageQuery
from api.types import BIGGEST, Moment
from core.folding import email_key
from core.models import Membership, Team, User

Rows = TypeVar("Rows", bound=QuerySet)
Key = Annotated[int | None, Field(ge=1, le=BIGGEST)]


class OfStudents(PageQuery):
    """The filters of lists whose rows belong to a student and to a product."""

    student_id: Annotated[Key, Field(description="Only of this student (id in the dashboard).")] = None
    email: Annotated[
        str | None, Field(max_length=254, description="Only of the student with this e-mail.")
    ] = None
    team_id: Annotated[Key, Field(description="Only of members of this team.")] = None
    product_id: Annotated[Key, Field(description="Only of this product (id in the dashboard).")] = None
    productable_id: Annotated[Key, Field(description="Only of this course or bundle.")] = None
    since: Annotated[
        Moment | None, Field(description="Only from this moment or day on. Without a zone: the site's.")
    ] = None


def narrowed(rows: Rows, query: OfStudents, viewer: User, *, moment: str, product: str) -> Rows:
    """Returns the rows that the filters leave. `moment` is the column that `since` is about, `product` the
    path to the product. A team that the viewer does not see leaves no row."""
    if query.student_id is not None:
        rows = rows.filter(user=query.student_id)
    if query.email is not None:
        rows = rows.filter(user__email_key=email_key(query.email))
    if query.team_id is not None:
        teams = Team.objects.visible_to(viewer).filter(pk=query.team_id)
        rows = rows.filter(user__in=Membership.objects.filter(team__in=teams).values("user"))
    if query.product_id is not None:
        rows = rows.filter(**{product: query.product_id})
    if query.productable_id is not None:
        rows = rows.filter(**{f"{product}__productable_id": query.productable_id})
    if query.since is not None:
        rows = rows.filter(**{f"{moment}__gte": query.since})
    return rows
