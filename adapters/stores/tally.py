"""Which fields can be tallied: those with few values that have one form in every database."""

from __future__ import annotations

from engine.problems import InvalidError, Problem
from engine.records import FieldKind, RecordField, RecordType

_TALLIED = frozenset({FieldKind.TEXT, FieldKind.INTEGER, FieldKind.BOOLEAN})


def tallied_field(known: RecordType, name: str) -> RecordField:
    """The field to tally by. Raises `InvalidError` (`list.invalid`) unless it is a text, number or truth value."""
    field = known.field(name)
    if field is None or field.kind not in _TALLIED:
        raise InvalidError(Problem("list.invalid", f"`{known.name}` cannot be tallied by `{name}`"))
    return field
