"""The interface's description as a page, drawn from its own OpenAPI document."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from balai.api.urls import api_v1

METHODS = ("get", "post", "put", "patch", "delete")


@require_GET
def docs(request: HttpRequest) -> HttpResponse:
    """Every operation, its parameters and the fields it takes and gives."""
    schema = api_v1.get_openapi_schema(path_prefix="/api/v1/")
    rooms: dict[str, list[dict[str, Any]]] = {}
    for path, operations in schema["paths"].items():
        for method in METHODS:
            if operation := operations.get(method):
                rooms.setdefault(operation["tags"][0], []).append(_row(schema, path, method, operation))
    context = {"about": schema["info"]["description"], "rooms": sorted(rooms.items())}
    return render(request, "api/docs.html", context)


def _row(schema: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    body = next((part["schema"] for part in content.values()), None)
    answers = operation.get("responses", {})
    good: dict[str, Any] = next((answers[code] for code in answers if str(code).startswith("2")), {})
    gives = next((part.get("schema") for part in good.get("content", {}).values()), None)
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "text": operation.get("description", ""),
        "parameters": [
            {"name": p["name"], "place": p["in"], "required": p.get("required", False)}
            for p in operation.get("parameters", [])
        ],
        "takes": _fields(schema, body),
        "gives": _fields(schema, gives),
    }


def _fields(schema: dict[str, Any], part: dict[str, Any] | None) -> list[tuple[str, bool]]:
    """Names of an object's fields and whether each is required; of a list's rows where it is a list."""
    if not part:
        return []
    if part.get("type") == "array":
        part = part["items"]
    reference = part.get("$ref", "")
    if reference:
        part = schema["components"]["schemas"][reference.rpartition("/")[2]]
    required = part.get("required", [])
    return [(name, name in required) for name in part.get("properties", {})]
