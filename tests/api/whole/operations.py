"""Every operation of the schema, each with a call that is right: its example with real ids in it."""

import json
from typing import Any, NamedTuple

from django.http import HttpResponse

from api import schema_file
from tests.api.conftest import ApiClient

JSON = "application/json"
SCHEMA = json.loads(schema_file.written())
# Which value of a site a field of an example takes.
FIELDS = {
    "email": "student",
    "user_email": "user",
    "thinkific_id": "number",
    "product": "number",
    "productable_id": "number",
    "enrollments": "number",
}


class Operation(NamedTuple):
    name: str
    method: str
    path: str  # users/{id}
    example: Any
    filters: tuple[str, ...]  # names of query parameters

    @property
    def resource(self) -> str:
        return self.path.partition("/")[0]

    @property
    def has_id(self) -> bool:
        return "{id}" in self.path

    def body(self, values: dict[str, Any]) -> Any:
        return put_in(self.example, values)

    def call(
        self, client: ApiClient, *, id: Any = "", values: dict[str, Any] | None = None, query: str = ""
    ) -> HttpResponse:
        """Send the example, with these values in it, to this id."""
        if "term" in self.filters and "term=" not in query:
            query = f"term=a&{query}"
        path = self.path.replace("{id}", str(id)) + (f"?{query}" if query else "")
        return client.call(self.method, path, self.body(values or {}))


def put_in(example: Any, values: dict[str, Any]) -> Any:
    """Returns the example, with the values in the fields that FIELDS names."""
    if not isinstance(example, dict):
        return [put_in(one, values) for one in example] if isinstance(example, list) else example
    found = {}
    for field, old in example.items():
        value = values.get(FIELDS.get(field, ""))
        if value is None or isinstance(old, dict):
            found[field] = put_in(old, values)
        else:
            found[field] = [value] if isinstance(old, list) else value
    return found


def _all() -> dict[str, Operation]:
    found = {}
    for path, operations in SCHEMA["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get(JSON, {})
            examples = [one["value"] for one in content.get("examples", {}).values()]
            name = operation["operationId"]
            found[name] = Operation(
                name,
                method.upper(),
                path.removeprefix("/api/"),
                examples[0] if examples else None,
                tuple(one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"),
            )
    return found


OPERATIONS = _all()
