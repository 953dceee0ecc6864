"""Making the files that were asked for. Each is claimed by one process at a time; when that is killed,
another one begins it again from nothing."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone

from core.database_outage import retry_during_outage
from core.databases import is_unavailable
from core.errors import Refusal
from core.exports import files, sight
from core.models import ExportFile, ExportPiece, Notice, SiteSettings, User
from core.services import leases
from core.services.leases import Claim
from core.services.site import notices
from core.wording import plural

log = structlog.get_logger(__name__)

AT_ONCE = 2  # files that all workers together make, so that they have time for other work
TRIES = 3  # of a file that fails by an error of ours, or that its process did not survive
FIRST_WAIT, LONGEST_WAIT = 10.0, 600.0  # seconds between them
TOLD_EVERY = 2.0  # seconds between signs of life
NOT_ALLOWED = "You may no longer see this list, or what it was about is gone."
UNEXPECTED = "An error of the dashboard stopped it three times. Its log says more. Export the list again."
Status = ExportFile.Status
Tick = Callable[[int], None]  # is told how many rows are done


@dataclass(frozen=True)
class Content:
    total: int  # rows
    parts: Iterator[bytes]


# Returns what the file has, for its owner. Raises PermissionDenied, Http404 or Refusal.
Produce = Callable[[ExportFile, User, Tick], Content]


class _Lost(Exception):
    """The file was cancelled, or another process has taken it."""


class _Stopped(Exception):
    """This process has to end."""


def carry_out_due(
    produce: Produce,
    *,
    seconds: float = 50.0,
    stop: Callable[[], bool] = lambda: False,
    beat: Callable[[], None] = lambda: None,
) -> Counter[str]:
    """Make the files that wait, until none does, for at most `seconds`; one that has begun is finished.
    Returns how many had which result. `stop` says that this process has to end."""
    free_abandoned()
    end, results = time.monotonic() + seconds, Counter[str]()
    while not stop() and time.monotonic() < end:
        beat()
        file = claim()
        if file is None:
            return results
        results[_carry_out(file, produce, stop, beat)] += 1
    sweep()
    return results


def sweep() -> None:
    """Each minute: what was put off, and what a killed worker or a lost wake-up left."""
    free_abandoned()
    if ExportFile.objects.due().exists():
        files.wake()


def free_abandoned() -> int:
    """Let wait again what a dead process had claimed; give up what several processes did not survive. Returns
    how many."""
    count, now = 0, timezone.now()
    for file, _ in leases.abandoned(ExportFile, now):
        if file.crashes + 1 >= TRIES:
            _fail(file, UNEXPECTED)
            continue
        count += Claim.on(file).put_back([file.pk], crashed=True)
    return count


def claim() -> ExportFile | None:
    """Claim the oldest file that is due; None when there is none, or enough are being made."""
    mine: Claim[ExportFile] = Claim.new(ExportFile)
    with leases.given_back_if_lost(mine.put_back), transaction.atomic():
        # Locked, so that of two processes the second sees what the first has claimed.
        SiteSettings.objects.select_for_update(no_key=True).filter(pk=SiteSettings.load().pk).first()
        now = timezone.now()
        if ExportFile.objects.filter(ExportFile.lease.taken()).count() >= AT_ONCE:
            return None
        keys = list(ExportFile.objects.due(now).order_by("pk").values_list("pk", flat=True)[:1])
        if not keys or not mine.take(keys, now=now):
            return None
    return mine.held(keys).select_related("created_by", "person").first()


def _carry_out(file: ExportFile, produce: Produce, stop: Callable[[], bool], beat: Callable[[], None]) -> str:
    making = _Making(file, stop, beat)
    try:
        return making.run(produce)
    except _Lost:
        return "lost"
    except _Stopped:
        Claim.on(file).put_back([file.pk], counts=False, rows_done=0)
        return "stopped"
    except (PermissionDenied, Http404):
        return _fail(file, NOT_ALLOWED)
    except Refusal as refusal:
        return _fail(file, str(refusal))
    except Exception as error:
        log.exception("An export failed", stored=file.pk, attempt=file.attempts)
        counts = not is_unavailable(error)
        if counts and file.attempts - file.crashes >= TRIES:
            return _fail(file, UNEXPECTED)
        wait = leases.growing_wait(file.attempts, first=FIRST_WAIT, longest=LONGEST_WAIT)
        until = timezone.now() + timedelta(seconds=wait)
        retry_during_outage(Claim.on(file).put_back, [file.pk], until=until, counts=counts)
        return "retried"


class _Making:
    """One file that this process makes."""

    def __init__(self, file: ExportFile, stop: Callable[[], bool], beat: Callable[[], None]) -> None:
        self.file, self.stop, self.beat = file, stop, beat
        self.claim = Claim.on(file)
        self.rows = self.size = self.number = 0
        self.told_at = time.monotonic()

    def run(self, produce: Produce) -> str:
        owner = self.file.created_by
        if owner is None or not owner.is_active:
            raise PermissionDenied
        seen = sight.of(owner)
        content = produce(self.file, owner, self.tick)
        self.file.rows_total = content.total
        self.tell()
        self.store(content.parts)
        with transaction.atomic():
            held = self.claim.finish(
                [self.file.pk],
                status=Status.SUCCEEDED,
                rows_total=self.rows,
                rows_done=self.rows,
                size=self.size,
                made_in=self.file.attempts,
                sight=seen,
                finished_at=timezone.now(),
                expires_at=files.expiry(),
            )
            if not held:
                raise _Lost
            self.tell_owner(owner)
        return Status.SUCCEEDED

    def store(self, parts: Iterator[bytes]) -> None:
        """Store the bytes in pieces of one size."""
        ExportPiece.objects.filter(file=self.file).delete()
        waiting = bytearray()
        for part in parts:
            waiting += part
            while len(waiting) >= files.PIECE:
                self.store_piece(bytes(waiting[: files.PIECE]))
                del waiting[: files.PIECE]
        if waiting:
            self.store_piece(bytes(waiting))

    def store_piece(self, content: bytes) -> None:
        self.tell()
        values = {"attempt": self.file.attempts, "number": self.number, "content": content}
        ExportPiece.objects.create(file=self.file, **values)
        self.number += 1
        self.size += len(content)

    def tick(self, rows: int) -> None:
        self.rows = rows
        if time.monotonic() - self.told_at >= TOLD_EVERY:
            self.tell()

    def tell(self) -> None:
        """Renew the claim and tell how far the file is. Raises _Lost, or _Stopped."""
        self.told_at = time.monotonic()
        self.beat()
        if self.stop():
            raise _Stopped
        if not self.claim.renew([self.file.pk]):
            raise _Lost
        held = self.claim.held([self.file.pk])
        held.update(rows_done=self.rows, rows_total=max(self.file.rows_total, self.rows))

    def tell_owner(self, owner: User) -> None:
        rows = "" if self.file.person_id else f"{plural(self.rows, 'row')}, "
        size = filesizeformat(self.size).replace("\xa0", " ")
        address = reverse("admin:core_exportfile_download", args=[self.file.pk])
        notices.tell([owner], f"{self.file.title}: the file is ready ({rows}{size}).", url=address)


def _fail(file: ExportFile, why: str) -> str:
    def store() -> None:
        with transaction.atomic():
            held = Claim.on(file).finish(
                [file.pk], status=Status.FAILED, outcome=why, finished_at=timezone.now()
            )
            if held and file.created_by is not None:
                page = reverse("admin:core_exportfile_change", args=[file.pk])
                text = f"{file.title} was not exported. {why}"
                notices.tell([file.created_by], text, level=Notice.Level.ERROR, url=page)

    retry_during_outage(store)
    return Status.FAILED
