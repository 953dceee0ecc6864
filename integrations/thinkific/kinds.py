"""What each kind of run does."""

from collections.abc import Callable

from integrations.models import Kind
from integrations.thinkific.enrollment_sync import sync_enrollments
from integrations.thinkific.pull.catalog import pull_products
from integrations.thinkific.pull.content import pull_content
from integrations.thinkific.pull.groups import pull_groups
from integrations.thinkific.pull.people import pull_users
from integrations.thinkific.pull.results import pull_certificates, pull_quiz_results
from integrations.thinkific.reconcile.reconcile import reconcile
from integrations.thinkific.reconcile.repair import repair
from integrations.thinkific.runs.context import Pull

# In the order in which a first load makes sense: what is pointed at comes before what points to it.
PULLS: dict[str, Callable[[Pull], None]] = {
    Kind.PRODUCTS: pull_products,
    Kind.CONTENT: pull_content,
    Kind.USERS: pull_users,
    Kind.ENROLLMENTS: sync_enrollments,
    Kind.GROUPS: pull_groups,
    Kind.QUIZ_RESULTS: pull_quiz_results,
    Kind.CERTIFICATES: pull_certificates,
}
# Beside the pulls: what compares, and what repairs.
WORK: dict[str, Callable[[Pull], None]] = PULLS | {Kind.RECONCILIATION: reconcile, Kind.REPAIR: repair}
# These have a way to ask for changes only.
INCREMENTAL = frozenset({Kind.ENROLLMENTS, Kind.QUIZ_RESULTS})
