"""Signed checkpoints of the audit log: what an organisation's log commits itself to, kept and given to others.

A checkpoint is signed only if the log bears it out: the entries since the last one are read, their leaves made anew,
and the tree's edge of the last checkpoint is led on over them; its root must be the one that the store knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from engine.audit.leaf import leaf_bytes
from engine.audit.merkle import Frontier, leaf_hash
from engine.audit.note import Checkpoint, Note, PublicKey, Sign, sign_checkpoint
from engine.ports import LogHead, Ports, Sort
from engine.predicate import Compare, both
from engine.problems import BylawError, ConflictError, InvalidError, Problem, UnavailableError
from engine.records import Record
from engine.service.auditing import UNPLACED
from engine.service.directory import organisations

CHECKPOINT = "checkpoint"
TELLING = ("audit.broken", "audit.edge_damaged")
"""What is wrong with one log, and with no other."""
UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, InvalidError)
"""What a store raises for a value that it never wrote, in an entry that was changed behind its back."""


@dataclass(frozen=True, slots=True)
class Signer:
    """The service's Ed25519 key: its public half, 32 bytes, and what signs with the private one."""

    public: bytes
    sign: Sign

    def key(self, organisation_id: str) -> PublicKey:
        """The public key under the name of an organisation's log, as `bylaw audit key` prints it."""
        return PublicKey(log_name(organisation_id), self.public)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a checkpoint is due: after so many new entries, or when the last is so old and there is any new entry."""

    entries: int
    age: timedelta


@dataclass(frozen=True, slots=True)
class Taken:
    """The checkpoints that were due and are signed, and why others could not be."""

    checkpoints: tuple[Record, ...]
    problems: tuple[Problem, ...]


def log_name(organisation_id: str) -> str:
    """The name of an organisation's log, the first line of its checkpoints: `bylaw.audit/acme`."""
    return f"bylaw.audit/{quote(organisation_id, safe='')}"


def last_checkpoint(ports: Ports, organisation_id: str) -> Record | None:
    """The organisation's newest checkpoint: its `note` is the signed text."""
    mine = Compare("organisation_id", "=", organisation_id)
    page = ports.store.find(CHECKPOINT, mine, sort=(Sort("size", descending=True),), limit=1)
    return page.records[0] if page.records else None


def take_checkpoint(ports: Ports, signer: Signer, organisation_id: str, now: datetime) -> Record | None:
    """Sign and keep a checkpoint of the log as it stands, unless the last one is of just that; None for an empty log.

    Raises `ConflictError` (`audit.broken`) if the entries do not bear out what the store knows of the log,
    `UnavailableError` (`audit.edge_damaged`) if what it knows of it cannot be read.
    """
    last, head = last_checkpoint(ports, organisation_id), ports.store.log_head(organisation_id)
    if head.size == 0 or (last is not None and last["size"] == head.size):
        return last
    frontier = _borne_out(ports, organisation_id, last, head)
    text = Checkpoint(log_name(organisation_id), head.size, head.root)
    record = Record(
        CHECKPOINT,
        f"checkpoint-{head.size:012d}",
        organisation_id,
        {
            "size": head.size,
            "root": head.root.hex(),
            "frontier": frontier.to_text(),
            "note": sign_checkpoint(text, signer.key(organisation_id), signer.sign),
            "at": now,
        },
    )
    try:
        with ports.store.transaction() as transaction:
            return transaction.insert(record)
    except ConflictError as error:
        if error.code != "record.exists":
            raise
        return last_checkpoint(ports, organisation_id)  # another worker was quicker


