"""The kinds of runs: what each does, in the one order of kinds."""

from typing import Any

from integrations.models import Kind, SyncRun
from integrations.thinkific.enrollment_sync import enrollments_notice, sync_enrollments
from integrations.thinkific.pull.catalog import pull_products
from integrations.thinkific.pull.content import pull_content
from integrations.thinkific.pull.groups import pull_groups
from integrations.thinkific.pull.people import pull_users
from integrations.thinkific.pull.results import pull_certificates, pull_quiz_results
from integrations.thinkific.reconcile.reconcile import reconcile
from integrations.thinkific.reconcile.repair import repair
from integrations.thinkific.reconcile.words import ended
from integrations.thinkific.runs import execute
from integrations.thinkific.runs.execute import KindOfRun

# In the order in which a first load makes sense: what is pointed at comes before what points to it.
PULLS: dict[str, KindOfRun] = {
    Kind.PRODUCTS: KindOfRun(pull_products),
    Kind.CONTENT: KindOfRun(pull_content),
    Kind.USERS: KindOfRun(pull_users),
    Kind.ENROLLMENTS: KindOfRun(sync_enrollments, enrollments_notice),
    Kind.GROUPS: KindOfRun(pull_groups),
    Kind.QUIZ_RESULTS: KindOfRun(pull_quiz_results),
    Kind.CERTIFICATES: KindOfRun(pull_certificates),
}
# Beside the pulls: what compares, and what repairs.
KINDS: dict[str, KindOfRun] = PULLS | {
    Kind.RECONCILIATION: KindOfRun(reconcile, ended),
    Kind.REPAIR: KindOfRun(repair, ended),
}
# These have a way to ask for changes only.
INCREMENTAL = frozenset({Kind.ENROLLMENTS, Kind.QUIZ_RESULTS})


def carry_out(run: SyncRun, **how: Any) -> str:
    """Carry out a run of any kind; see runs/execute.py for `how` and what it answers."""
    return execute.carry_out(run, KINDS[run.kind], **how)
