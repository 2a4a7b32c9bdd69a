"""The reference store: plain dictionaries, published as a whole at commit. Nothing outlives the process.

It is what the other stores are compared with: predicates are matched by `engine.predicate.matches` itself. A published
state is never changed, so readers take no lock; a transaction works on a copy and replaces the state when it commits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock, get_ident
from typing import Any

from adapters.stores.audit import AUDIT_ENTRY, Head, Notary
from adapters.stores.cursors import Question, SortKey
from adapters.stores.refusals import (
    exists,
    message_exists,
    not_found,
    refuse_audit_insert,
    refuse_if_append_only,
    stale,
)
from adapters.stores.tally import tallied_field
from adapters.stores.values import checked, copied, is_text, sort_key
from engine.ports import AuditDraft, LogHead, Message, Page, Sort
from engine.predicate import Compare, Predicate, Scalar, both, matches
from engine.problems import Problem, UnavailableError
from engine.records import RECORD_TYPES, Record, record_type

Table = dict[str, dict[str, Record]]
"""Records by id, then organisation."""


@dataclass(slots=True)
class _State:
    """Everything the store holds. `unique` maps a type, a unique key and its values to the id of the record there."""

    records: dict[str, Table] = field(default_factory=lambda: {known.name: {} for known in RECORD_TYPES})
    unique: dict[tuple[Any, ...], str] = field(default_factory=dict)
    audit_heads: dict[str, Head] = field(default_factory=dict)
    audit_keys: dict[tuple[str, str], bytes | None] = field(default_factory=dict)
    outbox: dict[str, Message] = field(default_factory=dict)
    delivered: frozenset[str] = frozenset()


class _Reader:
    """Reading one state."""

    _notary: Notary

    def _now(self) -> _State:
        raise NotImplementedError

    def get(self, record_type: str, record_id: str, predicate: Predicate) -> Record:
        """See `engine.ports.Reader.get`."""
        # An id that no store could hold is in none, whatever its type.
        held = self._now().records[record_type].get(record_id, {}) if is_text(record_id) else {}
        for record in held.values():
            if matches(predicate, record.values()):
                return self._read(record)
        raise not_found(record_type, record_id)

    def find(
        self,
        record_type: str,
        predicate: Predicate,
        *,
        sort: Sequence[Sort] = (),
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """See `engine.ports.Reader.find`."""
        question = Question.of(_known(record_type), predicate, sort, limit)
        found = [(_rank(question.keys, record), record) for record in self._matching(record_type, predicate)]
        if cursor is not None:
            position = question.position(cursor)
            start = _ranked(question.keys, position.values, position.record_id, position.organisation_id)
            found = [(rank, record) for rank, record in found if rank > start]
        found.sort(key=lambda pair: pair[0])
        records = tuple(self._read(record) for _, record in found[:limit])
        return Page(records, question.cursor_after(records[-1]) if len(found) > limit else None)

    def scan(self, record_type: str, predicate: Predicate, *, after_id: str = "", batch: int = 500) -> Iterator[Record]:
        """See `engine.ports.Reader.scan`."""
        while True:
            table = self._now().records[record_type]
            read = 0
            for record_id in sorted(known for known in table if known > after_id):
                found = [one for _, one in sorted(table[record_id].items()) if matches(predicate, one.values())]
                yield from map(self._read, found)
                after_id = record_id
                read += len(found)
                if read >= batch:
                    break
            else:
                return

    def count(self, record_type: str, predicate: Predicate) -> int:
        """See `engine.ports.Reader.count`."""
        return sum(1 for _ in self._matching(record_type, predicate))

    def tally(self, record_type: str, field: str, predicate: Predicate) -> dict[Scalar | None, int]:
        """See `engine.ports.Reader.tally`."""
        name = tallied_field(_known(record_type), field).name
        return dict(Counter(record.values().get(name) for record in self._matching(record_type, predicate)))

    def log_head(self, organisation_id: str) -> LogHead:
        """See `engine.ports.Reader.log_head`."""
        frontier = self._now().audit_heads.get(organisation_id, Head()).frontier
        return LogHead(frontier.size, frontier.root())

    def log_leaves(self, organisation_id: str, first: int, last: int) -> tuple[str, ...]:
        """See `engine.ports.Reader.log_leaves`."""
        wanted = both(
            Compare("organisation_id", "=", organisation_id),
            Compare("sequence", ">=", first),
            Compare("sequence", "<=", last),
        )
        entries = sorted(self._matching(AUDIT_ENTRY, wanted), key=lambda entry: entry["sequence"])
        return tuple(str(entry["leaf_hash"]) for entry in entries)

    def _read(self, record: Record) -> Record:
        """A copy for the reader; an audit entry with its personal values in it."""
        if record.type != AUDIT_ENTRY:
            return copied(record)
        (opened,) = self._notary.opened([record], self._keys)
        return copied(opened)

    def _keys(self, organisation_id: str, subjects: list[str]) -> dict[str, bytes]:
        known = self._now().audit_keys
        return {subject: key for subject in subjects if (key := known.get((organisation_id, subject))) is not None}

    def _matching(self, name: str, predicate: Predicate) -> Iterator[Record]:
        for by_organisation in self._now().records[name].values():
            for record in by_organisation.values():
                if matches(predicate, record.values()):
                    yield record


class MemoryTransaction(_Reader):
    """A transaction on a copy; each table is copied when it is first written."""

    def __init__(self, base: _State, notary: Notary) -> None:
        """Begin from a published state, which stays as it is."""
        self._notary = notary
        self._state = replace(
            base,
            records=dict(base.records),
            audit_heads=dict(base.audit_heads),
            audit_keys=dict(base.audit_keys),
        )
        self._own_tables: set[str] = set()

    def _now(self) -> _State:
        return self._state

    def insert(self, record: Record) -> Record:
        """See `engine.ports.Transaction.insert`."""
        refuse_audit_insert(record)
        return copied(self._insert(replace(checked(record), revision=1)))

    def update(self, record: Record) -> Record:
        """See `engine.ports.Transaction.update`."""
        refuse_if_append_only(record)
        written = checked(record)
        before = self._seen(record)
        after = replace(written, revision=before.revision + 1)
        self._claim(after, before)
        self._put(after)
        return copied(after)

    def delete(self, record: Record) -> None:
        """See `engine.ports.Transaction.delete`."""
        refuse_if_append_only(record)
        before = self._seen(record)
        self._release(before)
        table = self._table(record.type)
        table[record.id] = {key: one for key, one in table[record.id].items() if key != record.organisation_id}
        if not table[record.id]:
            del table[record.id]

    def append_audit(self, draft: AuditDraft) -> int:
        """See `engine.ports.Transaction.append_audit`."""
        organisation = draft.organisation_id
        head = self._state.audit_heads.get(organisation, Head())
        entry = self._notary.entry(draft, head, lambda subject: self._key(organisation, subject))
        self._insert(entry)
        self._state.audit_heads[organisation] = head.after(entry)
        return head.frontier.size + 1

    def erase_subject(self, organisation_id: str, subject: str) -> bool:
        """See `engine.ports.Transaction.erase_subject`."""
        keys, which = self._state.audit_keys, (organisation_id, subject)
        if which in keys and keys[which] is None:
            return False
        keys[which] = None
        return True

    def _key(self, organisation_id: str, subject: str) -> bytes | None:
        keys, which = self._state.audit_keys, (organisation_id, subject)
        if which not in keys:
            keys[which] = self._notary.new_key(organisation_id, subject)
        return keys[which]

    def enqueue(self, message: Message) -> None:
        """See `engine.ports.Transaction.enqueue`."""
        if message.id in self._state.outbox or message.id in self._state.delivered:
            raise message_exists(message)
        self._state.outbox = {**self._state.outbox, message.id: replace(message, payload=dict(message.payload))}

    @property
    def state(self) -> _State:
        """What is published at commit."""
        return self._state

    def _table(self, name: str) -> Table:
        if not self._own_tables:
            self._state.unique = dict(self._state.unique)
        if name not in self._own_tables:
            self._state.records[name] = dict(self._state.records[name])
            self._own_tables.add(name)
        return self._state.records[name]

    def _seen(self, record: Record) -> Record:
        stored = self._state.records[record.type].get(record.id, {}).get(record.organisation_id)
        if stored is None:
            raise not_found(record.type, record.id)
        if stored.revision != record.revision:
            raise stale(record, stored.revision)
        return stored

    def _insert(self, record: Record) -> Record:
        if record.organisation_id in self._state.records[record.type].get(record.id, {}):
            raise exists(record)
        self._claim(record, None)
        self._put(record)
        return record

    def _put(self, record: Record) -> None:
        table = self._table(record.type)
        table[record.id] = {**table.get(record.id, {}), record.organisation_id: copied(record)}

    def _claim(self, record: Record, before: Record | None) -> None:
        """Take the record's unique keys, giving up those that it had; refuse if another record has one."""
        self._table(record.type)
        for names, key in _unique_keys(record):
            if self._state.unique.get(key, record.id) != record.id:
                raise exists(record, names)
        if before is not None:
            self._release(before)
        self._state.unique.update((key, record.id) for _, key in _unique_keys(record))

    def _release(self, record: Record) -> None:
        self._table(record.type)
        for _, key in _unique_keys(record):
            self._state.unique.pop(key, None)