def take_due_checkpoints(ports: Ports, signer: Signer, now: datetime, rhythm: Rhythm) -> Taken:
    """Take the checkpoints that are due, over all organisations' logs: one that does not add up holds up no other."""
    taken: list[Record] = []
    problems: list[Problem] = []
    for organisation_id in (*(known.id for known in organisations(ports)), UNPLACED):
        try:
            made = _take_if_due(ports, signer, organisation_id, now, rhythm)
        except BylawError as error:
            if error.code not in TELLING:
                raise
            problems += error.problems
        else:
            taken += [made] if made is not None else []
    return Taken(tuple(taken), tuple(problems))


def _take_if_due(ports: Ports, signer: Signer, organisation_id: str, now: datetime, rhythm: Rhythm) -> Record | None:
    last, head = last_checkpoint(ports, organisation_id), ports.store.log_head(organisation_id)
    new = head.size - (last["size"] if last is not None else 0)
    old = last is None or now - last["at"] >= rhythm.age
    due = new > 0 and (new >= rhythm.entries or old)
    return take_checkpoint(ports, signer, organisation_id, now) if due else None


def kept_checkpoint(note: str, signer: Signer, organisation_id: str) -> Checkpoint:
    """A checkpoint that somebody has kept, if this key has signed it for this log.

    Raises `InvalidError` (`audit.note`, `audit.signature`).
    """
    parsed, key = Note.parse(note), signer.key(organisation_id)
    checkpoint = Checkpoint.parse(parsed.text)
    if checkpoint.origin != key.name:
        message = f"the checkpoint is of the log `{checkpoint.origin[:60]}`, not of `{key.name}`"
        raise InvalidError(Problem("audit.signature", message))
    # Ed25519 signs the same text always in the same way, so whoever can sign needs nothing else to check.
    parsed.check(key, lambda _key, message, signature: signer.sign(message) == signature)
    if checkpoint.size == 0:
        raise InvalidError(Problem("audit.note", "a checkpoint of an empty log says nothing about what came later"))
    return checkpoint


def edge_of(checkpoint: Record) -> Frontier:
    """The tree's edge at a checkpoint. Raises `UnavailableError` (`audit.edge_damaged`) if it is not that of its root.

    The root is in the note, which is signed; the edge is kept beside it, to go on from.
    """
    size = checkpoint["size"]
    try:
        frontier = Frontier.from_text(checkpoint["frontier"])
    except ValueError:
        frontier = Frontier()
    if (frontier.size, frontier.root().hex()) != (size, checkpoint["root"]):
        message = f"the tree's edge beside `{checkpoint.organisation_id}`'s checkpoint of {size:,} entries is damaged"
        hint = "`bylaw audit check` tells what of the log holds; restore the database from a backup"
        raise UnavailableError(Problem("audit.edge_damaged", message, help=hint))
    return frontier


def _borne_out(ports: Ports, organisation_id: str, last: Record | None, head: LogHead) -> Frontier:
    """The tree's edge at the head, led on from the last checkpoint over the entries since."""
    frontier = Frontier() if last is None else edge_of(last)
    since = both(
        Compare("organisation_id", "=", organisation_id),
        Compare("sequence", ">", frontier.size),
        Compare("sequence", "<=", head.size),
    )
    frontier = frontier.extend(_leaves(ports.store.scan("audit_entry", since, batch=1_000), frontier.size))
    if (frontier.size, frontier.root()) != (head.size, head.root):
        since_text = f"since entry {last['size']:,}" if last is not None else "since its beginning"
        message = f"the audit log of `{organisation_id}` does not add up {since_text}: nothing is signed"
        raise ConflictError(Problem("audit.broken", message, help="`bylaw audit check` names the entry"))
    return frontier


def _leaves(entries: Iterable[Record], size: int) -> Iterable[bytes]:
    """The leaves' hashes, made anew, up to the first entry that is not the next one or has another hash beside it."""
    try:
        for number, entry in enumerate(entries, size + 1):
            leaf = leaf_hash(leaf_bytes(entry))
            if entry["sequence"] != number or entry["leaf_hash"] != leaf.hex():
                return
            yield leaf
    except UNREADABLE:
        return
