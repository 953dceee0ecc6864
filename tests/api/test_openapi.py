"""The schema: as the file has it, complete, and compatible with the one that clients were written for."""

import copy
import json
from pathlib import Path

import pytest
from ninja import Schema

from api import schema_file
from tests.api.compatibility import breaks

RELEASED = Path(__file__).parent / "released.json"
NOW = json.loads(schema_file.written())
OPERATIONS = [
    (f"{verb.upper()} {path}", operation)
    for path, operations in NOW["paths"].items()
    for verb, operation in operations.items()
]


def test_the_file_is_the_schema():
    assert schema_file.PATH.read_text() == schema_file.written(), "run: manage.py openapi"


def test_no_change_breaks_clients():
    assert breaks(json.loads(RELEASED.read_text()), NOW) == []


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_every_operation_is_described(name, operation):
    assert NOW["openapi"] == "3.1.0"
    assert operation["summary"]
    assert len(operation["description"]) > 40
    assert operation["security"] == [{"Bearer": []}]
    assert {"401", "403", "405", "422", "429", "503"} <= set(operation["responses"])
    for code, answer in operation["responses"].items():
        if code >= "400":
            said = answer["content"]["application/json"]["example"]
            assert said["message"]
            assert ("errors" in said) == (code == "422"), code
    assert name.startswith("GET") or {"400", "409", "413"} <= set(operation["responses"])
    good = [answer for code, answer in operation["responses"].items() if code < "204"]
    assert all(answer["content"]["application/json"].get("example") for answer in good)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    assert body is None or body["examples"]
    if name.startswith("POST"):
        assert "Idempotency-Key" in [parameter["name"] for parameter in operation["parameters"]]


def test_no_two_schemas_share_a_name():
    """Ninja would keep one of them, and the schema would lie about the other."""
    seen: dict[str, str] = {}
    todo = list(Schema.__subclasses__())
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        if kind.__module__.startswith("api."):
            assert seen.setdefault(kind.__name__, kind.__module__) == kind.__module__, kind.__name__


def test_breaks_are_found():
    def broken(change) -> list[str]:
        new = copy.deepcopy(NOW)
        change(new)
        return breaks(NOW, new)

    product = NOW["components"]["schemas"]["ProductOut"]
    assert breaks(NOW, NOW) == []
    assert broken(lambda new: new["paths"]["/api/products"].pop("get"))
    assert broken(lambda new: new["components"]["schemas"]["ProductOut"]["properties"].pop("name"))
    assert broken(lambda new: new["components"]["schemas"]["ProductOut"]["required"].remove("name"))
    assert broken(
        lambda new: new["components"]["schemas"]["ProductOut"]["properties"].update(name={"type": "integer"})
    )
    assert broken(lambda new: new["paths"]["/api/products"]["get"]["responses"].pop("200"))
    assert broken(lambda new: new["paths"]["/api/products"]["get"]["parameters"].pop(0))
    assert product["properties"]["name"] == {"title": "Name", "type": "string"}
