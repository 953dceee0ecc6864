"""Lists with a row per student and thing: found by the student, filtered by the student's team."""

from typing import Any

from django.db.models import QuerySet
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin.kit import cells
from core.admin.kit.base import DashboardAdmin
from core.admin.kit.lists.exports import ExportingAdmin
from core.admin.kit.lists.filters import RelatedFilter
from core.admin.kit.lists.lists import FEW
from core.models import Membership, Team, User
from core.models.fields.folded import holding

MANY = 50_000  # people found
# For `list_only`: what the columns that name a student, and a product, read.
STUDENT = ("user__email", "user__first_name", "user__last_name")
PRODUCT = ("product__name", "product__productable_type", "product__productable_id")


class TeamFilter(RelatedFilter):
    title = "team"
    parameter_name = "team"
    foreign_key = (Membership, "team")

    def matching(self, queryset: QuerySet, target: Team) -> QuerySet:
        return queryset.filter(user__in=Membership.objects.filter(team=target).values("user"))


class FoundByStudent(DashboardAdmin):
    search_fields = ["user__folded"]
    people_path = "user"
    search_help_text = "Search by the student's name or e-mail"

    def search(self, queryset: QuerySet, words: list[str], viewer: User) -> QuerySet:
        """The people first, all words at once, through the index that PostgreSQL has for them; then
        their rows. A join with the words on either side of an OR would read every row."""
        people = User.objects.order_by()
        for word in words:
            people = people.filter(holding("folded", word))
        few = list(people.values_list("pk", flat=True)[: FEW + 1])
        if len(few) <= FEW:
            return queryset.filter(user__in=few)
        found = people.values("pk")
        # With a LIMIT, PostgreSQL finds the people once and joins. Without, it walks the rows from the newest
        # and looks at the person of each: right only where a large part of all people match.
        if found[: MANY + 1].count() <= MANY:
            found = found[:MANY]
        return queryset.filter(user__in=found)

    @display(description="Student")
    def student(self, row: Any) -> SafeString:
        return cells.two_lines(row.user.get_full_name(), row.user.email)

    @display(description="Student")
    def student_link(self, row: Any) -> SafeString:
        return cells.link(row.user)


class ResultAdmin(FoundByStudent, ExportingAdmin):
    """What the lists of quiz results and of certificates have."""

    @display(description="Thinkific ID")
    def thinkific(self, result: Any) -> SafeString:
        kind = result._meta.verbose_name_plural
        untold = f"It came by a webhook, which tells no number. The next sync of {kind} brings it."
        return cells.thinkific_id(result.thinkific_id, untold=untold)
