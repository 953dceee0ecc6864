"""Drift of each sort, planted on either side behind everybody's back, is found; and nothing else is."""

import pytest

from core.models import (
    Certificate,
    Enrollment,
    GroupMembership,
    QuizResult,
    User,
)
from integrations.models import DriftKind, SyncRun

pytestmark = pytest.mark.django_db(transaction=True)
K = DriftKind


def anybody() -> User:
    return User.objects.filter(thinkific_id__isnull=False).order_by("pk").first()


def an_enrollment() -> Enrollment:
    return Enrollment.objects.filter(thinkific_id__isnull=False).order_by("pk").first()


def test_two_sides_in_step_show_no_drift(compare, site, writes):
    reports = compare()

    assert {kind: report.drifted for kind, report in reports.items()} == dict.fromkeys(K.values, 0)
    assert all(report.compared_at for report in reports.values())
    assert reports[K.USERS].compared == reports[K.USERS].in_step == len(site.users)
    assert reports[K.ENROLLMENTS].in_step == len(site.enrollments)
    assert reports[K.GROUPS].in_step == len(site.groups)
    assert reports[K.MEMBERS].in_step == GroupMembership.objects.count() > 0
    assert reports[K.QUIZ_RESULTS].in_step == QuizResult.objects.count() > 0
    assert reports[K.CERTIFICATES].in_step == Certificate.objects.count() > 0
    assert writes() == []
    run = SyncRun.objects.first()
    assert run.status == "succeeded"
    assert not any((run.created, run.updated, run.removed, run.failed))
