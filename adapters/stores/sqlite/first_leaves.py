"""Leaves for the audit entries that a database of format 1 holds: once, while it becomes one of format 2."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime

from adapters.stores.audit import AUDIT_ENTRY, Head, Notary, note_of_sealing, sealed_log
from adapters.stores.sqlite.columns import TableShape, shape_of
from engine.records import Record

BATCH = 500


def seal_entries(connection: sqlite3.Connection, notary: Notary) -> None:
    """Give every entry its leaf and take its personal values out of the clear; one entry of each log says so.

    Runs within the migration's transaction, while the log's guards stand aside. Raises `UnavailableError`
    (`store.damaged`) for a log with a gap.
    """
    shape = shape_of(AUDIT_ENTRY)
    organisations = connection.execute("SELECT organisation_id FROM audit_head ORDER BY organisation_id").fetchall()
    for (organisation,) in organisations:
        keys: dict[str, bytes] = {}

        def key_of(subject: str, organisation: str = organisation, keys: dict[str, bytes] = keys) -> bytes:
            if subject not in keys:
                keys[subject] = notary.new_key(organisation, subject)
                connection.execute("INSERT INTO audit_key VALUES (?, ?, ?)", [organisation, subject, keys[subject]])
            return keys[subject]

        head = Head()
        last: Record | None = None
        for entry, head in sealed_log(notary, _entries(connection, shape, organisation), key_of):  # noqa: B007  # the last one is wanted
            connection.execute(shape.update, (*shape.row(entry)[2:], organisation, entry.id, entry.revision))
            last = entry
        if last is not None:
            note = notary.entry(note_of_sealing(last, datetime.now(UTC)), head, key_of)
            connection.execute(shape.insert, shape.row(note))
            head = head.after(note)
        connection.execute(
            "UPDATE audit_head SET last_sequence = ?, frontier = ?, last_leaf = ? WHERE organisation_id = ?",
            [head.frontier.size, head.frontier.to_text(), head.last_leaf, organisation],
        )


def _entries(connection: sqlite3.Connection, shape: TableShape, organisation: str) -> Iterator[Record]:
    query = (
        f"SELECT {shape.select} FROM {shape.name} WHERE organisation_id = ? AND sequence > ? "  # noqa: S608  # names are ours
        f"ORDER BY sequence LIMIT {BATCH}"
    )
    last = 0
    while rows := connection.execute(query, [organisation, last]).fetchall():
        for row in rows:
            entry = shape.record(row)
            last = entry["sequence"]
            yield entry
