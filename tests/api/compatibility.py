"""Compares two OpenAPI schemas: what breaks a program that was written for the first one?"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
JSON = "application/json"
VERBS = ("get", "post", "put", "patch", "delete")


def breaks(old: Schema, new: Schema) -> list[str]:
    """Returns a sentence for each difference that breaks a client; none when the new schema is compatible."""
    return list(_operations(old, new))


def _operations(old: Schema, new: Schema) -> Iterator[str]:
    for path, operations in old["paths"].items():
        for verb in VERBS:
            if verb not in operations:
                continue
            now = new["paths"].get(path, {}).get(verb)
            what = f"{verb.upper()} {path}"
            if now is None:
                yield f"{what} is gone"
                continue
            yield from _parameters(what, operations[verb], now, old, new)
            yield from _body(what, operations[verb], now, old, new)
            yield from _answers(what, operations[verb], now, old, new)


def _parameters(what: str, before: Schema, now: Schema, old: Schema, new: Schema) -> Iterator[str]:
    had = {(p["in"], p["name"]): p for p in before.get("parameters", [])}
    has = {(p["in"], p["name"]): p for p in now.get("parameters", [])}
    for key in had.keys() - has.keys():
        yield f"{what}: the parameter {key[1]} is gone"
    for key, parameter in has.items():
        if parameter.get("required") and not had.get(key, {}).get("required"):
            yield f"{what}: the parameter {key[1]} is required now"
        if key in had:
            yield from _sent(f"{what}: {key[1]}", had[key]["schema"], parameter["schema"], old, new)


def _body(what: str, before: Schema, now: Schema, old: Schema, new: Schema) -> Iterator[str]:
    had = before.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema")
    has = now.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema")
    if has is not None:
        yield from _sent(f"{what}: body", had or {"type": "object"}, has, old, new)


def _answers(what: str, before: Schema, now: Schema, old: Schema, new: Schema) -> Iterator[str]:
    for code, answer in before["responses"].items():
        if code not in now["responses"]:
            yield f"{what}: {code} is no longer among the answers"
            continue
        had = answer.get("content", {}).get(JSON, {}).get("schema")
        has = now["responses"][code].get("content", {}).get(JSON, {}).get("schema")
        if had is not None:
            yield from _received(f"{what}: {code}", had, has or {}, old, new)


def _sent(what: str, had: Schema, has: Schema, old: Schema, new: Schema, depth: int = 0) -> Iterator[str]:
    """What clients send must still be accepted."""
    had, has = _resolved(had, old), _resolved(has, new)
    if gone := _types(had) - _types(has):
        yield f"{what}: no longer {' or '.join(sorted(gone))}"
    if refused := set(had.get("enum", [])) - set(has.get("enum", had.get("enum", []))):
        yield f"{what}: no longer {', '.join(sorted(map(str, refused)))}"
    for bound, tighter in (("maximum", -1), ("maxLength", -1), ("minimum", 1), ("minLength", 1)):
        if bound in has and (bound not in had or (has[bound] - had[bound]) * tighter > 0):
            yield f"{what}: {bound} is narrower"
    for name in set(has.get("required", [])) - set(had.get("required", [])):
        yield f"{what}: {name} is required now"
    yield from _inside(_sent, what, had, has, old, new, depth)


def _received(what: str, had: Schema, has: Schema, old: Schema, new: Schema, depth: int = 0) -> Iterator[str]:
    """What clients read must still be there, in the same types."""
    had, has = _resolved(had, old), _resolved(has, new)
    if new_types := _types(has) - _types(had):
        yield f"{what}: may be {' or '.join(sorted(new_types))} now"
    for name in set(had.get("required", [])) - set(has.get("required", [])):
        yield f"{what}: {name} may be missing now"
    yield from _inside(_received, what, had, has, old, new, depth)


def _inside(
    compare: Any, what: str, had: Schema, has: Schema, old: Schema, new: Schema, depth: int
) -> Iterator[str]:
    if depth > 8:
        return
    for name, field in had.get("properties", {}).items():
        if name not in has.get("properties", {}):
            yield f"{what}: {name} is gone"
        else:
            yield from compare(f"{what}.{name}", field, has["properties"][name], old, new, depth + 1)
    if "items" in had and "items" in has:
        yield from compare(f"{what}[]", had["items"], has["items"], old, new, depth + 1)


def _resolved(schema: Schema, root: Schema) -> Schema:
    """Returns the schema that a reference names; of a choice with null, the other one."""
    while "$ref" in schema:
        schema = root["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    options = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
    if len(options) == 1:
        return {**_resolved(options[0], root), "nullable": True}
    return schema


def _types(schema: Schema) -> set[str]:
    if "anyOf" in schema:
        return {kind for one in schema["anyOf"] for kind in _types(one)}
    found = {schema["type"]} if isinstance(schema.get("type"), str) else set(schema.get("type", []))
    return found | ({"null"} if schema.get("nullable") else set())
