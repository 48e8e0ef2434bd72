"""What one contract says to machines: JSON Schema, AsyncAPI 3, OpenAPI 3.1 and an example that passes."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from balai.observations.checking import LARGEST_BODY, MOST_ROWS
from balai.observations.contracts import Contract, Field, Role
from balai.observations.intake import EVENTS, ROWS
from balai.observations.standards import Address, addresses_of

Row = Mapping[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
EXAMPLE_TIME = "2026-01-05T08:30:00Z"


def field_schema(field: Field) -> dict[str, Any]:
    """JSON Schema (2020-12) of one field."""
    schema: dict[str, Any] = {}
    match field.type:
        case "string":
            schema["type"] = "string"
            if field.values:
                schema["enum"] = list(field.values)
            else:
                schema["maxLength"] = field.longest
                if field.role in (Role.EVENT, Role.ZONE, Role.SUBJECT):
                    schema["minLength"] = 1
                if field.pattern:
                    schema["pattern"] = f"^(?:{field.pattern})$"
        case "integer" | "number":
            schema["type"] = field.type
            schema["minimum"], schema["maximum"] = field.bounds
        case "boolean":
            schema["type"] = field.type
        case "timestamp":
            schema |= {"type": "string", "format": "date-time"}
        case "date":
            schema |= {"type": "string", "format": "date"}
    if not field.required:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"].append(None)
    if field.description:
        schema["description"] = field.description
    if field.unit:
        schema["x-unit"] = field.unit
    return schema


def row_schema(contract: Contract, *, inner: bool = False) -> dict[str, Any]:
    """JSON Schema of a row; ``inner`` leaves out event and time, which a CloudEvent carries outside."""
    fields = list(_fields(contract, inner))
    return {
        "type": "object",
        "properties": {field.name: field_schema(field) for field in fields},
        "required": [field.name for field in fields if field.required],
        "additionalProperties": False,
    }


def json_schema(contract: Contract) -> dict[str, Any]:
    """A row as it stands on a line of its own."""
    return {
        "$schema": DRAFT,
        "$id": f"urn:balai:contract:{contract.id}:{contract.version}",
        "title": contract.title,
        **row_schema(contract),
    }


def event_schema(contract: Contract) -> dict[str, Any]:
    """A row as a structured CloudEvent."""
    return {
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": field_schema(contract.event),
            "source": {"const": contract.source},
            "type": {"const": contract.event_type},
            "time": field_schema(contract.time),
            "datacontenttype": {"type": ["string", "null"]},
            "dataschema": {"type": ["string", "null"]},
            "subject": {"type": ["string", "null"]},
            "data": row_schema(contract, inner=True),
        },
        "required": ["specversion", "id", "source", "type", "time", "data"],
    }


def example(contract: Contract) -> dict[str, Any]:
    """A row that passes the contract's own check, made from its examples and bounds."""
    return {field.name: _example(field) for field in contract.fields if field.required or field.example}


def event_of(contract: Contract, row: Row) -> dict[str, Any]:
    """The row as a structured CloudEvent."""
    data = dict(row)
    return {
        "specversion": "1.0",
        "id": data.pop(contract.event.name),
        "source": contract.source,
        "type": contract.event_type,
        "time": data.pop(contract.time.name),
        "data": data,
    }


def example_event(contract: Contract) -> dict[str, Any]:
    """The same row as a CloudEvent."""
    return event_of(contract, example(contract))


