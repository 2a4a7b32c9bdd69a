"""The audit log as one file for an auditor: what the caller may read of it, each entry with its proof.

What is outside the scope, or outside the caller's rights, is in the file as hashes alone, as far as the proofs need
them. `engine.audit.export_file` describes the file, `engine.audit.verification` checks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.audit.export_file import ExportedEntry, ExportHead, OlderCheckpoint, write
from engine.audit.leaf import leaf_bytes
from engine.audit.merkle import Tree
from engine.audit.note import Checkpoint, Note, sign_checkpoint
from engine.caller import Caller
from engine.ports import Ports, Sort
from engine.predicate import Always, Compare, Predicate, both
from engine.problems import ConflictError, InvalidError, NotFoundError, Problem
from engine.records import Record
from engine.service.actions import READ
from engine.service.checkpoints import CHECKPOINT, UNREADABLE, Signer, log_name, take_checkpoint
from engine.service.spelling import did_you_mean

AUDIT_ENTRY = "audit_entry"
OLDER_CHECKPOINTS = 24
"""How many checkpoints before the newest a file proves; another one is asked for by `since`."""

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
) -> AuditExport:
    """The file with the entries of a scope from an instant (inclusive) to another (exclusive) that the caller may read.

    A checkpoint of the log as it stands is taken first, so that the file holds the newest entries too. `since` is the
    note of an older checkpoint that the reader has kept; the file then proves that nothing before it was changed.

    Raises `InvalidError` (`audit.scope`, `audit.note`, `audit.signature`), `NotFoundError` (`audit.empty`),
    `ConflictError` (`audit.broken`) if the log does not bear its checkpoints out; `engine.service.audit_check` says
    where.
    """
    organisation_id = caller.actor.organisation_id
    asked = both(scope_predicate(scope), *_period(from_, to))
    kept = None if since is None else _kept_checkpoint(since, signer, organisation_id)
    checkpoint = take_checkpoint(ports, signer, organisation_id, caller.now)
    if checkpoint is None:
        raise NotFoundError(Problem("audit.empty", "the log has no entries yet, so there is nothing to prove"))
    size, root = checkpoint["size"], bytes.fromhex(checkpoint["root"])
    tree = _tree(ports.store.log_leaves(organisation_id, size))
    if tree is None or (tree.size, tree.root()) != (size, root):
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
    if kept is not None and kept.size < size:
        older = {**older, kept.size: kept}
    entries = map(_exported, ports.store.scan(AUDIT_ENTRY, shown))
    lines = write(head, tree, entries, checkpoint=note, older=tuple(older.values()), sign=signer.sign)
    return AuditExport(scope, size, head.entries, _unbroken(lines, size))


def _tree(leaves: tuple[str, ...]) -> Tree | None:
    try:
        return Tree(map(bytes.fromhex, leaves))
    except ValueError:  # something else was written over a hash
        return None


def _unbroken(lines: Iterator[bytes], size: int) -> Iterator[bytes]:
    try:
        yield from lines
    except UNREADABLE:  # or entries that do not come by number
        raise _broken(size) from None


def _broken(size: int) -> ConflictError:
    message = f"the log does not bear out its checkpoint of {size:,} entries: nothing is exported"
    return ConflictError(Problem("audit.broken", message, help="`bylaw audit check` names the entry"))


def _period(from_: datetime | None, to: datetime | None) -> tuple[Predicate, ...]:
    first = () if from_ is None else (Compare("at", ">=", from_),)
    return first if to is None else (*first, Compare("at", "<", to))


def _exported(entry: Record) -> ExportedEntry:
    """An entry's leaf, made anew, and what its commitments are made of, as far as it is still there."""
    personal: dict[str, Any] = entry["personal"] or {}
    opened = {place: {"salt": one["salt"], "value": one["value"]} for place, one in personal.items() if "salt" in one}
    return ExportedEntry(entry["sequence"], leaf_bytes(entry), opened)


def _kept_checkpoint(note: str, signer: Signer, organisation_id: str) -> OlderCheckpoint:
    """A checkpoint that somebody has kept, if this key has signed it for this log. Raises `InvalidError`."""
    parsed, key = Note.parse(note), signer.key(organisation_id)
    checkpoint = Checkpoint.parse(parsed.text)
    if checkpoint.origin != key.name:
        message = f"the checkpoint is of the log `{checkpoint.origin[:60]}`, not of `{key.name}`"
        raise InvalidError(Problem("audit.signature", message))
    # Ed25519 signs the same text always in the same way, so whoever can sign needs nothing else to check.
    parsed.check(key, lambda _key, message, signature: signer.sign(message) == signature)
    if checkpoint.size == 0:
        raise InvalidError(Problem("audit.note", "a checkpoint of an empty log says nothing about what came later"))
    return OlderCheckpoint(note, checkpoint.size)


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
