"""The kind `sync-conflict`: which edit wins when a record was changed offline and on the server, and why."""

from __future__ import annotations

from engine.kinds.sync_conflict.body import SyncConflictBody
from engine.kinds.sync_conflict.read import read_rules
from engine.rulefile.kind import Draft, Kind


def build(draft: Draft) -> SyncConflictBody:
    """The body of a sync-conflict file. Raises `InvalidError` with everything that is wrong in it."""
    rules, warnings = read_rules(draft)
    return SyncConflictBody(rules, draft.zone, warnings)


KIND = Kind("sync-conflict", "rules/sync-conflict.schema.json", build)
