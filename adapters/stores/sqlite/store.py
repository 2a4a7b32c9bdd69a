"""The embedded store: one SQLite file, any number of threads and processes, one writer at a time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import get_ident
from typing import Any

from adapters.stores.audit import AUDIT_ENTRY, Head, Notary, edge_damaged
from adapters.stores.cursors import Question
from adapters.stores.refusals import (
    exists,
    message_exists,
    not_found,
    refuse_audit_insert,
    refuse_if_append_only,
    stale,
)
from adapters.stores.sqlite.columns import TableShape, quoted, shape_of
from adapters.stores.sqlite.conditions import Sql, joined, where
from adapters.stores.sqlite.connections import Connections
from adapters.stores.sqlite.holders import (
    FEW_STEPS,
    STEPS,
    Held,
    by_holder,
    count_by_holder,
    is_kept_by_holder,
    page_by_holder,
    rows_within_steps,
    tally_by_holder,
)
from adapters.stores.sqlite.paging import stretches
from adapters.stores.tally import tallied_field
from adapters.stores.typed import resolve
from adapters.stores.values import checked, instant_from_text, instant_to_text, is_text
from engine.ports import AuditDraft, LogHead, Message, Page, Sort
from engine.predicate import Predicate, Scalar
from engine.records import FieldKind, Record, record_type

_KEPT = 1_000
"""How many translated predicates are kept; those asked with longest ago go first."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A predicate about one record type as SQL; `held` is the same by holder, if it can be."""

    condition: Sql
    held: tuple[Held, ...]


def _translated(type_name: str, predicate: Predicate) -> _Asked:
    condition = resolve(predicate, record_type(type_name))
    return _Asked(where(condition), by_holder(condition))


class _Translator:
    """Translates predicates and keeps what it made: translating takes as long as reading several records does."""

    def __init__(self) -> None:
        self._kept = lru_cache(maxsize=_KEPT)(_translated)

    def __call__(self, type_name: str, predicate: Predicate) -> _Asked:
        try:
            return self._kept(type_name, predicate)
        except TypeError:  # a value without a hash, which no field holds: a list, a signalling NaN
            return _translated(type_name, predicate)


