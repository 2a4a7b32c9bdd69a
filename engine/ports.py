"""What the use cases need from outside, as protocols.

The docstrings are the contract; the conformance suites test them. Adapters in `adapters/` implement them, and
`adapters.wiring` builds one `Ports` from the settings. Nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from engine.caller import Actor
from engine.predicate import Predicate, Scalar
from engine.records import Record

if TYPE_CHECKING:
    from engine.policy import Explanation
    from engine.service.library import Library


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort key. Nulls come last in both directions; `id` ascending is always added as the final key."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; `next_cursor` is opaque, bound to the query that made it, and None on the last page."""

    records: tuple[Record, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class AuditDraft:
    """An audit entry before the store gives it its sequence number.

    `outcome` is `accepted`, `denied` or `failed`; `changes` maps a field to `{"before": ..., "after": ...}`; `place` is
    the touched record's place fields, so that who may read the record may read its history. `approver_id` is the person
    who answers for an override or an adjustment. Personal values (the actor's name, personal fields among the changes)
    are given in clear; the store keeps them sealed, and commitments to them.
    """

    organisation_id: str
    at: datetime
    actor: Actor
    channel: str
    request_id: str
    action: str
    outcome: Literal["accepted", "denied", "failed"]
    record_type: str
    record_id: str
    place: Mapping[str, str | None]
    rule_set: str | None = None
    rule_version: int | None = None
    reason: str | None = None
    before_digest: str | None = None
    after_digest: str | None = None
    changes: Mapping[str, Any] | None = None
    approver_id: str | None = None


@dataclass(frozen=True, slots=True)
class LogHead:
    """Where an organisation's audit log stands: how many entries it has, and the root of the tree of their leaves."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """One outbox row: `topic` names what to do (`job`), `payload` is a small mapping. The id is the idempotency key."""

    id: str
    organisation_id: str
    topic: str
    payload: Mapping[str, str]
    created_at: datetime


class Reader(Protocol):
    """Reading records. Authorization is part of every question: what the predicate excludes does not exist."""

    def get(self, record_type: str, record_id: str, predicate: Predicate) -> Record:
        """The record. Raises `NotFoundError` (`record.not_found`) if there is none that the predicate matches."""
        ...

    def find(
        self,
        record_type: str,
        predicate: Predicate,
        *,
        sort: Sequence[Sort] = (),
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """At most `limit` (1 to 1000) records. Raises `InvalidError` (`cursor.invalid`) for a foreign cursor."""
        ...

    def scan(self, record_type: str, predicate: Predicate, *, after_id: str = "", batch: int = 500) -> Iterator[Record]:
        """Every matching record with an id greater than `after_id`, by ascending id, read in batches."""
        ...

    def count(self, record_type: str, predicate: Predicate) -> int:
        """How many records match."""
        ...

    def tally(self, record_type: str, field: str, predicate: Predicate) -> dict[Scalar | None, int]:
        """How many records match for each value of a TEXT, INTEGER or BOOLEAN field."""
        ...

    def log_head(self, organisation_id: str) -> LogHead:
        """Where the organisation's audit log stands."""
        ...

    def log_leaves(self, organisation_id: str, first: int, last: int) -> tuple[str, ...]:
        """The stored leaf hashes, hexadecimal, of the entries with these numbers, both included, in their order.

        Hashes say nothing about what is hashed, so this is the one question about records without a predicate.
        """
        ...


class Transaction(Reader, Protocol):
    """Reads and writes that become visible together or not at all. Writers of one organisation are serialised."""

    def insert(self, record: Record) -> Record:
        """Store a new record with revision 1. Raises `ConflictError` (`record.exists`) for a used id or unique key."""
        ...

    def update(self, record: Record) -> Record:
        """Store a changed record and return it with its new revision; `record.revision` is the one seen.

        Raises `StaleError` if the stored revision differs, `NotFoundError` if the record is gone. Append-only types are
        refused.
        """
        ...

    def delete(self, record: Record) -> None:
        """Remove a record that still has the revision seen. Raises as `update` does."""
        ...

    def append_audit(self, draft: AuditDraft) -> int:
        """Append one audit entry and return its sequence number: the organisation's last plus one, without gaps."""
        ...

    def erase_subject(self, organisation_id: str, subject: str) -> bool:
        """Destroy the key of what the log holds about a subject (`person/ann`); false if that was done before.

        Entries stay as they are and their personal values are read as `erased`; later ones about the subject keep none.
        """
        ...

    def enqueue(self, message: Message) -> None:
        """Write an outbox row, to be delivered after this transaction commits."""
        ...


class Store(Reader, Protocol):
    """The operations database. Values of fields come back equal to what was written, exactly and with their types."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction: commits when the block ends, rolls back when it raises.

        Raises `UnavailableError` when the database does not answer.
        """
        ...

    def pending_messages(self, limit: int = 100) -> tuple[Message, ...]:
        """Outbox rows not yet marked delivered, oldest first."""
        ...

    def mark_delivered(self, message_id: str) -> None:
        """Note that the message has reached the queue. Doing it twice is the same as once."""
        ...

    def ping(self) -> None:
        """Return if the database answers; raise `UnavailableError` if not."""
        ...

    def close(self) -> None:
        """Release connections and files."""
        ...


class Queue(Protocol):
    """Where jobs wait for a worker. Delivering the same message twice queues it once."""

    def deliver(self, message: Message) -> None:
        """Hand a message to the workers. Raises `UnavailableError` when the queue does not answer."""
        ...

    def ping(self) -> None:
        """Return if the queue answers; raise `UnavailableError` if not."""
        ...

    def workers(self) -> int:
        """How many workers are alive."""
        ...


class Authorizer(Protocol):
    """The policies, asked before anything leaves the database."""

    def predicate(self, actor: Actor, action: str, record_type: str) -> Predicate:
        """Which records of the type the actor may do this to."""
        ...

    def allows(self, actor: Actor, action: str, record: Record) -> bool:
        """Whether the actor may do this to this record, as it stands."""
        ...

    def explain(self, actor: Actor, action: str, record: Record) -> Explanation:
        """Why: the rule that grants it, or what a denial misses least."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 over the policy files, for the release."""
        ...


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """A sign-in that has been begun at a provider, to be kept for the browser that began it and used once.

    `state` comes back in the provider's answer, `nonce` in its token; `verifier` proves at the end who began.
    """

    issuer: str
    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class VerifiedIdentity:
    """Who a provider says that somebody is, proved. `email` is empty unless the provider vouches for it."""

    issuer: str
    subject: str
    email: str = ""


class IdentityProvider(Protocol):
    """Where people prove who they are. What they may do is never asked of it."""

    @property
    def issuer(self) -> str:
        """The provider's identifier, an address."""
        ...

    def begin(self) -> tuple[str, PendingSignIn]:
        """The address to send a browser to, and what to keep meanwhile.

        Raises `UnavailableError` (`identity.provider_unavailable`, `identity.provider_unfit`).
        """
        ...

    def finish(self, pending: PendingSignIn, answer: Mapping[str, str], now: datetime) -> VerifiedIdentity:
        """Who has signed in, from the parameters that the browser brought back.

        Raises `DeniedError` (`identity.mix_up`, `identity.provider_refused`, `identity.code_refused`,
        `identity.token_refused`) and `UnavailableError` as `begin` does.
        """
        ...

    def sign_out_url(self, back_to: str) -> str | None:
        """Where a browser signs out at the provider too and comes back; None if it offers none. Raises as `begin`."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything a use case may use. `new_id` returns a fresh id that sorts by creation time."""

    store: Store
    queue: Queue
    authorizer: Authorizer
    library: Library
    new_id: Callable[[], str]
