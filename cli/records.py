"""Records as the API shows them, for `--json`."""

from __future__ import annotations

from typing import Any

from engine.ports import Page
from engine.records import Record, record_type

HIDDEN = {
    "job": ("lease_token", "lease_until", "checkpoint", "actor_scopes"),
    "audit_entry": ("sealed",),
    "checkpoint": ("frontier",),
    "api_key": ("secret_digest",),
}
"""Fields that are Bylaw's own bookkeeping."""


def record_value(record: Record) -> dict[str, Any]:
    """Shape: `{id, revision, <every field>}`; a field without a value is null."""
    hidden = HIDDEN.get(record.type, ())
    names = [known.name for known in record_type(record.type).fields if known.name not in hidden]
    return {"id": record.id, "revision": record.revision, **{name: record[name] for name in names}}


def page_value(page: Page) -> dict[str, Any]:
    """Shape: `{items, next_cursor}`."""
    return {"items": [record_value(record) for record in page.records], "next_cursor": page.next_cursor}
