"""How long the imported files themselves are kept."""

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from core.models import ImportBatch, ImportFilePart, SiteSettings


def expire() -> int:
    """Delete the contents of imported files that are older than the settings say. What became of each line
    stays. Returns how many. A file that is still being imported is kept."""
    kept_since = timezone.now() - timedelta(days=SiteSettings.load().import_file_days)
    has_parts = Exists(ImportFilePart.objects.filter(batch=OuterRef("pk")))
    over = ImportBatch.objects.filter(has_parts | Q(content__isnull=False), created_at__lt=kept_since)
    count = 0
    for key in list(over.exclude(status=ImportBatch.Status.RUNNING).values_list("pk", flat=True)):
        # One after the other: the pieces of many files would be large for a transaction.
        ImportFilePart.objects.filter(batch=key).delete()
        ImportBatch.objects.filter(pk=key).update(content=None)
        count += 1
    return count
