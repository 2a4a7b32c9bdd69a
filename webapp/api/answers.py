"""Answers of the API: canonical JSON, so that the same value is the same bytes at every door."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from flask import Response, request

from engine import exact_json
from engine.ports import Page
from engine.records import Record, record_type

LARGEST_WHOLE = 2**53
"""Below this, whole numbers are the same number for every reader of JSON."""

HIDDEN: Mapping[str, tuple[str, ...]] = {
    "job": ("lease_token", "lease_until", "checkpoint", "actor_scopes", "rights_digest"),
    "audit_entry": ("sealed",),
    "api_key": ("secret_digest",),
    "checkpoint": ("frontier",),
}
"""Fields that are Bylaw's own bookkeeping."""

LEFT_OUT_OF_LISTS: Mapping[str, tuple[str, ...]] = {
    "statement": ("decision",),
    "conflict": ("decision", "outcome"),
    "decision": ("document", "facts"),
}
"""Documents that only the single record shows, because a list of them would be large."""


def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return written(exact_json.canonical(value), status, headers)


def written(data: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer that is canonical JSON already."""
    return Response(data, status=status, mimetype="application/json", headers=dict(headers or {}))


def shown_fields(type_name: str, *, in_list: bool = False) -> tuple[str, ...]:
    """The names of a record type's fields that the API shows, after `id` and `revision`."""
    hidden = HIDDEN.get(type_name, ()) + (LEFT_OUT_OF_LISTS.get(type_name, ()) if in_list else ())
    return tuple(known.name for known in record_type(type_name).fields if known.name not in hidden)


def record_value(record: Record, *, in_list: bool = False) -> dict[str, Any]:
    """Shape: `{id, revision, <every shown field>}`; a field without a value is null."""
    shown = shown_fields(record.type, in_list=in_list)
    return {"id": record.id, "revision": record.revision, **{name: _shown(record[name]) for name in shown}}


def _shown(value: Any) -> Any:
    """A field's value; in documents, where every number comes back as a decimal, whole ones are numbers again."""
    if isinstance(value, Mapping):
        return {name: _in_document(item) for name, item in value.items()}
    return [_in_document(item) for item in value] if isinstance(value, list | tuple) else value


def _in_document(value: Any) -> Any:
    whole = isinstance(value, Decimal) and value == value.to_integral_value() and abs(value) < LARGEST_WHOLE
    return int(value) if whole else _shown(value)


def entity_tag(record: Record) -> dict[str, str]:
    """The header that names the revision."""
    return {"ETag": f'"{record.revision}"'}


def one(record: Record, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """One record with its revision as `ETag`."""
    return json(record_value(record), status, {**entity_tag(record), **(headers or {})})


def page(found: Page, total: int | None = None) -> Response:
    """Shape: `{items, next_cursor, total?}`; the next page's address stands in `Link` too."""
    value: dict[str, Any] = {
        "items": [record_value(record, in_list=True) for record in found.records],
        "next_cursor": found.next_cursor,
    }
    if total is not None:
        value["total"] = total
    headers = {}
    if found.next_cursor is not None:
        query = urlencode({**request.args.to_dict(), "cursor": found.next_cursor})
        headers["Link"] = f'<{request.path}?{query}>; rel="next"'
    return json(value, headers=headers)