class MemoryStore(_Reader):
    """The store; see the module."""

    def __init__(self, notary: Notary) -> None:
        """An empty store."""
        self._notary = notary
        self._state = _State()
        self._writing = Lock()
        self._writer: int | None = None
        self._closed = False

    def _now(self) -> _State:
        self.ping()
        return self._state

    @contextmanager
    def transaction(self) -> Iterator[MemoryTransaction]:
        """See `engine.ports.Store.transaction`."""
        if self._writer == get_ident():
            raise RuntimeError("a transaction is already open in this thread")
        self.ping()
        with self._writing:
            self._writer = get_ident()
            try:
                open_transaction = MemoryTransaction(self._state, self._notary)
                yield open_transaction
                self._state = open_transaction.state
            finally:
                self._writer = None

    def pending_messages(self, limit: int = 100) -> tuple[Message, ...]:
        """See `engine.ports.Store.pending_messages`."""
        waiting = sorted(self._now().outbox.values(), key=lambda message: (message.created_at, message.id))
        return tuple(replace(message, payload=dict(message.payload)) for message in waiting[:limit])

    def mark_delivered(self, message_id: str) -> None:
        """See `engine.ports.Store.mark_delivered`."""
        self.ping()
        with self._writing:
            left = {known: message for known, message in self._state.outbox.items() if known != message_id}
            delivered = self._state.delivered | (self._state.outbox.keys() & {message_id})
            self._state = replace(self._state, outbox=left, delivered=delivered)

    def ping(self) -> None:
        """See `engine.ports.Store.ping`."""
        if self._closed:
            raise UnavailableError(Problem("store.unavailable", "the store is closed"))

    def close(self) -> None:
        """Let everything go."""
        self._closed = True
        self._state = _State()


