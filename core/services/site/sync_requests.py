"""How a screen of core starts a pull without knowing who does it (settings.SYNC_REQUEST)."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from core.models import User


@dataclass(frozen=True)
class RequestedRun:
    run_id: int
    url: str  # the run's page in the admin
    attached: bool  # a run of this kind was already under way; the person is told when that one ends


def request(
    kind: str, *, started_by: User | None = None, full: bool = True, options: dict[str, Any] | None = None
) -> RequestedRun:
    """Start a pull of one kind (users, products, content, enrollments, groups, quiz_results, certificates)
    in the background, or attach to the running one.

    Raises Refusal when Thinkific is not connected.
    """
    start = import_string(settings.SYNC_REQUEST)
    return start(kind, started_by=started_by, full=full, options=options or {})