class _Reader:
    """Reading through a connection that the subclass lends."""

    _notary: Notary
    _asked: _Translator

    def _snapshot(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection on which everything read is of one moment."""
        raise NotImplementedError

    def _statement(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection for one statement, which is of one moment by itself; its rows are all fetched in the block."""
        return self._snapshot()

    def get(self, record_type: str, record_id: str, predicate: Predicate) -> Record:
        """See `engine.ports.Reader.get`."""
        shape = _shape(record_type)
        if not is_text(record_id):
            raise not_found(record_type, record_id)
        found = _selected(
            shape, joined("AND", [('"id" = ?', [record_id]), self._asked(record_type, predicate).condition]), "LIMIT 1"
        )
        with self._statement() as connection:
            row = connection.execute(*found).fetchone()
            if row is not None:
                return self._records(connection, shape, [row])[0]
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
        shape = _shape(record_type)
        question = Question.of(shape.type, predicate, sort, limit)
        position = question.position(cursor) if cursor is not None else None
        asked = self._asked(record_type, predicate)
        held = asked.held if is_kept_by_holder(question) else ()
        records: list[Record] = []
        parts = tuple(stretches(question, position))
        with self._snapshot() if len(parts) > 1 else self._statement() as connection:
            for stretch in parts:
                wanted = limit + 1 - len(records)
                ending = f"ORDER BY {stretch.order_by} LIMIT {wanted}"
                found = _selected(shape, joined("AND", [asked.condition, stretch.condition]), ending)
                rows = rows_within_steps(connection, found, STEPS) if held else connection.execute(*found).fetchall()
                if rows is None:
                    found = page_by_holder(shape, question, stretch, held, wanted)
                    rows = connection.execute(*found).fetchall()
                records.extend(self._records(connection, shape, rows))
                if len(records) > limit:
                    break
        shown = tuple(records[:limit])
        return Page(shown, question.cursor_after(shown[-1]) if len(records) > limit else None)

    def scan(self, record_type: str, predicate: Predicate, *, after_id: str = "", batch: int = 500) -> Iterator[Record]:
        """See `engine.ports.Reader.scan`."""
        shape = _shape(record_type)
        condition = self._asked(record_type, predicate).condition
        after: Sql = ('"id" > ?', [after_id])
        ending = f'ORDER BY "id", "organisation_id" LIMIT {int(batch)}'
        while True:
            with self._statement() as connection:
                rows = connection.execute(*_selected(shape, joined("AND", [condition, after]), ending)).fetchall()
                records = self._records(connection, shape, rows)
            yield from records
            if len(rows) < batch:
                return
            last_id, last_organisation = rows[-1][:2]
            after = ('"id" >= ? AND ("id" > ? OR "organisation_id" > ?)', [last_id, last_id, last_organisation])

    def count(self, record_type: str, predicate: Predicate) -> int:
        """See `engine.ports.Reader.count`."""
        shape = _shape(record_type)
        asked = self._asked(record_type, predicate)
        text, values = asked.condition
        every: Sql = (f"SELECT count(*) FROM {shape.name} WHERE {text}", values)  # noqa: S608  # names are ours, values are bound
        few = count_by_holder(shape, asked.held) if asked.held else None
        ((number,),) = self._counted(every, few)
        return int(number)

    def tally(self, record_type: str, field: str, predicate: Predicate) -> dict[Scalar | None, int]:
        """See `engine.ports.Reader.tally`."""
        shape = _shape(record_type)
        tallied = tallied_field(shape.type, field)
        asked = self._asked(record_type, predicate)
        text, values = asked.condition
        column = quoted(tallied.name)
        # With the sign no index over the column is walked: it would spare the grouping, and have every row read.
        grouped = f"+{column}" if asked.held else column
        every: Sql = (f"SELECT {column}, count(*) FROM {shape.name} WHERE {text} GROUP BY {grouped}", values)  # noqa: S608  # names are ours, values are bound
        few = tally_by_holder(shape, asked.held, column) if asked.held else None
        rows = self._counted(every, few)
        truth = tallied.kind is FieldKind.BOOLEAN
        return {bool(value) if truth and value is not None else value: number for value, number in rows}

    def _counted(self, every: Sql, few: Sql | None) -> list[tuple[Any, ...]]:
        """What `every` says, or `few` if it says the same and is quick where the other is not."""
        with self._statement() as connection:
            for asked, steps in ((every, FEW_STEPS), (few, STEPS)) if few is not None else ():
                rows = rows_within_steps(connection, asked, steps)
                if rows is not None:
                    return rows
            return connection.execute(*every).fetchall()

    def log_head(self, organisation_id: str) -> LogHead:
        """See `engine.ports.Reader.log_head`."""
        with self._statement() as connection:
            frontier = _head(connection, organisation_id).frontier
        return LogHead(frontier.size, frontier.root())

    def log_leaves(self, organisation_id: str, first: int, last: int) -> tuple[str, ...]:
        """See `engine.ports.Reader.log_leaves`."""
        query = (
            "SELECT leaf_hash FROM audit_entry WHERE organisation_id = ? AND sequence BETWEEN ? AND ? ORDER BY sequence"
        )
        with self._statement() as connection:
            return tuple(str(leaf) for (leaf,) in connection.execute(query, [organisation_id, first, last]))

    def _records(
        self, connection: sqlite3.Connection, shape: TableShape, rows: Sequence[tuple[Any, ...]]
    ) -> list[Record]:
        """The rows' records; audit entries with their personal values in them."""
        records = [shape.record(row) for row in rows]
        if shape.type.name != AUDIT_ENTRY:
            return records

        def keys_of(organisation_id: str, subjects: list[str]) -> dict[str, bytes]:
            query = (
                "SELECT subject, wrapped FROM audit_key WHERE organisation_id = ? AND wrapped IS NOT NULL "
                "AND subject IN (SELECT value FROM json_each(?))"
            )
            return dict(connection.execute(query, [organisation_id, json.dumps(subjects)]).fetchall())

        return self._notary.opened(records, keys_of)


class SQLiteTransaction(_Reader):
    """A transaction on one connection that holds the write lock."""

    def __init__(self, connection: sqlite3.Connection, notary: Notary, asked: _Translator) -> None:
        """On a connection after BEGIN IMMEDIATE."""
        self._lent = connection
        self._notary = notary
        self._asked = asked
        self.ended = False
        self.erased = False

    @property
    def _connection(self) -> sqlite3.Connection:
        if self.ended:
            raise RuntimeError("the transaction has ended")
        return self._lent

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        yield self._connection

    def insert(self, record: Record) -> Record:
        """See `engine.ports.Transaction.insert`."""
        refuse_audit_insert(record)
        texts: dict[str, str] = {}
        return self._insert(replace(checked(record, texts), revision=1), texts)

    def update(self, record: Record) -> Record:
        """See `engine.ports.Transaction.update`."""
        refuse_if_append_only(record)
        texts: dict[str, str] = {}
        after = replace(checked(record, texts), revision=record.revision + 1)
        shape = _shape(record.type)
        row = shape.row(after, texts)
        seen = (record.organisation_id, record.id, record.revision)
        try:
            done = self._connection.execute(shape.update, (*row[2:], *seen))
        except sqlite3.IntegrityError as error:
            raise _taken(after, error) from error
        if done.rowcount == 0:
            raise self._missed(record)
        return after

    def delete(self, record: Record) -> None:
        """See `engine.ports.Transaction.delete`."""
        refuse_if_append_only(record)
        shape = _shape(record.type)
        query = f'DELETE FROM {shape.name} WHERE "organisation_id" = ? AND "id" = ? AND "revision" = ?'  # noqa: S608  # names are ours, values are bound
        if self._connection.execute(query, [record.organisation_id, record.id, record.revision]).rowcount == 0:
            raise self._missed(record)

    def append_audit(self, draft: AuditDraft) -> int:
        """See `engine.ports.Transaction.append_audit`."""
        connection, organisation = self._connection, draft.organisation_id
        head = _head(connection, organisation)
        entry = self._notary.entry(draft, head, lambda subject: self._key(organisation, subject))
        try:
            self._insert(entry)
            _keep_head(connection, organisation, head.after(entry))
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorname != "SQLITE_CONSTRAINT_TRIGGER":
                raise
            raise edge_damaged(organisation) from None  # a guard has found that the head is not where the entries end
        return head.frontier.size + 1

    def erase_subject(self, organisation_id: str, subject: str) -> bool:
        """See `engine.ports.Transaction.erase_subject`."""
        done = self._connection.execute(
            "INSERT INTO audit_key VALUES (?, ?, NULL) ON CONFLICT DO UPDATE SET wrapped = NULL "
            "WHERE wrapped IS NOT NULL",
            [organisation_id, subject],
        )
        self.erased = self.erased or done.rowcount > 0
        return done.rowcount > 0

    def _key(self, organisation_id: str, subject: str) -> bytes | None:
        which = [organisation_id, subject]
        query = "SELECT wrapped FROM audit_key WHERE organisation_id = ? AND subject = ?"
        row = self._connection.execute(query, which).fetchone()
        if row is not None:
            return None if row[0] is None else bytes(row[0])
        made = self._notary.new_key(organisation_id, subject)
        self._connection.execute("INSERT INTO audit_key VALUES (?, ?, ?)", [*which, made])
        return made

    def enqueue(self, message: Message) -> None:
        """See `engine.ports.Transaction.enqueue`."""
        payload = json.dumps(dict(message.payload), sort_keys=True)
        row = [message.id, message.organisation_id, message.topic, payload, instant_to_text(message.created_at)]
        try:
            self._connection.execute("INSERT INTO outbox VALUES (?, ?, ?, ?, ?, 0)", row)
        except sqlite3.IntegrityError:
            raise message_exists(message) from None

    def _insert(self, record: Record, texts: dict[str, str] | None = None) -> Record:
        shape = _shape(record.type)
        try:
            self._connection.execute(shape.insert, shape.row(record, texts))
        except sqlite3.IntegrityError as error:
            raise _taken(record, error) from error
        return record

    def _missed(self, record: Record) -> Exception:
        """Why no row had the id and the revision that the writer saw."""
        query = f'SELECT "revision" FROM {_shape(record.type).name} WHERE "organisation_id" = ? AND "id" = ?'  # noqa: S608  # names are ours, values are bound
        row = self._connection.execute(query, [record.organisation_id, record.id]).fetchone()
        return not_found(record.type, record.id) if row is None else stale(record, row[0])


class SQLiteStore(_Reader):
    """The store; see the module."""

    def __init__(self, path: str, notary: Notary) -> None:
        """Open or create the file. Raises `UnavailableError`."""
        self._notary = notary
        self._asked = _Translator()
        self._connections = Connections(path, notary)
        self._writer: int | None = None

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        with self._connections.lent() as connection:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")

    def _statement(self) -> AbstractContextManager[sqlite3.Connection]:
        return self._connections.lent()

    @contextmanager
    def transaction(self) -> Iterator[SQLiteTransaction]:
        """See `engine.ports.Store.transaction`."""
        if self._writer == get_ident():
            raise RuntimeError("a transaction is already open in this thread")
        with self._connections.lent_to_writer() as connection:
            self._writer = get_ident()
            open_transaction = SQLiteTransaction(connection, self._notary, self._asked)
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield open_transaction
                connection.execute("COMMIT")
            finally:  # what was not committed is rolled back when the connection is taken back
                self._writer = None
                open_transaction.ended = True
        if open_transaction.erased:
            self._connections.empty_log()

    def pending_messages(self, limit: int = 100) -> tuple[Message, ...]:
        """See `engine.ports.Store.pending_messages`."""
        query = (
            "SELECT id, organisation_id, topic, payload, created_at FROM outbox WHERE delivered = 0 "
            "ORDER BY created_at, id LIMIT ?"
        )
        with self._snapshot() as connection:
            rows = connection.execute(query, [limit]).fetchall()
        return tuple(
            Message(known, organisation, topic, json.loads(payload), instant_from_text(created))
            for known, organisation, topic, payload, created in rows
        )

    def mark_delivered(self, message_id: str) -> None:
        """See `engine.ports.Store.mark_delivered`."""
        with self._connections.lent_to_writer() as connection:
            connection.execute("UPDATE outbox SET delivered = 1 WHERE id = ? AND delivered = 0", [message_id])

    def ping(self) -> None:
        """See `engine.ports.Store.ping`."""
        with self._snapshot() as connection:
            connection.execute("SELECT value FROM store_facts LIMIT 1").fetchone()

    def close(self) -> None:
        """See `engine.ports.Store.close`."""
        self._connections.close()


_known = record_type
"""`record_type` is also what the port calls an argument."""

_shape = shape_of


def _head(connection: sqlite3.Connection, organisation_id: str) -> Head:
    query = "SELECT last_sequence, frontier, last_leaf FROM audit_head WHERE organisation_id = ?"
    row = connection.execute(query, [organisation_id]).fetchone()
    return Head() if row is None else Head.read(organisation_id, *row)


def _keep_head(connection: sqlite3.Connection, organisation_id: str, head: Head) -> None:
    """Update, or insert for the first entry: an upsert would run the trigger that guards inserts first."""
    values = [head.frontier.size, head.frontier.to_text(), head.last_leaf, organisation_id]
    query = "UPDATE audit_head SET last_sequence = ?, frontier = ?, last_leaf = ? WHERE organisation_id = ?"
    if connection.execute(query, values).rowcount == 0:
        connection.execute(
            "INSERT INTO audit_head (last_sequence, frontier, last_leaf, organisation_id) VALUES (?, ?, ?, ?)", values
        )


def _selected(shape: TableShape, condition: Sql, ending: str) -> Sql:
    text, values = condition
    return f"SELECT {shape.select} FROM {shape.name} WHERE {text} {ending}", values  # noqa: S608  # names are ours, values are bound


def _taken(record: Record, error: sqlite3.IntegrityError) -> Exception:
    """Which key an insert or update ran into; anything else is an error of ours and stays as it is."""
    if error.sqlite_errorname == "SQLITE_CONSTRAINT_PRIMARYKEY":
        return exists(record)
    if error.sqlite_errorname == "SQLITE_CONSTRAINT_UNIQUE":
        columns = {part.rsplit(".", 1)[-1] for part in str(error).split(": ", 1)[-1].split(", ")}
        for names in _known(record.type).unique:
            if columns == {"organisation_id", *names}:
                return exists(record, names)
    return error