_known = record_type
"""`record_type` is also what the port calls an argument."""


def _unique_keys(record: Record) -> Iterator[tuple[tuple[str, ...], tuple[Any, ...]]]:
    """The record's unique keys: the fields' names, and the entry in the index. A key with a null takes no entry."""
    for names in record_type(record.type).unique:
        values = tuple(record[name] for name in names)
        if None not in values:
            yield names, (record.type, names, record.organisation_id, *values)


class _Down:
    """A sort value in descending order."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: _Down) -> bool:
        return bool(other.value < self.value)

    def __gt__(self, other: _Down) -> bool:
        return bool(other.value > self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Down) and bool(other.value == self.value)

    __hash__ = None  # type: ignore[assignment]  # only ever compared


def _rank(keys: tuple[SortKey, ...], record: Record) -> tuple[Any, ...]:
    values = record.values()
    return _ranked(keys, [values.get(key.field.name) for key in keys], record.id, record.organisation_id)


def _ranked(keys: tuple[SortKey, ...], values: Sequence[Any], record_id: str, organisation_id: str) -> tuple[Any, ...]:
    """A tuple that sorts as the list does: nulls last, then the value, then id and organisation."""
    parts: list[Any] = []
    for key, value in zip(keys, values, strict=True):
        if value is None:
            parts.append((1, 0))
        else:
            ranked = sort_key(key.field, value)
            parts.append((0, _Down(ranked) if key.descending else ranked))
    return (*parts, record_id, organisation_id)
