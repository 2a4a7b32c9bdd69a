"""The audit log as one file for an auditor: what the caller may read of it, each entry with its proof.

What is outside the scope, or outside the caller's rights, is in the file as hashes alone, as far as the proofs need
them. `engine.audit.export_file` describes the file, `engine.audit.verification` checks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from engine.audit.export_file import ExportedEntry, ExportHead, OlderCheckpoint, write
from engine.audit.leaf import leaf_bytes
from engine.audit.merkle import Proofs
from engine.audit.note import Checkpoint, Note, sign_checkpoint
from engine.audit.progress import Progress, tell
from engine.audit.stored_tree import StoredTree
from engine.caller import Caller
from engine.ports import Ports, Sort
from engine.predicate import Always, Compare, Predicate, both
from engine.problems import ConflictError, InvalidError, NotFoundError, Problem
from engine.records import Record
from engine.service.actions import READ
from engine.service.audit import period
from engine.service.checkpoints import CHECKPOINT, UNREADABLE, Signer, kept_checkpoint, log_name, take_checkpoint
from engine.service.spelling import did_you_mean

AUDIT_ENTRY = "audit_entry"
OLDER_CHECKPOINTS = 24
"""How many checkpoints before the newest a file proves; another one is asked for by `since`."""

BATCH = 500
"""Entries that are read at once."""

WHOLE = "organisation"
SCOPES = {
    "region": "region_id",
    "branch": "branch_id",
    "team": "team_id",
    "territory": "territory_id",
    "owner": "owner_id",
    "actor": "actor_id",
}
"""What can stand before the colon of a scope, and the entry's field that then has the value."""
SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class AuditExport:
    """A file that is ready to be written: `entries` of them in clear, as `lines` of bytes, read as they are taken."""

    scope: str
    size: int
    entries: int
    lines: Iterator[bytes]

    @property
    def file_name(self) -> str:
        """What to call it: `audit-region-west-1204.jsonl`, where the log has 1,204 entries."""
        safe = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in self.scope)
        return f"audit-{safe[:60].lower()}-{self.size}.jsonl"


def scope_predicate(scope: str) -> Predicate:
    """Which entries a scope holds: `organisation`, `region:ID`, `subject:TYPE/ID` and so on.

    Raises `InvalidError` (`audit.scope`).
    """
    kind, _, value = scope.partition(":")
    if scope == WHOLE:
        return Always()
    if kind in SCOPES and value:
        return Compare(SCOPES[kind], "=", value)
    record_type, _, record_id = value.partition("/")
    if kind == SUBJECT and record_type and record_id:
        return both(Compare("record_type", "=", record_type), Compare("record_id", "=", record_id))
    names = (WHOLE, *SCOPES, SUBJECT)
    known = f"`{WHOLE}`, {', '.join(f'`{name}:ID`' for name in SCOPES)} or `{SUBJECT}:TYPE/ID`"
    hint = "" if kind in names else did_you_mean(kind, names)
    raise InvalidError(Problem("audit.scope", f"`{scope[:80]}` is no scope: write {known}", help=hint))


def export_audit(
    ports: Ports,
    caller: Caller,
    signer: Signer,
    scope: str = WHOLE,
    *,
    from_: datetime | None = None,
    to: datetime | None = None,
    since: str | None = None,
    progress: Progress | None = None,
    still_allowed: Callable[[], None] | None = None,
) -> AuditExport:
    """The file with the entries of a scope from an instant (inclusive) to another (exclusive) that the caller may read.

    A checkpoint of the log as it stands is taken first, so that the file holds the newest entries too. `since` is the
    note of an older checkpoint that the reader has kept; the file then proves that nothing before it was changed.
    `progress` is told now and then how many of how many entries were written. `still_allowed` is called before each
    `BATCH` of entries is read, and raises once the caller's rights are others: the file then stops without an end.

    Raises `InvalidError` (`audit.scope`, `audit.note`, `audit.signature`), `NotFoundError` (`audit.empty`),
    `ConflictError` (`audit.broken`) if the log does not bear its checkpoints out, (`audit.history_changed`) if it does
    not bear out the one that was kept; `engine.service.audit_check` says where.
    """
    organisation_id = caller.actor.organisation_id
    asked = both(scope_predicate(scope), *period(from_, to))
    kept = None if since is None else kept_checkpoint(since, signer, organisation_id)
    checkpoint = take_checkpoint(ports, signer, organisation_id, caller.now)
    if checkpoint is None:
        raise NotFoundError(Problem("audit.empty", "the log has no entries yet, so there is nothing to prove"))
    size, root = checkpoint["size"], bytes.fromhex(checkpoint["root"])
    tree = _tree(ports, organisation_id, size)
    if tree is None or tree.root() != root:
        raise _broken(size)
    shown = both(
        ports.authorizer.predicate(caller.actor, READ, AUDIT_ENTRY),
        asked,
        Compare("organisation_id", "=", organisation_id),
        Compare("sequence", "<=", size),
    )
    head = ExportHead(
        organisation_id=organisation_id,
        scope=scope,
        from_=from_,
        to=to,
        made_at=caller.now,
        made_for=caller.actor.id,
        size=size,
        entries=ports.store.count(AUDIT_ENTRY, shown),
        key=signer.key(organisation_id),
    )
    # Made again instead of taken from the store: after a change of the key the old signature would not fit the new one.
    note = sign_checkpoint(Checkpoint(log_name(organisation_id), size, root), head.key, signer.sign)
    older = _older_checkpoints(ports, signer, organisation_id, size)
    if kept is not None and since is not None:
        try:
            _borne_out(tree, kept)
        except ValueError:
            raise _broken(size) from None
        if kept.size < size:
            older[kept.size] = OlderCheckpoint(since, kept.size)
    found = _while_allowed(ports.store.scan(AUDIT_ENTRY, shown, batch=BATCH), still_allowed)
    entries = _told(map(_exported, found), head.entries, progress)
    lines = write(head, tree, entries, checkpoint=note, older=tuple(older.values()), sign=signer.sign)
    return AuditExport(scope, size, head.entries, _unbroken(lines, size))


