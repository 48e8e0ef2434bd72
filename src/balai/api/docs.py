"""The interface's description as a page, drawn from its own OpenAPI document."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from balai.api.urls import api_v1

METHODS = ("get", "post", "put", "patch", "delete")
TONES = {"GET": "neutral", "DELETE": "stop"}
FAILURES = (
    (400, "invalid", "The body is not JSON."),
    (401, "unauthorised", "The key is unknown, revoked or past its end; or the operation needs a person."),
    (403, "refused", "A rule says no, and `reason` says which; or the key lacks the scope."),
    (404, "not_found", "There is no such record, or it is not the caller's to see."),
    (409, "stale", "Somebody was faster. Read again, then decide again."),
    (413, "too_big", "The request is larger than this hub takes."),
    (422, "invalid", "The input does not fit; `fields` says where."),
    (429, "too_many", "Too many changes within a minute. `Retry-After` says how long to wait."),
)


class Field(NamedTuple):
    name: str
    kind: str
    required: bool
    text: str = ""


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Every operation, its parameters and the fields it takes and gives."""
    about = [marked(text) for text in api_v1.description.split("\n\n")]
    failures = [(status, kind, marked(text)) for status, kind, text in FAILURES]
    return render(request, "api/docs.html", {"about": about, "failures": failures, "rooms": _rooms()})


def marked(text: str) -> SafeString:
    """The text with ``code`` where it has single or double backticks."""
    return mark_safe(re.sub(r"(`{1,2})(.+?)\1", r"<code>\2</code>", escape(text)))  # noqa: S308


@cache
def _rooms() -> list[tuple[str, list[dict[str, Any]]]]:
    schema = api_v1.get_openapi_schema(path_prefix="/api/v1/")
    rooms: dict[str, list[dict[str, Any]]] = {}
    for path, operations in schema["paths"].items():
        for method in METHODS:
            if operation := operations.get(method):
                rooms.setdefault(operation["tags"][0], []).append(_row(schema, path, method, operation))
    return sorted(rooms.items())


def _row(schema: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    body = next((part["schema"] for part in content.values()), None)
    answers = operation["responses"]
    good = next(code for code in answers if str(code).startswith("2"))
    gives = next((part.get("schema") for part in answers[good].get("content", {}).values()), None)
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "tone": TONES.get(method.upper(), "go"),
        "path": path,
        "title": operation["summary"],
        "text": marked(" ".join(operation["description"].split())),
        "parameters": [
            Field(p["name"], p["in"], p.get("required", False), p.get("description", ""))
            for p in operation.get("parameters", [])
        ],
        "takes": list(_fields(schema, body)),
        "gives": list(_fields(schema, gives)),
        "good": good,
        "bad": sorted(int(code) for code in answers if code != good),
    }


def _fields(schema: dict[str, Any], part: dict[str, Any] | None) -> Iterator[Field]:
    """An object's fields; of a list the fields of its rows."""
    if not part:
        return
    part = _followed(schema, part["items"] if part.get("type") == "array" else part)
    required = part.get("required", [])
    for name, its in part.get("properties", {}).items():
        yield Field(name, _kind(its), name in required)


def _followed(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    reference = part.get("$ref", "")
    found: dict[str, Any] = (
        schema["components"]["schemas"][reference.rpartition("/")[2]] if reference else part
    )
    return found


def _kind(part: dict[str, Any]) -> str:
    """What a field holds, in a word or two."""
    if "$ref" in part:
        return str(part["$ref"]).rpartition("/")[2]
    if "anyOf" in part:
        kinds = dict.fromkeys(_kind(one) for one in part["anyOf"])
        return " or ".join(kinds)
    if "enum" in part:
        return " | ".join(map(str, part["enum"]))
    if part.get("type") == "array":
        return f"list of {_kind(part.get('items', {}))}"
    return str(part.get("format") or part.get("type") or "any")
