"""How long imported files are kept: their contents go, what became of the lines stays."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.imports import retention
from core.models import ImportBatch, ImportFilePart, SiteSettings
from tests.factories import ImportBatchFactory, ImportRowFactory

pytestmark = pytest.mark.django_db


def batch(days: int, **values) -> ImportBatch:
    made = ImportBatchFactory(created_at=timezone.now() - timedelta(days=days), **values)
    ImportFilePart.objects.create(batch=made, number=0, content=b"name,email")
    ImportRowFactory(batch=made)
    return made


def test_the_files_go_after_their_days_and_the_lines_stay():
    SiteSettings.objects.update_or_create(pk=1, defaults={"import_file_days": 30})
    old, young, running = batch(31), batch(29), batch(31, status="running")
    older = ImportBatchFactory(created_at=old.created_at, content=b"x")  # as it was stored before

    assert retention.expire() == 2
    assert retention.expire() == 0

    older.refresh_from_db()
    assert older.content is None
    assert set(ImportFilePart.objects.values_list("batch", flat=True)) == {young.pk, running.pk}
    assert old.rows.count() == 1
