"""The OpenAPI 3.1 document, made from the operations, the record types and the hand-written answer shapes.

What the code reads and writes is what the document says, because both come from the same declarations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from engine import exact_json
from engine.records import FieldKind, RecordField, record_type
from engine.service.records import WRITABLE, Writable
from webapp.api.answers import LEFT_OUT_OF_LISTS, shown_fields
from webapp.api.operation import Body, Operation, Parameter
from webapp.api.resources import RESOURCES
from webapp.api.routes import OPERATIONS

SCHEMA_NAMES = {
    "lead": "Lead", "deal": "Deal", "check_in": "CheckIn", "account": "Account", "statement": "Statement",
    "conflict": "Conflict", "decision": "StoredDecision", "job": "Job", "audit_entry": "AuditEntry",
    "checkpoint": "Checkpoint",
}  # fmt: skip

WRITTEN: dict[FieldKind, dict[str, Any]] = {
    FieldKind.TEXT: {"type": "string"},
    FieldKind.INTEGER: {"type": "integer"},
    FieldKind.DECIMAL: {"$ref": "#/components/schemas/Decimal"},
    FieldKind.MONEY: {"$ref": "#/components/schemas/Money"},
    FieldKind.BOOLEAN: {"type": "boolean"},
    FieldKind.DATE: {"type": "string", "format": "date"},
    FieldKind.INSTANT: {"$ref": "#/components/schemas/Instant"},
    FieldKind.TEXTS: {"type": "array", "items": {"type": "string"}},
    FieldKind.DOCUMENT: {"type": ["object", "array"]},
}
"""How answers write a field of each kind."""

READ: dict[FieldKind, dict[str, Any]] = {
    **WRITTEN,
    FieldKind.TEXT: {"type": "string", "maxLength": 10_000},
    FieldKind.DECIMAL: {"$ref": "#/components/schemas/NewDecimal"},
    FieldKind.MONEY: {"$ref": "#/components/schemas/NewMoney"},
    FieldKind.INSTANT: {"type": "string", "format": "date-time"},
    FieldKind.TEXTS: {"type": "array", "items": {"type": "string", "maxLength": 10_000}, "maxItems": 200},
}
"""How requests may write it."""

STATUS_WORDS = {
    400: "The request cannot be read: an unknown or unreadable parameter, header or JSON text.",
    401: "Nobody is known to be asking.",
    403: "You may not do this.",
    404: "There is no such thing, or it is outside what you may see.",
    406: "Nothing that is written here is accepted.",
    409: "Not in the present state, or the same request is being worked on.",
    412: "It changed since you read it; `ETag` and `current_revision` name what it is now.",
    413: "The body is too large; it was not read.",
    415: "The body is of another media type.",
    422: "What was sent can be read but does not fit; every problem has its place.",
    428: "`If-Match` is required.",
    429: "A rate limit is used up; `RateLimit` names it, `Retry-After` says for how long.",
    503: "Something outside does not answer now; try again after `Retry-After`.",
}

REQUEST_ID = "X-Request-Id"

PATH_ABOUT = {
    "id": "The record's id.",
    "kind": "The rule set's kind, such as `lead-priority`.",
    "name": "The rule set's name within its kind, such as `inbound`.",
    "version": "The version's number.",
}


@cache
def build(components: str) -> dict[str, Any]:
    """The document. `components` is the text of `schemas/api/components.json`: what is written by hand."""
    source = exact_json.parse(components, source="schemas/api/components.json")
    source["schemas"] |= _record_schemas() | _key_schemas()
    return describe(source, OPERATIONS, server="/api/v1", statuses=statuses)


def describe(
    source: Mapping[str, Any],
    operations: Iterable[Operation],
    *,
    server: str,
    statuses: Callable[[Operation], list[int]],
) -> dict[str, Any]:
    """A document of these operations below `server`. `source` holds `info`, `tags`, `securitySchemes` and `schemas`.

    `statuses` gives the problem statuses that an operation may answer with.
    """
    paths: dict[str, dict[str, Any]] = {}
    told: set[int] = set()
    headers: set[str] = set()
    for operation in operations:
        answered = statuses(operation)
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, answered)
        told.update(answered)
        headers.update((*operation.success.headers, REQUEST_ID))
    document = {
        "openapi": "3.1.0",
        "info": source["info"],
        "servers": [{"url": server}],
        "tags": source["tags"],
        "security": _security(()),
        "paths": paths,
        "components": {
            "securitySchemes": source["securitySchemes"],
            "schemas": source["schemas"],
            "responses": {str(status): _problem(status) for status in STATUS_WORDS if status in told},
            "headers": {name: text for name, text in _headers().items() if name in headers},
        },
    }
    return dict(_whole_numbers(document))


def statuses(operation: Operation) -> list[int]:
    """The problem statuses that an operation may answer with."""
    found = {400, 406, 429, *operation.problems}
    if not operation.public:
        found |= {401, 503}
    if (operation.method != "GET" or operation.scopes) and not operation.public:
        found |= {403}
    if "{" in operation.path:
        found |= {404}
    if operation.body:
        found |= {413, 415, 422}
    if operation.creates or operation.keyed_when:
        found |= {409, 422}
    if operation.changes:
        found |= {412, 428}
    return sorted(found)


def _operation(operation: Operation, answered: Iterable[int]) -> dict[str, Any]:
    parameters = [_path_parameter(name) for name in re.findall(r"{(\w+)}", operation.path)]
    parameters += [_query_parameter(parameter) for parameter in operation.parameters]
    parameters += _header_parameters(operation)
    success = operation.success
    content: dict[str, Any] = {success.media: {"schema": {"$ref": f"#/components/schemas/{success.schema}"}}}
    if success.yaml:
        content["application/yaml"] = {"schema": {"type": "string"}}
    headers = (*success.headers, REQUEST_ID)
    answer = {
        "description": success.about,
        "content": content,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
    }
    shown: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": parameters,
        "responses": {
            str(success.status): answer,
            **{str(status): {"$ref": f"#/components/responses/{status}"} for status in answered},
        },
    }
    shown["security"] = [] if operation.public else _security(operation.scopes)
    if operation.body is not None:
        shown["requestBody"] = {"required": not operation.body.optional, "content": _body_content(operation.body)}
    return shown


def _security(needs: tuple[str, ...]) -> list[dict[str, list[str]]]:
    """A key or a token with these scopes, or a session, which has none: what its person may do, it may."""
    return [{"key": list(needs)}, {"token": list(needs)}, {"session": []}]


def _body_content(body: Body) -> dict[str, Any]:
    schema: dict[str, Any] = dict(body.schema)
    if body.members is not None:
        schema = {
            "type": "object",
            "additionalProperties": False,
            "required": [member.name for member in body.members if member.required],
            "properties": {
                member.name: {**_nullable(dict(member.reader.schema), not member.required), "description": member.about}
                for member in body.members
            },
        }
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if body.yaml:
        content["application/yaml"] = {"schema": {"type": "string", "description": "The rule file's bytes."}}
    return content


def _path_parameter(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[A-Za-z0-9._-]+$"}
    if name == "version":
        schema = {"type": "integer", "minimum": 1, "maximum": 999_999_999}
    return {"name": name, "in": "path", "required": True, "description": PATH_ABOUT[name], "schema": schema}


def _query_parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.about,
        "schema": dict(parameter.reader.schema),
        **({"required": True} if parameter.required else {}),
    }


def _header_parameters(operation: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if operation.changes:
        about = "The revision that you have seen: its `ETag`."
        schema = {"type": "string", "pattern": '^"[0-9]{1,15}"$', "examples": ['"3"']}
        found.append({"name": "If-Match", "in": "header", "required": True, "description": about, "schema": schema})
    if operation.creates or operation.keyed_when:
        about = "A fresh random text; a repetition with the same one gets the first answer for a day."
        if operation.keyed_when:
            about += f" Required with `{operation.keyed_when}: true`."
        schema = {"type": "string", "pattern": "^[!-~]{1,255}$", "examples": ["7f9c2ba4-1a66-4b0d"]}
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": operation.creates,
                "description": about,
                "schema": schema,
            }
        )
    return found


def _record_schemas() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for resource in RESOURCES:
        name = SCHEMA_NAMES[resource.type]
        found[name] = _record_schema(resource.type, in_list=False)
        item = name
        if resource.type in LEFT_OUT_OF_LISTS:
            item = f"{name}Summary"
            found[item] = _record_schema(resource.type, in_list=True)
        found[f"{name}Page"] = {
            "type": "object",
            "additionalProperties": False,
            "required": ["items", "next_cursor"],
            "properties": {
                "items": {"type": "array", "items": {"$ref": f"#/components/schemas/{item}"}},
                "next_cursor": {"type": ["string", "null"], "description": "Null on the last page."},
                "total": {"type": "integer", "minimum": 0},
            },
        }
        writable = WRITABLE.get(resource.type)
        if writable is not None:
            found[f"New{name}"] = _new_schema(resource.type, writable)
            if writable.changeable:
                found[f"{name}Changes"] = {**_new_schema(resource.type, writable), "required": []}
    return found


def _key_schemas() -> dict[str, Any]:
    """`Key`, and `NewKey` with the one showing of its text."""
    key = _record_schema("api_key", in_list=False)
    key["required"].append("state")
    key["properties"]["state"] = {"type": "string", "enum": ["active", "replaced", "expired", "revoked"]}
    text = {
        "type": ["string", "null"],
        "description": "The key itself, shown this once; null where the request is repeated.",
    }
    new = {**key, "required": [*key["required"], "key"], "properties": {**key["properties"], "key": text}}
    items = {"type": "array", "items": {"$ref": "#/components/schemas/Key"}}
    keys = {"type": "object", "additionalProperties": False, "required": ["items"], "properties": {"items": items}}
    return {"Key": key, "NewKey": new, "Keys": keys}


def _record_schema(type_name: str, *, in_list: bool) -> dict[str, Any]:
    shown = shown_fields(type_name, in_list=in_list)
    properties = {
        known.name: _nullable(WRITTEN[known.kind], not known.required)
        for known in record_type(type_name).fields
        if known.name in shown
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["id", "revision", *shown],
        "properties": {"id": {"type": "string"}, "revision": {"type": "integer", "minimum": 1}, **properties},
    }


def _new_schema(type_name: str, writable: Writable) -> dict[str, Any]:
    properties = {}
    for name in writable.settable:
        known = record_type(type_name).field(name)
        assert known is not None
        properties[name] = _nullable(READ[known.kind], not _never_null(known, writable))
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(writable.required),
        "properties": properties,
    }


def _never_null(known: RecordField, writable: Writable) -> bool:
    return known.required or known.name in writable.required


def _nullable(schema: dict[str, Any], nullable: bool) -> dict[str, Any]:  # noqa: FBT001  # reads as a sentence where it is called
    if not nullable:
        return schema
    if "$ref" in schema:
        return {"oneOf": [schema, {"type": "null"}]}
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": [*kinds, "null"], **({"enum": [*schema["enum"], None]} if "enum" in schema else {})}


HEADERS_BY_STATUS = {429: ("RateLimit", "RateLimit-Policy", "Retry-After"), 503: ("Retry-After",)}


def _problem(status: int) -> dict[str, Any]:
    headers = (*HEADERS_BY_STATUS.get(status, ()), "X-Request-Id")
    return {
        "description": STATUS_WORDS[status],
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _headers() -> dict[str, Any]:
    about = {
        "ETag": "The revision, or the digest of a rule file.",
        "Content-Disposition": "What to call the file.",
        "Link": 'The next page, as `rel="next"`.',
        "Location": "Where the created record is.",
        "RateLimit": "The limit that is used up, what remains, and the seconds until there is more.",
        "RateLimit-Policy": "The limit's amount and its window in seconds.",
        "Retry-After": "Seconds to wait.",
        "X-Request-Id": "The request's id, as the audit log and the server's log have it.",
    }
    return {name: {"description": text, "schema": {"type": "string"}} for name, text in about.items()}


def _whole_numbers(value: Any) -> Any:
    """The strict reader gives every number as a decimal; JSON Schema wants its bounds as numbers."""
    if isinstance(value, dict):
        return {name: _whole_numbers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(item) for item in value]
    if isinstance(value, str | bool | int) or value is None:
        return value
    return int(value)
