"""The schema of the REST API as a file of the project: docs/openapi.json."""

import json
from pathlib import Path

from django.conf import settings

from api.site import api

PATH = Path(settings.BASE_DIR) / "docs" / "openapi.json"


def written() -> str:
    """Returns the schema as the file has it, with sorted fields."""
    schema = api.get_openapi_schema(path_prefix="/api/")
    return json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
