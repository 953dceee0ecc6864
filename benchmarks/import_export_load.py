"""`python import_export_load.py FILE DATABASE`: import people with django-import-export, tuned: bulk mode, no
comparison with what is there, no report of differences. Runs in the environment of import_export_baseline.py
and knows nothing of the dashboard."""

import json
import sys
import time
from pathlib import Path

import dj_database_url
import django
from django.conf import settings

path, database = sys.argv[1:]
settings.configure(
    DATABASES={"default": dj_database_url.parse(database)},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["import_export"],
    SECRET_KEY="bench",
    USE_TZ=True,
)
django.setup()

import tablib  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.utils import timezone  # noqa: E402
from import_export import resources  # noqa: E402


class Person(models.Model):  # noqa: DJ008
    email = models.EmailField(unique=True)
    first_name = models.CharField(max_length=150)
    last_name = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        app_label = "bench"


class People(resources.ModelResource):
    class Meta:
        model = Person
        import_id_fields = ["email"]
        fields = ["email", "first_name", "last_name"]
        clean_model_instances = True
        use_bulk = True
        batch_size = 1000
        skip_diff = True
        report_skipped = False
        force_init_instance = True
        use_transactions = True


with connection.schema_editor() as editor:
    editor.create_model(Person)

began = time.perf_counter()
data = tablib.Dataset().load(Path(path).read_text(encoding="utf-8"), format="csv")
result = People().import_data(data, dry_run=False, raise_errors=False)
seconds = time.perf_counter() - began
if Person.objects.count() != len(data):
    raise SystemExit(f"{Person.objects.count()} of {len(data)} rows were stored")
print(json.dumps({"seconds": seconds}))