def openapi(contract: Contract, origin: str) -> dict[str, Any]:
    """OpenAPI 3.1 of the addresses the rows are sent to: the hub's own, and those of a partner's standard."""
    addresses = addresses_of(contract.standard)
    bodies, components = msgspec.json.schema_components(
        [one.body for one in addresses if one.body is not None], ref_template="#/components/schemas/{name}"
    )
    described = iter(bodies)
    problem = {"description": "refused; nothing was kept", "content": {"application/problem+json": {}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": contract.title, "version": contract.version, "description": contract.purpose},
        "servers": [{"url": origin}],
        "paths": {
            "/v1/observations": {
                "post": {
                    "operationId": f"send_{contract.table}",
                    "security": [{"key": []}],
                    "parameters": [
                        {
                            "name": "Idempotency-Key",
                            "in": "header",
                            "required": True,
                            "schema": {"type": "string", "minLength": 8, "maxLength": 100},
                        }
                    ],
                    "requestBody": {
                        "required": True,
                        "content": {
                            EVENTS: {
                                "schema": {
                                    "type": "array",
                                    "minItems": 1,
                                    "maxItems": MOST_ROWS,
                                    "items": event_schema(contract),
                                }
                            },
                            ROWS: {"schema": {"type": "string", "description": "one row a line, see Row"}},
                        },
                    },
                    "responses": {
                        "202": {
                            "description": "durable; received = accepted + quarantined + duplicates",
                            "content": {
                                "application/json": {"schema": {"$ref": "#/components/schemas/Receipt"}}
                            },
                        },
                        **dict.fromkeys(
                            ("400", "401", "403", "409", "413", "415", "422", "429", "503"), problem
                        ),
                    },
                }
            },
            **_by_standard(addresses, described),
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Row": row_schema(contract), "Receipt": _receipt_schema(), **components},
        },
        "x-limits": {"bytes": LARGEST_BODY, "rows": MOST_ROWS},
    }


def _by_standard(addresses: Iterable[Address], bodies: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Path items of a partner's standard; what it says of them itself is only pointed to."""
    paths: dict[str, Any] = {}
    for one in addresses:
        schema = next(bodies) if one.body is not None else {}
        paths.setdefault(one.path, {})[one.method.lower()] = {
            "security": [{"key": []}],
            "externalDocs": {"url": one.about},
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
            "responses": {str(one.status): {"description": "as the standard says"}},
        }
    return paths


def asyncapi(contract: Contract, host: str) -> dict[str, Any]:
    """AsyncAPI 3.0 of the same flow: the partner sends, the hub receives."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": contract.title, "version": contract.version, "description": contract.purpose},
        "servers": {"hub": {"host": host, "protocol": "https"}},
        "channels": {
            contract.name: {
                "address": "/v1/observations",
                "messages": {"row": {"$ref": "#/components/messages/row"}},
            }
        },
        "operations": {
            "receive": {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{contract.name}"},
                "messages": [{"$ref": f"#/channels/{contract.name}/messages/row"}],
            }
        },
        "components": {
            "messages": {
                "row": {
                    "name": contract.event_type,
                    "title": contract.title,
                    "contentType": "application/cloudevents+json",
                    "payload": event_schema(contract),
                    "examples": [{"payload": example_event(contract)}],
                }
            }
        },
    }


def _receipt_schema() -> dict[str, Any]:
    numbers = {name: {"type": "integer"} for name in ("received", "accepted", "quarantined", "duplicates")}
    words = {name: {"type": "string"} for name in ("receipt_id", "contract", "version", "lsn")}
    return {"type": "object", "properties": {**words, **numbers, "sandbox": {"type": "boolean"}}}


def _fields(contract: Contract, inner: bool) -> Iterator[Field]:
    for field in contract.fields:
        if not inner or field.role not in (Role.EVENT, Role.TIME):
            yield field


def _example(field: Field) -> Any:
    if field.example is not None:
        return field.example
    low = field.minimum if field.minimum is not None else 0
    if field.maximum is not None:
        low = min(low, field.maximum)
    match field.type:
        case "integer":
            return int(low)
        case "number":
            return float(low)
        case "boolean":
            return True
        case "timestamp":
            return EXAMPLE_TIME
        case "date":
            return EXAMPLE_TIME[:10]
    return field.values[0] if field.values else f"{field.name}-1"
