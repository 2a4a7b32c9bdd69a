"""Reading the audit log: what was done, tried and refused, by whom, to what."""

from __future__ import annotations

from engine.caller import Caller
from engine.ports import Page, Ports, Sort
from engine.predicate import Always, Predicate
from engine.service.records import list_records

NEWEST_FIRST = (Sort("sequence", descending=True),)


def list_audit(
    ports: Ports,
    caller: Caller,
    *,
    where: Predicate = Always(),  # noqa: B008  # frozen and empty
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """Entries about records that the caller may read, the newest first. Raises `InvalidError` for a foreign cursor."""
    return list_records(ports, caller, "audit_entry", where=where, sort=NEWEST_FIRST, limit=limit, cursor=cursor)