def _tree(ports: Ports, organisation_id: str, size: int) -> StoredTree | None:
    """The log's tree; None if there are not so many leaves, or if something else was written over a hash."""

    def leaves(start: int, end: int) -> Iterator[bytes]:
        return map(bytes.fromhex, ports.store.log_leaves(organisation_id, start + 1, end))

    try:
        return StoredTree(size, leaves)
    except ValueError:
        return None


def _while_allowed(entries: Iterator[Record], still_allowed: Callable[[], None] | None) -> Iterator[Record]:
    """The entries, each batch of them read just after it was asked whether that is still allowed."""
    if still_allowed is None:
        yield from entries
        return
    while True:
        still_allowed()
        batch = list(islice(entries, BATCH))
        if not batch:
            return
        yield from batch


def _told(entries: Iterator[ExportedEntry], total: int, progress: Progress | None) -> Iterator[ExportedEntry]:
    for done, entry in enumerate(entries):
        tell(progress, done, total)
        yield entry


def _unbroken(lines: Iterator[bytes], size: int) -> Iterator[bytes]:
    try:
        yield from lines
    except UNREADABLE:  # or entries that do not come by number
        raise _broken(size) from None


def _broken(size: int) -> ConflictError:
    message = f"the log does not bear out its checkpoint of {size:,} entries: nothing is exported"
    return ConflictError(Problem("audit.broken", message, help="`bylaw audit check` names the entry"))


def _exported(entry: Record) -> ExportedEntry:
    """An entry's leaf, made anew, and what its commitments are made of, as far as it is still there."""
    personal: dict[str, Any] = entry["personal"] or {}
    opened = {place: {"salt": one["salt"], "value": one["value"]} for place, one in personal.items() if "salt" in one}
    return ExportedEntry(entry["sequence"], leaf_bytes(entry), opened)


def _borne_out(tree: Proofs, kept: Checkpoint) -> None:
    """That the log still begins with a checkpoint that somebody has kept.

    Raises `ConflictError` (`audit.history_changed`) and, for leaves that change meanwhile, `ValueError`.
    """
    if kept.size > tree.size:
        message = f"the log has {tree.size:,} entries and had {kept.size:,} when the kept checkpoint was signed"
        hint = "it was cut, or an older backup was restored: docs/operations.md"
        raise ConflictError(Problem("audit.history_changed", message, help=hint))
    if tree.root(kept.size) != kept.root:
        message = f"the first {kept.size:,} entries are not those of the kept checkpoint: nothing is exported"
        raise ConflictError(Problem("audit.history_changed", message, help="`bylaw audit check` names the entry"))


def _older_checkpoints(ports: Ports, signer: Signer, organisation_id: str, size: int) -> dict[int, OlderCheckpoint]:
    """The last checkpoints before this size that the present key has signed."""
    before = both(Compare("organisation_id", "=", organisation_id), Compare("size", "<", size))
    page = ports.store.find(CHECKPOINT, before, sort=(Sort("size", descending=True),), limit=OLDER_CHECKPOINTS)
    key = signer.key(organisation_id)
    return {
        record["size"]: OlderCheckpoint(record["note"], record["size"])
        for record in page.records
        if any(one.key_id == key.id for one in Note.parse(record["note"]).signatures)
    }
