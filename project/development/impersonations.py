"""The demo's impersonations: one with changes, one that timed out, one that goes on.

They are made and not stored with the fixtures, because one goes on at the moment of loading, and because the
changes are written by the services, with the history that real ones have.
"""

from datetime import datetime, timedelta

from django.utils import timezone

from core import acting
from core.admin.kit.recorded import RECORDED
from core.models import ImpersonationSession, Tag, User
from core.models.accounts.impersonations import LONGEST
from core.services import notes, tags

ADMINISTRATOR, COLLEAGUE = "dana.roth@harborlight.example", "miguel.andrade@harborlight.example"
MANAGER, OWNER, STUDENT = (
    "valentina.sato@northfield.example",
    "tariq.fuentes@northfield.example",
    "dmitri.aydin@northfield.example",
)
Ended = ImpersonationSession.Ended


def add() -> None:
    people = User.objects.select_related("home_team").in_bulk(
        [ADMINISTRATOR, COLLEAGUE, MANAGER, OWNER, STUDENT], field_name="email"
    )
    if len(people) < 5:
        return
    now = timezone.now()
    _timed_out(people, now - timedelta(days=9))
    _with_changes(people, now - timedelta(days=2, hours=3))
    ImpersonationSession.objects.create(
        impersonator=people[COLLEAGUE],
        impersonated=people[STUDENT],
        reason="Asks why a certificate is missing.",
        ip_address="198.51.100.23",
        started_at=now - timedelta(minutes=8),
    )


def _timed_out(people: dict[str, User], began: datetime) -> None:
    ImpersonationSession.objects.create(
        impersonator=people[COLLEAGUE],
        impersonated=people[OWNER],
        ip_address="198.51.100.23",
        started_at=began,
        ended_at=began + LONGEST,
        ended_by=Ended.TIMED_OUT,
    )


def _with_changes(people: dict[str, User], began: datetime) -> None:
    administrator, manager, student = people[ADMINISTRATOR], people[MANAGER], people[STUDENT]
    session = ImpersonationSession.objects.create(
        impersonator=administrator,
        impersonated=manager,
        reason="On the phone with Valentina, who cannot find how to tag her night shift.",
        ip_address="203.0.113.40",
        started_at=began,
        ended_at=began + timedelta(minutes=14),
        ended_by=Ended.LEFT,
    )
    shift = Tag.objects.filter(name="Night shift")
    with acting.begun(acting.Acting(session.pk, administrator.pk, str(administrator), str(manager))):
        tags.add_tags([student], shift, by=manager)
        notes.add(user=student, text="Works nights until spring.", team=student.home_team, by=manager)
    for kind in RECORDED.values():  # as if it had been done then
        kind.model.history.filter(impersonation=session).update(history_date=began + timedelta(minutes=6))
