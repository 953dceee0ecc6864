"""What a migration keeps of people ends with the retention: the file, and what its rows said."""

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from core.models import Migration, MigrationPart, MigrationRow, SiteSettings
from core.models.fields.settings_checks import MOST_DAYS

AT_ONCE = 2000
GONE = "The file is no longer kept. Upload it again to go on."
Status = Migration.Status


def forget(beat: Callable[[], None] = lambda: None) -> int:
    """Delete the files of migrations whose last step ended before the retention days, and empty their rows.
    The map of ids stays, so that they can still be undone. Returns how many rows were emptied."""
    days = min(SiteSettings.load().retention_days, MOST_DAYS)
    old = Migration.objects.filter(finished_at__lt=timezone.now() - timedelta(days=days))
    old = old.exclude(status=Status.RUNNING)
    MigrationPart.objects.filter(migration__in=old).delete()
    # Without its rows nothing more can be applied.
    old.filter(status=Status.CHECKED).update(status=Status.FAILED, remark=GONE)
    old.filter(status=Status.STOPPED).update(status=Status.APPLIED, remark=GONE)
    rows, emptied = MigrationRow.objects.filter(migration__in=old).exclude(values={}, message=""), 0
    while keys := list(rows.values_list("pk", flat=True)[:AT_ONCE]):
        emptied += MigrationRow.objects.filter(pk__in=keys).update(values={}, message="")
        beat()
    return emptied
