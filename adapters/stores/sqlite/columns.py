"""How a record type becomes a table: its columns, and records to rows and back."""

from __future__ import annotations

from collections.abc import Callable
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
from engine.records import FieldKind, Money, Record, RecordField, RecordType

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
    match field.kind:
        case FieldKind.MONEY:
            return (value.currency, value.minor)
        case FieldKind.DECIMAL:
            return (decimal_to_text(value),)
        case FieldKind.BOOLEAN:
            return (int(value),)
        case FieldKind.DATE:
            return (value.isoformat(),)
        case FieldKind.INSTANT:
            return (instant_to_text(value),)
        case FieldKind.TEXTS:
            return (texts_to_text(value),)
        case FieldKind.DOCUMENT:
            return (document_to_text(value),)
    return (value,)


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
    """A record type's table: columns in order (`id`, `organisation_id`, `revision`, then fields) and row conversion."""

    type: RecordType
    columns: tuple[str, ...]
    readers: tuple[tuple[str, int, Callable[[Any], Any] | None], ...]
    """Field name, position of its (first) column, and what makes the value of it; None for money."""

    @property
    def name(self) -> str:
        """The quoted table name."""
        return quoted(self.type.name)

    @property
    def select(self) -> str:
        """The columns for a SELECT."""
        return ", ".join(map(quoted, self.columns))

    def row(self, record: Record) -> tuple[Any, ...]:
        """The values of all columns; absent fields are null."""
        values: list[Any] = [record.id, record.organisation_id, record.revision]
        for field in self.type.fields:
            value = record.fields.get(field.name)
            values.extend(encode(field, value) if value is not None else (None,) * len(column_names(field)))
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
def shape_of(known: RecordType) -> TableShape:
    """The shape of a record type's table."""
    columns = ["id", "organisation_id", "revision"]
    readers: list[tuple[str, int, Callable[[Any], Any] | None]] = []
    for field in known.fields:
        reader = None if field.kind is FieldKind.MONEY else _DECODERS.get(field.kind, _same)
        readers.append((field.name, len(columns), reader))
        columns.extend(column_names(field))
    return TableShape(known, tuple(columns), tuple(readers))
