"""How a record type becomes a table: its columns, and records to rows and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from adapters.stores.values import (
    decimal_from_text,
    decimal_to_text,
    document_from_text,
    document_to_text,
    instant_from_text,
    instant_to_text,
    texts_from_text,
    texts_to_text,
)
from engine.records import FieldKind, Money, Record, RecordField, RecordType, record_type

_WHOLE = frozenset({FieldKind.INTEGER, FieldKind.BOOLEAN})


def quoted(name: str) -> str:
    """An SQL identifier. Only names of our own record types and fields come here."""
    assert name.replace("_", "").isalnum(), name
    return f'"{name}"'


def column_names(field: RecordField) -> tuple[str, ...]:
    """A field's columns: one, or currency and minor units for money."""
    if field.kind is FieldKind.MONEY:
        return (f"{field.name}_currency", f"{field.name}_minor")
    return (field.name,)


def column_type(field: RecordField, column: str) -> str:
    """TEXT or INTEGER."""
    whole = field.kind in _WHOLE or (field.kind is FieldKind.MONEY and column.endswith("_minor"))
    return "INTEGER" if whole else "TEXT"


def encode(field: RecordField, value: Any) -> tuple[Any, ...]:
    """The values of the field's columns, for a value of the field's kind."""
    if field.kind is FieldKind.MONEY:
        return (value.currency, value.minor)
    writer = _ENCODERS.get(field.kind)
    return (value if writer is None else writer(value),)


_ENCODERS: dict[FieldKind, Callable[[Any], Any]] = {
    FieldKind.DECIMAL: decimal_to_text,
    FieldKind.BOOLEAN: int,
    FieldKind.DATE: date.isoformat,
    FieldKind.INSTANT: instant_to_text,
    FieldKind.TEXTS: texts_to_text,
    FieldKind.DOCUMENT: document_to_text,
}

_DECODERS: dict[FieldKind, Callable[[Any], Any]] = {
    FieldKind.DECIMAL: decimal_from_text,
    FieldKind.BOOLEAN: bool,
    FieldKind.DATE: date.fromisoformat,
    FieldKind.INSTANT: instant_from_text,
    FieldKind.TEXTS: texts_from_text,
    FieldKind.DOCUMENT: document_from_text,
}


@dataclass(frozen=True, slots=True)
class TableShape:
    """A record type's table: columns in order (`id`, `organisation_id`, `revision`, then fields) and row conversion.

    `name` is the quoted table name, `select` the columns for a SELECT, `insert` and `update` the whole statements.
    """

    type: RecordType
    name: str
    columns: tuple[str, ...]
    select: str
    insert: str
    update: str
    writers: tuple[tuple[str, bool, Callable[[Any], Any] | None], ...]
    """Field name, whether it is money, and what makes the column's value; None for values that stay as they are."""
    readers: tuple[tuple[str, int, Callable[[Any], Any] | None], ...]
    """Field name, position of its (first) column, and what makes the value of it; None for money."""

    def row(self, record: Record, texts: Mapping[str, str] | None = None) -> tuple[Any, ...]:
        """The values of all columns; absent fields are null. `texts` are those of documents that are made already."""
        values: list[Any] = [record.id, record.organisation_id, record.revision]
        fields, made = record.fields, texts or {}
        for name, money, writer in self.writers:
            value = fields.get(name)
            if money:
                values.extend((None, None) if value is None else (value.currency, value.minor))
            elif value is None or writer is None:
                values.append(value)
            else:
                values.append(made[name] if name in made else writer(value))
        return tuple(values)

    def record(self, row: tuple[Any, ...]) -> Record:
        """The record of a row selected with `select`."""
        fields: dict[str, Any] = {}
        for name, position, reader in self.readers:
            value = row[position]
            if value is not None:
                fields[name] = Money.of_minor(row[position + 1], value) if reader is None else reader(value)
        return Record(self.type.name, row[0], row[1], fields, row[2])


def _same(value: Any) -> Any:
    return value


@cache
def shape_of(type_name: str) -> TableShape:
    """The shape of a record type's table. Raises `LookupError` for a type that there is not."""
    known = record_type(type_name)
    columns = ["id", "organisation_id", "revision"]
    readers: list[tuple[str, int, Callable[[Any], Any] | None]] = []
    for field in known.fields:
        reader = None if field.kind is FieldKind.MONEY else _DECODERS.get(field.kind, _same)
        readers.append((field.name, len(columns), reader))
        columns.extend(column_names(field))
    table, select = quoted(known.name), ", ".join(map(quoted, columns))
    sets = ", ".join(f"{quoted(column)} = ?" for column in columns[2:])
    seen = '"organisation_id" = ? AND "id" = ? AND "revision" = ?'
    return TableShape(
        type=known,
        name=table,
        columns=tuple(columns),
        select=select,
        insert=f"INSERT INTO {table} ({select}) VALUES ({', '.join('?' * len(columns))})",  # noqa: S608  # names are ours, values are bound
        update=f"UPDATE {table} SET {sets} WHERE {seen}",  # noqa: S608  # the same
        writers=tuple((f.name, f.kind is FieldKind.MONEY, _ENCODERS.get(f.kind)) for f in known.fields),
        readers=tuple(readers),
    )
