"""Examples of errors for the documentation of each operation."""

from typing import Any

from api.answers import NOT_FOUND, UNAUTHENTICATED, not_possible_text

JSON = "application/json"
SAID = {
    400: "The body is not valid JSON: Expecting value in line 3, column 12. JSON has no comma after the last "
    "field.",
    401: UNAUTHENTICATED,
    403: "The issuer of this token has no right to this.",
    404: NOT_FOUND,
    409: "Somebody else changed the same object at this moment. Try again.",
    412: "The object has changed since it was read. Read it again and repeat the call with its ETag.",
    413: "The body is larger than 1 MB. Send less in one call.",
    429: "Too many calls: 240 a minute are allowed for a token.",
    503: "The database cannot be reached or is busy at this moment. Try again in a minute.",
}
REQUIRED, NUL = "This field is required.", "The text contains a character that cannot be stored (NUL)."


def add(schema: dict[str, Any]) -> None:
    """Give each error of each operation an example, where it has none."""
    for operations in schema["paths"].values():
        verbs = [verb.upper() for verb in operations]
        for operation in operations.values():
            for code, response in operation["responses"].items():
                content = response.get("content", {}).get(JSON)
                if content is not None and int(code) >= 400:
                    content.setdefault("example", _example(int(code), operation, verbs, schema))


def _example(code: int, operation: dict[str, Any], verbs: list[str], schema: dict[str, Any]) -> Any:
    if code == 405:
        return {"message": not_possible_text("PATCH", verbs)}
    if code != 422:
        return {"message": SAID[code]}
    field, said = _refused(operation, schema)
    return {"message": f"{field}: {said}", "errors": {field: [said]}}


def _refused(operation: dict[str, Any], schema: dict[str, Any]) -> tuple[str, str]:
    """Returns a field of the operation, and why it could be refused."""
    body = operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema", {})
    sent = schema["components"]["schemas"].get(body.get("$ref", "").rpartition("/")[2], {})
    if sent.get("required"):
        return sent["required"][0], REQUIRED
    if sent:
        return next(iter(sent["properties"])), NUL
    if any(parameter["name"] == "per_page" for parameter in operation.get("parameters", ())):
        return "per_page", "Input should be less than or equal to 100."
    return "search", NUL
