"""Base of lists whose rows belong to a student: searched by the student, filtered by the student's team."""

from typing import Any

from django.db.models import QuerySet
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.admin.kit.base import DashboardAdmin
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.lists.columns import Reads, column
from core.admin.kit.lists.filters import team_filter
from core.admin.kit.lists.lists import FEW
from core.models import Membership, User
from core.models.catalog import product_name
from core.models.fields.folded import holding
from core.models.people import full_name

MANY = 50_000  # the most found students for which the query gets a LIMIT
# For `list_only`: the fields that the columns with a student's and a product's name need.
STUDENT = ("user__email", "user__first_name", "user__last_name")
PRODUCT = ("product__name", "product__productable_type", "product__productable_id")
STUDENT_IN_FILE = (
    column("Name", Reads(("user__first_name", "user__last_name", "user__email"), full_name)),
    column("Email", "user.email"),
)
PRODUCT_IN_FILE = Reads(PRODUCT, product_name)
TEAM_FILTER = team_filter(Membership, "user", rows="user")


class FoundByStudent(DashboardAdmin):
    student = column(
        "Student",
        lambda row: cells.two_lines(row.user.get_full_name(), row.user.email),
        sort="user__name",
        in_file=STUDENT_IN_FILE,
    )
    student_link = column("Student", "user", cells.link)
    search_fields = ["user__folded"]
    people_path = "user"
    search_help_text = "Search by the student's name or e-mail"

    def search(self, queryset: QuerySet, words: list[str], viewer: User) -> QuerySet:
        """Finds the students first, with PostgreSQL's index for text search, and then their rows. A join with
        an OR across tables would read every row."""
        people = User.objects.order_by()
        for word in words:
            people = people.filter(holding("folded", word))
        few = list(people.values_list("pk", flat=True)[: FEW + 1])
        if len(few) <= FEW:
            return queryset.filter(user__in=few)
        found = people.values("pk")
        # With a LIMIT, PostgreSQL finds the students once and joins. Without, it reads the rows from the
        # newest and checks the student of each, which is fast only if a large part of all students match.
        if found[: MANY + 1].count() <= MANY:
            found = found[:MANY]
        return queryset.filter(user__in=found)


def _thinkific_id(result: Any) -> SafeString:
    kind = result._meta.verbose_name_plural
    why_unknown = f"It came by a webhook, which contains no ID. The next sync of {kind} adds it."
    return cells.thinkific_id(result.thinkific_id, why_unknown=why_unknown)


class ResultAdmin(FoundByStudent, ExportingAdmin):
    """Base of the lists of quiz results and of certificates."""

    thinkific = column("Thinkific ID", _thinkific_id)
