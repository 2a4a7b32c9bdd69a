"""The database's tables, made from `RECORD_TYPES`, and how an older database becomes a present one.

`PRAGMA user_version` numbers the *format*: how values are written and which tables stand beside the records'. A newer
one is refused. Within a format, record types and fields are only ever added; each opening adds the tables, columns and
indexes that are missing, when the fingerprint of the wanted ones has changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from hashlib import sha256

from adapters.stores.sqlite.columns import column_names, column_type, quoted
from engine.problems import Problem, UnavailableError
from engine.records import RECORD_TYPES, FieldKind, RecordType

FORMAT = 1

_FORMAT_1 = (
    "CREATE TABLE store_facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    "CREATE TABLE audit_head (organisation_id TEXT PRIMARY KEY, last_sequence INTEGER NOT NULL) STRICT",
    """CREATE TABLE outbox (
        id TEXT PRIMARY KEY,
        organisation_id TEXT NOT NULL,
        topic TEXT NOT NULL,
        payload TEXT NOT NULL,
        created_at TEXT NOT NULL,
        delivered INTEGER NOT NULL DEFAULT 0 CHECK (delivered IN (0, 1))
    ) STRICT""",
    "CREATE INDEX outbox_pending ON outbox (created_at, id) WHERE delivered = 0",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FORMAT_1,)
"""The statements that lead from format n to n + 1, at position n."""

AUDIT_GUARD = """CREATE TRIGGER audit_entry_in_order BEFORE INSERT ON audit_entry
    WHEN NEW.sequence IS NOT (
        SELECT coalesce(max(sequence), 0) + 1 FROM audit_entry WHERE organisation_id = NEW.organisation_id
    )
    BEGIN SELECT RAISE(ABORT, 'audit entries are appended in order, one after the other'); END"""
"""A back-dated or skipping entry is refused by the database itself."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the database to the present format and shape, in one transaction.

    Raises `UnavailableError` (`store.newer_schema`) for a database that a newer version wrote.
    """
    fingerprint = _fingerprint()
    if _format(connection) == FORMAT and _known_fingerprint(connection) == fingerprint:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have migrated while this one waited for the lock.
        for statements in MIGRATIONS[_format(connection) :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        if _known_fingerprint(connection) != fingerprint:
            for known in RECORD_TYPES:
                _bring_up(connection, known)
            connection.execute("INSERT OR REPLACE INTO store_facts VALUES ('record_types', ?)", (fingerprint,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _format(connection: sqlite3.Connection) -> int:
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if found > FORMAT:
        message = f"the database has format {found}, written by a newer version; this one knows up to {FORMAT}"
        raise UnavailableError(Problem("store.newer_schema", message, help="install the newer version again"))
    return found


def _known_fingerprint(connection: sqlite3.Connection) -> str:
    row = connection.execute("SELECT value FROM store_facts WHERE name = 'record_types'").fetchone()
    return row[0] if row else ""


def _fingerprint() -> str:
    statements = [statement for known in RECORD_TYPES for statement in (*_tables(known), *_others(known))]
    return sha256("\n".join(statements).encode()).hexdigest()


def _bring_up(connection: sqlite3.Connection, known: RecordType) -> None:
    """Create what is missing for one record type."""
    present = {row[1] for row in connection.execute(f"PRAGMA table_info({quoted(known.name)})")}
    if not present:
        for statement in _tables(known):
            connection.execute(statement)
    for field in known.fields:
        for column in column_names(field):
            if present and column not in present:
                kind = column_type(field, column)
                connection.execute(f"ALTER TABLE {quoted(known.name)} ADD COLUMN {quoted(column)} {kind}")
    made = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type IN ('index', 'trigger')")}
    for statement in _others(known):
        name = statement.split(" ON ")[0].split(" BEFORE ")[0].split()[-1].strip('"')
        if name not in made:
            connection.execute(statement)


def _tables(known: RecordType) -> Iterator[str]:
    columns = [
        '"id" TEXT NOT NULL',
        '"organisation_id" TEXT NOT NULL',
        '"revision" INTEGER NOT NULL CHECK ("revision" > 0)',
    ]
    for field in known.fields:
        for column in column_names(field):
            check = f" CHECK ({quoted(column)} IN (0, 1))" if field.kind is FieldKind.BOOLEAN else ""
            columns.append(f"{quoted(column)} {column_type(field, column)}{check}")
    columns.append('PRIMARY KEY ("organisation_id", "id")')
    yield f"CREATE TABLE {quoted(known.name)} ({', '.join(columns)}) STRICT"


def _others(known: RecordType) -> Iterator[str]:
    """Indexes and triggers."""
    table = quoted(known.name)
    yield f'CREATE INDEX "{known.name}_by_id" ON {table} ("id", "organisation_id")'
    for names in known.indexes:
        yield f'CREATE INDEX "{known.name}_by_{"_and_".join(names)}" ON {table} ({_columns(known, names)}, "id")'
    for names in known.unique:
        title = f"{known.name}_one_per_{'_and_'.join(names)}"
        yield f'CREATE UNIQUE INDEX "{title}" ON {table} ({_columns(known, names)})'
    if known.append_only:
        for event in ("UPDATE", "DELETE"):
            yield (
                f'CREATE TRIGGER "{known.name}_no_{event.lower()}" BEFORE {event} ON {table} '
                f"BEGIN SELECT RAISE(ABORT, '{known.name} is append-only'); END"
            )
    if known.name == "audit_entry":
        yield AUDIT_GUARD


def _columns(known: RecordType, names: tuple[str, ...]) -> str:
    columns = ["organisation_id"]
    for name in names:
        field = known.field(name)
        assert field is not None, f"{known.name} has an index over an unknown field {name}"
        columns.extend(column_names(field))
    return ", ".join(map(quoted, columns))
