"""A page of a sorted list as SQL: keyset paging that an index can serve, nulls last in both directions.

The list has two stretches: records with a value for the first sort key, in its order, then those without. Each stretch
is one query, so that `first_key <= ?` bounds the index walk; an OR over both would make SQLite read everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adapters.stores.cursors import Position, Question
from adapters.stores.sqlite.columns import column_names, encode, quoted
from adapters.stores.sqlite.conditions import Sql, joined


@dataclass(frozen=True, slots=True)
class Stretch:
    """A condition beside the predicate, and the order: by some columns, then by id and organisation."""

    condition: Sql
    order_by: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    descending: bool

    @property
    def order(self) -> str:
        return f"{self.name} {'DESC' if self.descending else 'ASC'} NULLS LAST"


def stretches(question: Question, position: Position | None) -> Iterator[Stretch]:
    """The queries whose results, one after the other, are the list after the position."""
    columns = [_Column(quoted(name), key.descending) for key in question.keys for name in column_names(key.field)]
    values = _position_values(question, position)
    if not columns:
        yield _stretch(_after_record(position) if position else ("1", []), [])
        return
    first, rest = columns[0], columns[1:]
    at_nulls = position is not None and values[0] is None
    if not at_nulls:
        bound = _bounded(columns, values, position) if position else ("1", [])
        yield _stretch(joined("AND", [(f"{first.name} IS NOT NULL", []), bound]), columns)
    # Columns of one money field are null together, so in the second stretch they order nothing.
    width = len(column_names(question.keys[0].field))
    after = _after(columns[width:], values[width:], position) if position and at_nulls else ("1", [])
    yield _stretch(joined("AND", [(f"{first.name} IS NULL", []), after]), rest[width - 1 :])


def _position_values(question: Question, position: Position | None) -> list[Any]:
    values: list[Any] = []
    for key, value in zip(question.keys, position.values if position else (), strict=False):
        values.extend(encode(key.field, value) if value is not None else [None] * len(column_names(key.field)))
    return values


def _stretch(condition: Sql, columns: list[_Column]) -> Stretch:
    order_by = ", ".join([*(column.order for column in columns), '"id"', '"organisation_id"'])
    return Stretch(condition, order_by, tuple(column.name for column in columns))


def _bounded(columns: list[_Column], values: list[Any], position: Position) -> Sql:
    first = columns[0]
    sign = "<" if first.descending else ">"
    beyond = joined(
        "OR",
        [
            (f"{first.name} {sign} ?", [values[0]]),
            joined("AND", [(f"{first.name} = ?", [values[0]]), _after(columns[1:], values[1:], position)]),
        ],
    )
    return joined("AND", [(f"{first.name} {sign}= ?", [values[0]]), beyond])


def _after(columns: list[_Column], values: list[Any], position: Position) -> Sql:
    if not columns:
        return _after_record(position)
    first, value = columns[0], values[0]
    rest = _after(columns[1:], values[1:], position)
    if value is None:
        return joined("AND", [(f"{first.name} IS NULL", []), rest])
    sign = "<" if first.descending else ">"
    return joined(
        "OR",
        [
            (f"{first.name} {sign} ?", [value]),
            (f"{first.name} IS NULL", []),
            joined("AND", [(f"{first.name} = ?", [value]), rest]),
        ],
    )


def _after_record(position: Position) -> Sql:
    """By id, then organisation; the first comparison is what an index can use."""
    return (
        '("id" >= ? AND ("id" > ? OR "organisation_id" > ?))',
        [position.record_id, position.record_id, position.organisation_id],
    )
