"""Checking the log where it is kept: every entry read again, against its hash, its neighbours and all checkpoints.

What an exported file shows to an outsider (`engine.audit.verification`), this shows to whoever runs the store, of all
entries and without anything taken out. It needs the database and proves nothing to others: a store that lies can lie
here too. It tells where a log was tampered with, which the checkpoints only tell that it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.audit.leaf import commitment, entry_id, leaf_bytes
from engine.audit.merkle import Frontier, leaf_hash
from engine.audit.note import Check, Checkpoint, Note
from engine.audit.progress import Progress, tell
from engine.caller import Caller
from engine.ports import LogHead, Ports, Sort
from engine.predicate import Compare, Predicate, both
from engine.problems import DeniedError, InvalidError, Problem, UnavailableError
from engine.records import Record
from engine.service.actions import READ
from engine.service.checkpoints import CHECKPOINT, UNREADABLE, Signer, edge_of, kept_checkpoint

AUDIT_ENTRY = "audit_entry"
PAGE = 1_000


@dataclass(frozen=True, slots=True)
class LogCheck:
    """What was found: `entries` and `checkpoints` that are right, and the first thing that is not, with its entry.

    `number` is the first entry that can be the bad one; where a checkpoint alone tells it, `last` is the last such.
    """

    entries: int
    checkpoints: int
    problem: Problem | None = None
    number: int | None = None
    last: int | None = None


class _FoundError(Exception):
    def __init__(self, code: str, message: str, number: int | None, last: int | None = None) -> None:
        super().__init__(message)
        self.problem, self.number, self.last = Problem(code, message), number, last


def check_log(
    ports: Ports,
    caller: Caller,
    signer: Signer,
    check: Check,
    *,
    since: str | None = None,
    progress: Progress | None = None,
) -> LogCheck:
    """Read the organisation's whole log.

    `since` is the note of a checkpoint that was kept elsewhere, with which the log must begin: without one, a database
    that was put back to an earlier state agrees with itself. `progress` is told now and then how many of how many
    entries were read.

    Raises `DeniedError` for a caller who may not read all of it, `InvalidError` (`audit.note`, `audit.signature`).
    """
    organisation_id = caller.actor.organisation_id
    mine = Compare("organisation_id", "=", organisation_id)
    readable = ports.store.count(AUDIT_ENTRY, both(mine, ports.authorizer.predicate(caller.actor, READ, AUDIT_ENTRY)))
    if readable != ports.store.count(AUDIT_ENTRY, mine):
        message = f"the role `{caller.actor.role}` may not read the whole log, so it cannot check it"
        raise DeniedError(Problem("access.denied", message, help="export what you may read and verify the file"))
    kept = None if since is None else kept_checkpoint(since, signer, organisation_id)
    run = _Check(ports, signer, check, organisation_id, kept)
    try:
        run.log(progress)
    except _FoundError as found:
        return LogCheck(run.frontier.size, run.checkpoints, found.problem, found.number, found.last)
    return LogCheck(run.frontier.size, run.checkpoints)


class _Check:
    """One reading of a log."""

    def __init__(
        self, ports: Ports, signer: Signer, check: Check, organisation_id: str, kept: Checkpoint | None
    ) -> None:
        self._ports, self._check = ports, check
        self._key = signer.key(organisation_id)
        self._mine = Compare("organisation_id", "=", organisation_id)
        self._organisation_id, self._kept = organisation_id, kept
        self._confirmed = 0
        self.frontier = Frontier()
        self.checkpoints = 0

    def log(self, progress: Progress | None) -> None:
        """All entries and checkpoints up to where the log stands now; then that it stands where its entries end."""
        # The checkpoints first: the log is never shorter than one that was there before.
        checkpoints = deque(self._kept_checkpoints())
        head, damage = self._head()
        previous: Record | None = None
        for entry in self._entries(head.size if head is not None else None):
            self._read(entry, previous)
            previous = entry
            tell(progress, self.frontier.size, head.size if head is not None else 0)
            while checkpoints and checkpoints[0]["size"] == self.frontier.size:
                self._bears_out(checkpoints.popleft())
            if self._kept is not None and self._kept.size == self.frontier.size:
                self._adds_up_to(self._kept, "that was kept")
        known = self.frontier.size if head is None else head.size
        kept = self._kept.size if self._kept is not None else 0
        promised = max([known, kept, *(checkpoint["size"] for checkpoint in checkpoints)])
        if self.frontier.size != promised:
            message = f"the log ends with entry {self.frontier.size:,} and had {promised:,}"
            raise _FoundError("audit.entry_missing", message, self.frontier.size + 1)
        if head is None:
            raise _FoundError("audit.edge_damaged", damage, None)
        if self.frontier.root() != head.root:
            message = "the entries do not add up to the root that the store keeps beside them"
            raise _FoundError("audit.history_changed", message, self._confirmed + 1, head.size)
        self._ends()

    def _head(self) -> tuple[LogHead | None, str]:
        """Where the store says that the log ends; None with what it says instead, if it does not know any more."""
        try:
            return self._ports.store.log_head(self._organisation_id), ""
        except UnavailableError as error:
            if error.code != "audit.edge_damaged":
                raise
            return None, str(error)

    def _entries(self, size: int | None) -> Iterator[Record]:
        """All entries up to a number. One that the store itself cannot read any more is found by reading singly."""
        wanted: Predicate = self._mine if size is None else both(self._mine, Compare("sequence", "<=", size))
        try:
            yield from self._ports.store.scan(AUDIT_ENTRY, wanted, batch=PAGE)
        except UNREADABLE:
            pass
        else:
            return
        number = self.frontier.size
        try:
            yield from self._ports.store.scan(AUDIT_ENTRY, wanted, after_id=entry_id(number) if number else "", batch=1)
        except UNREADABLE:
            number = self.frontier.size + 1
            raise _FoundError("audit.entry_changed", f"entry {number:,} cannot be read any more", number) from None

    def _read(self, entry: Record, previous: Record | None) -> None:
        """One more entry: its number, its link, its leaf, its personal values."""
        number = self.frontier.size + 1
        if (entry.id, entry["sequence"]) != (entry_id(number), number):
            message = f"after entry {number - 1:,} comes entry {entry['sequence']} with the id `{entry.id[:40]}`"
            raise _FoundError("audit.entry_missing", message, number)
        leaf = leaf_hash(leaf_bytes(entry))
        if entry["leaf_hash"] != leaf.hex():
            raise _FoundError("audit.entry_changed", f"entry {number:,} is not the one that was logged", number)
        if entry["previous_hash"] != (previous["leaf_hash"] if previous is not None else None):
            # The later entry vouches for the earlier one by a hash, which its own hash covers.
            message = f"entry {number:,} was logged after another entry {number - 1:,} than the one that stands there"
            raise _FoundError("audit.chain_broken", message, max(1, number - 1))
        personal: Mapping[str, Any] = entry["personal"] or {}
        for place, one in personal.items():
            if "unreadable" in one:
                message = f"the personal value at `{place}` of entry {number:,} does not open with its key"
                raise _FoundError("audit.personal_changed", message, number)
            if "salt" in one and commitment(bytes.fromhex(one["salt"]), one["value"]) != one["commitment"]:
                message = f"the personal value at `{place}` of entry {number:,} is not the one that was logged"
                raise _FoundError("audit.personal_changed", message, number)
        self.frontier = self.frontier.append(leaf)

    def _bears_out(self, record: Record) -> None:
        """That the entries so far add up to a kept checkpoint, and that this key signed it, if it was this key."""
        size = record["size"]
        try:
            note = Note.parse(record["note"])
            checkpoint = Checkpoint.parse(note.text)
            if any(one.key_id == self._key.id for one in note.signatures):
                note.check(self._key, self._check)
        except InvalidError as error:
            raise _FoundError("audit.signature", f"the checkpoint of {size:,} entries: {error}", None) from None
        if (checkpoint.origin, checkpoint.size, checkpoint.root.hex()) != (self._key.name, size, record["root"]):
            message = f"the checkpoint of {size:,} entries says something else than its note"
            raise _FoundError("audit.signature", message, None)
        self._adds_up_to(checkpoint, "that was signed then")
        try:
            edge_of(record)
        except UnavailableError as error:
            raise _FoundError(error.code, str(error), None) from None
        self._confirmed = size
        self.checkpoints += 1

    def _adds_up_to(self, checkpoint: Checkpoint, which: str) -> None:
        if self.frontier.root() != checkpoint.root:
            message = f"the first {checkpoint.size:,} entries do not add up to the checkpoint {which}"
            raise _FoundError("audit.history_changed", message, self._confirmed + 1, checkpoint.size)

    def _ends(self) -> None:
        """That nothing stands behind the log's end. The entry is read before the head, which others may lead on."""
        by_number = (Sort("sequence", descending=True),)
        page = self._ports.store.find(AUDIT_ENTRY, self._mine, sort=by_number, limit=1)
        head = self._ports.store.log_head(self._organisation_id)
        for last in page.records:
            if last["sequence"] > head.size:
                message = f"entry {last['sequence']:,} stands behind the end of the log, which has {head.size:,}"
                raise _FoundError("audit.entry_misplaced", message, last["sequence"])

    def _kept_checkpoints(self) -> Iterator[Record]:
        """All of them, by size."""
        cursor = None
        while True:
            page = self._ports.store.find(CHECKPOINT, self._mine, sort=(Sort("size"),), limit=PAGE, cursor=cursor)
            yield from page.records
            cursor = page.next_cursor
            if cursor is None:
                return
