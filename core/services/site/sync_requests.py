"""Starting a pull from core. The code that runs it is named by settings.SYNC_REQUEST, as core must not import
it."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from core.errors import Refusal
from core.models import User


class Busy(Refusal):
    """A run of this kind with other options is under way."""


@dataclass(frozen=True)
class RequestedRun:
    run_id: int
    url: str  # the run's page in the admin
    attached: bool  # True: a run of this kind was under way already; its end is notified to the user too


def request(
    kind: str, *, started_by: User | None = None, full: bool = True, options: dict[str, Any] | None = None
) -> RequestedRun:
    """Start a pull of one kind in the background, or attach to the one under way. Kinds: users, products,
    content, enrollments, groups, quiz_results, certificates.

    Raises NotConnected, and Busy when a run with other options is under way.
    """
    start = import_string(settings.SYNC_REQUEST)
    return start(kind, started_by=started_by, full=full, options=options or {})
