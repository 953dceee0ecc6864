"""The kinds of runs, with the function that carries each out."""

from typing import Any

from integrations.models import ORDER, Kind, SyncRun
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

_PULLS = {
    Kind.PRODUCTS: KindOfRun(pull_products),
    Kind.CONTENT: KindOfRun(pull_content),
    Kind.USERS: KindOfRun(pull_users),
    Kind.ENROLLMENTS: KindOfRun(sync_enrollments, enrollments_notice),
    Kind.GROUPS: KindOfRun(pull_groups),
    Kind.QUIZ_RESULTS: KindOfRun(pull_quiz_results),
    Kind.CERTIFICATES: KindOfRun(pull_certificates),
}
PULLS: dict[str, KindOfRun] = {kind: _PULLS[kind] for kind in ORDER}
# All kinds: the pulls, the reconciliation and the repair.
KINDS: dict[str, KindOfRun] = PULLS | {
    Kind.RECONCILIATION: KindOfRun(reconcile, ended),
    Kind.REPAIR: KindOfRun(repair, ended),
}
# Thinkific can list only the changes of these.
INCREMENTAL = frozenset({Kind.ENROLLMENTS, Kind.QUIZ_RESULTS})


def carry_out(run: SyncRun, **how: Any) -> str:
    """Carry out a run of any kind; for the options and the return value see runs/execute.py."""
    return execute.carry_out(run, KINDS[run.kind], **how)
