"""Reading the audit log: what was done, tried and refused, by whom, to what; and what proves one entry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.audit.leaf import leaf_bytes
from engine.audit.merkle import leaf_hash
from engine.caller import Caller
from engine.ports import Page, Ports, Sort
from engine.predicate import Always, Compare, Predicate
from engine.records import Record
from engine.service.checkpoints import CHECKPOINT
from engine.service.records import list_records

NEWEST_FIRST = (Sort("sequence", descending=True),)


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of an entry that was read.

    `unchanged` says that its leaf, made anew from the entry as it was read, has the hash that was kept. `checkpoint` is
    the first signed checkpoint that covers it, None before there is one.
    """

    unchanged: bool
    checkpoint: Record | None = None


def period(from_: datetime | None, to: datetime | None) -> tuple[Predicate, ...]:
    """Entries from an instant (inclusive) to another (exclusive); either may be open."""
    first = () if from_ is None else (Compare("at", ">=", from_),)
    return first if to is None else (*first, Compare("at", "<", to))


def list_audit(
    ports: Ports,
    caller: Caller,
    *,
    where: Predicate = Always(),
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """Entries about records that the caller may read, the newest first. Raises `InvalidError` for a foreign cursor."""
    return list_records(ports, caller, "audit_entry", where=where, sort=NEWEST_FIRST, limit=limit, cursor=cursor)


def proof_of(ports: Ports, caller: Caller, entry: Record) -> Proof:
    """What proves an entry that the caller has read."""
    covering = list_records(
        ports, caller, CHECKPOINT, where=Compare("size", ">=", entry["sequence"]), sort=(Sort("size"),), limit=1
    )
    unchanged = leaf_hash(leaf_bytes(entry)).hex() == entry["leaf_hash"]
    return Proof(unchanged, covering.records[0] if covering.records else None)


def checkpointed_size(ports: Ports, caller: Caller) -> int:
    """Up to which entry the newest signed checkpoint of the caller's organisation covers the log; 0 for none."""
    newest = list_records(ports, caller, CHECKPOINT, sort=(Sort("size", descending=True),), limit=1).records
    return int(newest[0]["size"]) if newest else 0
