"""The database's tables, made from `RECORD_TYPES`, and how an older database becomes a present one.

`PRAGMA user_version` numbers the *format*: how values are written and which tables stand beside the records'. A newer
one is refused. Within a format, record types and fields are only ever added; each opening adds the tables and columns
that are missing and makes the indexes what they should be, when the fingerprint of the wanted ones has changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256

from adapters.stores.sqlite.columns import column_names, column_type, quoted
from engine.problems import Problem, UnavailableError
from engine.records import PLACE, RECORD_TYPES, FieldKind, RecordType, signed

FORMAT = 2

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

_FORMAT_2 = (
    # The guards stand aside while the entries of format 1 get their leaves, and come back before the transaction ends.
    "DROP TRIGGER IF EXISTS audit_entry_in_order",
    "DROP TRIGGER IF EXISTS audit_entry_no_update",
    "DROP TRIGGER IF EXISTS audit_entry_no_delete",
    "ALTER TABLE audit_head ADD COLUMN frontier TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE audit_head ADD COLUMN last_leaf TEXT",
    """CREATE TABLE audit_key (
        organisation_id TEXT NOT NULL,
        subject TEXT NOT NULL,
        wrapped BLOB,
        PRIMARY KEY (organisation_id, subject)
    ) STRICT, WITHOUT ROWID""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FORMAT_1, _FORMAT_2)
"""The statements that lead from format n to n + 1, at position n."""

ENTRY_GUARD = """CREATE TRIGGER audit_entry_in_order BEFORE INSERT ON audit_entry
    WHEN NEW.leaf_hash IS NULL OR NEW.sequence IS NOT (
        SELECT coalesce(max(sequence), 0) + 1 FROM audit_entry WHERE organisation_id = NEW.organisation_id
    ) OR NEW.previous_hash IS NOT (
        SELECT leaf_hash FROM audit_entry
        WHERE organisation_id = NEW.organisation_id AND sequence = NEW.sequence - 1
    )
    BEGIN SELECT RAISE(ABORT, 'audit entries are appended in order, one after the other'); END"""
"""A back-dated or skipping entry, or one that does not follow on the last, is refused by the database itself."""

_LAST_LEAF = "SELECT leaf_hash FROM audit_entry WHERE organisation_id = NEW.organisation_id AND sequence = {sequence}"
LOG_GUARDS = (
    f"""CREATE TRIGGER audit_head_begins BEFORE INSERT ON audit_head
    WHEN NEW.last_sequence IS NOT 1 OR NEW.last_leaf IS NOT ({_LAST_LEAF.format(sequence=1)})
    BEGIN SELECT RAISE(ABORT, 'the head of an audit log begins with its first entry'); END""",
    f"""CREATE TRIGGER audit_head_forward BEFORE UPDATE ON audit_head
    WHEN NEW.organisation_id IS NOT OLD.organisation_id OR NEW.last_sequence IS NOT OLD.last_sequence + 1
        OR NEW.last_leaf IS NOT ({_LAST_LEAF.format(sequence="NEW.last_sequence")})
    BEGIN SELECT RAISE(ABORT, 'the head of an audit log goes forward by one entry'); END""",
    """CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head
    BEGIN SELECT RAISE(ABORT, 'the head of an audit log is never removed'); END""",
    """CREATE TRIGGER audit_key_destroyed_only BEFORE UPDATE ON audit_key
    WHEN NEW.wrapped IS NOT NULL OR NEW.organisation_id IS NOT OLD.organisation_id OR NEW.subject IS NOT OLD.subject
    BEGIN SELECT RAISE(ABORT, 'a key of the audit log is destroyed and never changed'); END""",
    """CREATE TRIGGER audit_key_no_delete BEFORE DELETE ON audit_key
    BEGIN SELECT RAISE(ABORT, 'a key of the audit log is destroyed and never forgotten'); END""",
)
"""The log's head goes forward only, and whoever was erased stays so."""


