"""How long the imported files themselves are kept."""

from datetime import timedelta

from django.utils import timezone

from core.models import ImportBatch, SiteSettings


def expire() -> int:
    """Delete the contents of imported files that are older than the settings say. What became of each row
    stays. Returns how many. A file that is still being imported is kept."""
    kept_since = timezone.now() - timedelta(days=SiteSettings.load().import_file_days)
    over = ImportBatch.objects.filter(created_at__lt=kept_since, content__isnull=False)
    count = 0
    for key in over.exclude(status=ImportBatch.Status.RUNNING).values_list("pk", flat=True).order_by("pk"):
        count += over.filter(pk=key).update(content=None)  # one by one: a file may be large
    return count
