"""A condition as an SQL expression with its parameters.

Null makes a comparison null, which WHERE treats as false, and nothing is ever negated: the predicate's own meaning.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, assert_never

from adapters.stores.sqlite.columns import column_names, encode, quoted
from adapters.stores.typed import Begins, Condition, Constant, Contains, Every, OneOf, Present, Some, Test
from engine.records import FieldKind, RecordField

BEGINS = "bylaw_begins"
"""Our own SQL function: SQLite folds the letter case of ASCII only."""

_MANY = 100
"""Above this, a list of values travels as one JSON parameter: SQLite limits how many parameters there are."""

Sql = tuple[str, Sequence[Any]]


def where(condition: Condition) -> Sql:
    """The expression and its parameters."""
    match condition:
        case Constant(value):
            return ("1" if value else "0"), []
        case Present(field, currency):
            first = _column(field)
            return (f"{first} = ?", [currency]) if currency else (f"{first} IS NOT NULL", [])
        case Test(field, operator, value):
            return _test(field, operator, value)
        case OneOf(field, values):
            return _one_of(field, values)
        case Contains(field, text):
            return f"EXISTS (SELECT 1 FROM json_each({_column(field)}) WHERE value = ?)", [text]  # noqa: S608  # names are ours, values are bound
        case Begins(field, folded):
            return f"{BEGINS}({_column(field)}, ?)", [folded]
        case Every(parts):
            return joined("AND", [where(part) for part in parts])
        case Some(parts):
            return joined("OR", [where(part) for part in parts])
        case _:
            assert_never(condition)


def joined(word: str, parts: Sequence[Sql]) -> Sql:
    """`(a AND b AND ...)`, nested in halves: SQLite limits an expression's depth, and a chain is as deep as long."""
    if len(parts) == 1:
        return parts[0]
    if len(parts) > 8:
        middle = len(parts) // 2
        parts = [joined(word, parts[:middle]), joined(word, parts[middle:])]
    text = f" {word} ".join(part for part, _ in parts)
    return f"({text})", [value for _, values in parts for value in values]


def _test(field: RecordField, operator: str, value: Any) -> Sql:
    sign = "<>" if operator == "!=" else operator
    if field.kind is FieldKind.MONEY:
        currency, minor = column_names(field)
        return f"({quoted(currency)} = ? AND {quoted(minor)} {sign} ?)", [*encode(field, value)]
    return f"{_column(field)} {sign} ?", [*encode(field, value)]


def _one_of(field: RecordField, values: tuple[Any, ...]) -> Sql:
    encoded = [encode(field, value)[0] for value in values]
    if len(encoded) > _MANY:
        return f"{_column(field)} IN (SELECT value FROM json_each(?))", [json.dumps(encoded)]  # noqa: S608  # the same
    return f"{_column(field)} IN ({', '.join('?' * len(encoded))})", encoded


def _column(field: RecordField) -> str:
    return quoted(column_names(field)[0])