def migrate(connection: sqlite3.Connection, seal_entries: Callable[[sqlite3.Connection], None]) -> None:
    """Bring the database to the present format and shape, in one transaction.

    `seal_entries` gives the audit entries of format 1 their leaves; it runs once the columns for them are there.

    Raises `UnavailableError` (`store.newer_schema`) for a database that a newer version wrote.
    """
    fingerprint = _fingerprint()
    if _format(connection) == FORMAT and _known_fingerprint(connection) == fingerprint:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have migrated while this one waited for the lock.
        found = _format(connection)
        for statements in MIGRATIONS[found:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        if found < FORMAT or _known_fingerprint(connection) != fingerprint:
            for known in RECORD_TYPES:
                _bring_up(connection, known)
            if found < FORMAT:
                seal_entries(connection)
            _guard(connection)
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
    statements = [
        statement for known in RECORD_TYPES for statement in (*_tables(known), *_indexes(known), *_triggers(known))
    ]
    statements += LOG_GUARDS
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
    _bring_indexes_up(connection, known)


def _bring_indexes_up(connection: sqlite3.Connection, known: RecordType) -> None:
    """Create the indexes that are missing and drop ours that are no longer wanted: each makes every write dearer."""
    query = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
    made = dict(connection.execute(query, (known.name,)))
    wanted = {statement.split('"')[1]: statement for statement in _indexes(known)}
    for name, statement in made.items():
        if name.startswith((f"{known.name}_by_", f"{known.name}_one_per_")) and wanted.get(name) != statement:
            connection.execute(f"DROP INDEX {quoted(name)}")
    for name, statement in wanted.items():
        if made.get(name) != statement:
            connection.execute(statement)


def _guard(connection: sqlite3.Connection) -> None:
    """Create the triggers that are missing."""
    for known in RECORD_TYPES:
        _make_missing(connection, _triggers(known))
    _make_missing(connection, LOG_GUARDS)


def _make_missing(connection: sqlite3.Connection, statements: Iterable[str]) -> None:
    made = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")}
    for statement in statements:
        name = statement.split(" BEFORE ")[0].split()[-1].strip('"')
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


def _indexes(known: RecordType) -> Iterator[str]:
    yield f'CREATE INDEX "{known.name}_by_id" ON {quoted(known.name)} ("id", "organisation_id")'
    for names in known.other_indexes:
        yield _index(known, names)
    place = [field.name for field in PLACE if known.field(field.name)]
    for names in known.usual_indexes:
        # With the place in the index, a list passes over what its reader may not see without reading the row.
        yield _index(known, names, [name for name in place if name not in names])
    for names in known.unique:
        title = f"{known.name}_one_per_{'_and_'.join(names)}"
        yield f'CREATE UNIQUE INDEX "{title}" ON {quoted(known.name)} ({_columns(known, names)})'


def _index(known: RecordType, names: tuple[str, ...], carried: Sequence[str] = ()) -> str:
    columns = ", ".join([_columns(known, names), *map(quoted, ["id", *carried])])
    return f"CREATE INDEX {index_name(known, names)} ON {quoted(known.name)} ({columns})"


def index_name(known: RecordType, names: tuple[str, ...]) -> str:
    """The quoted name of the index over these fields, of which a falling one has a `-` before it."""
    return quoted(f"{known.name}_by_{'_and_'.join(signed(name)[0] for name in names)}")


def _triggers(known: RecordType) -> Iterator[str]:
    table = quoted(known.name)
    if known.append_only:
        for event in ("UPDATE", "DELETE"):
            yield (
                f'CREATE TRIGGER "{known.name}_no_{event.lower()}" BEFORE {event} ON {table} '
                f"BEGIN SELECT RAISE(ABORT, '{known.name} is append-only'); END"
            )
    if known.name == "audit_entry":
        yield ENTRY_GUARD


def _columns(known: RecordType, names: tuple[str, ...]) -> str:
    columns = [quoted("organisation_id")]
    for name, falls in map(signed, names):
        field = known.field(name)
        assert field is not None, f"{known.name} has an index over an unknown field {name}"
        # What is unique has no equals to put in order; and it grows, which fills pages at an index's end only.
        way = " DESC" if falls and (name,) not in known.unique else ""
        columns.extend(f"{quoted(column)}{way}" for column in column_names(field))
    return ", ".join(columns)
