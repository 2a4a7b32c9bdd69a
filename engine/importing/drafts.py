"""The records that a mapping makes of the files' rows, before anybody looks at what is stored. Pure and repeatable.

Ids follow from the organisation and the key, so the same rows always make the same records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any

from engine.importing.cells import Row, Table
from engine.importing.mapping import (
    Constant,
    Facts,
    FromColumn,
    InTurn,
    Listed,
    OwnedBy,
    Part,
    Reference,
    Template,
    Value,
)
from engine.importing.mapping import Mapping as ImportMapping
from engine.records import Money, Record

_PLAIN = re.compile(r"[a-z0-9]{1,80}([ -][a-z0-9]{1,80}){0,7}")
PLACE_OF_PERSON = ("region_id", "branch_id", "team_id", "territory_id")


@dataclass(frozen=True, slots=True)
class Drafted:
    """One record as the source has it, and the row that it comes from. `turn` asks for an owner in turn."""

    part: Part
    record: Record
    row: Row | None
    turn: int | None = None


class Drafter:
    """Makes the records part by part, in the mapping's order, so that what is referred to comes first."""

    def __init__(
        self, mapping: ImportMapping, tables: Mapping[str, Table], organisation_id: str, currency: str
    ) -> None:
        """`tables` are the files read, by id."""
        self._mapping, self._tables = mapping, tables
        self._organisation_id, self._currency = organisation_id, currency
        self._parts = {part.id: part for part in mapping.parts}
        self._made: dict[str, dict[str, Record]] = {}
        self._first: dict[tuple[str, str], dict[Any, Row]] = {}

    def drafts(self, part: Part) -> Iterator[Drafted]:
        """The part's records: one for each distinct key, of the first row that has it."""
        made = self._made.setdefault(part.id, {})
        if not part.file:
            key = part.key.fill({}) or ""
            made[key] = record = self._record(part, key, {})
            yield Drafted(part, record, None)
            return
        for row in self._tables[part.file].rows:
            if row.rejected:
                continue
            filled = part.key.fill(row.values)
            if filled is None or filled in made:
                continue
            made[filled] = record = self._record(part, filled, row.values)
            turn = int(row.values[part.owner.by]) if isinstance(part.owner, InTurn) else None
            yield Drafted(part, record, row, turn)

    def _record(self, part: Part, key: str, row: Mapping[str, Any]) -> Record:
        fields: dict[str, Any] = {}
        if isinstance(part.owner, OwnedBy):
            owner = self._owner(part.owner, row)
            if owner is not None:
                fields = {name: owner[name] for name in PLACE_OF_PERSON} | {"owner_id": owner.id}
        for name, value in part.fields.items():
            known = part.type.field(name)
            assert known is not None
            fields[name] = self._value(value, row)
        return Record(part.type.name, record_id(part, self._organisation_id, key), self._organisation_id, fields)

    def _owner(self, owner: OwnedBy, row: Mapping[str, Any]) -> Record | None:
        found: Mapping[str, Any] | None = row
        if owner.first_of:
            assert owner.equals is not None
            found_row = self._first_rows(owner.first_of, owner.match).get(owner.equals.fill(row))
            found = found_row.values if found_row else None
        if found is None:
            return None
        return self._referred(owner.reference, found)

    def _first_rows(self, file: str, column: str) -> dict[Any, Row]:
        """The first row of a file for each value of a column."""
        known = self._first.get((file, column))
        if known is None:
            known = self._first[file, column] = {}
            for row in self._tables[file].rows:
                if not row.rejected and column in row.values:
                    known.setdefault(row.values[column], row)
        return known

    def _id(self, reference: Reference, row: Mapping[str, Any]) -> str | None:
        """The id of the record referred to. One that a later part makes of the same row is known by its key already."""
        if reference.part in self._made:
            found = self._referred(reference, row)
            return found.id if found else None
        key = reference.key.fill(row)
        return None if key is None else record_id(self._parts[reference.part], self._organisation_id, key)

    def _referred(self, reference: Reference, row: Mapping[str, Any]) -> Record | None:
        key = reference.key.fill(row)
        return None if key is None else self._made.get(reference.part, {}).get(key)

    def _value(self, value: Value, row: Mapping[str, Any]) -> Any:
        match value:
            case Template():
                return value.fill(row)
            case Reference():
                return self._id(value, row)
            case FromColumn():
                held = row.get(value.column)
                if held is None or not value.money:
                    return held
                return Money(Decimal(held) * value.times, self._currency)
            case Constant():
                return value.value
            case Listed():
                found_items: Sequence[Any] = [self._value(item, row) for item in value.items]
                return tuple(str(item) for item in found_items if item is not None)
            case Facts():
                return {name: row[name] for name in value.columns if name in row}


def record_id(part: Part, organisation_id: str, key: str) -> str:
    """A readable id: type, organisation and key in small letters.

    Where the key does not survive that, eight digits of its SHA-256 keep different keys apart.
    """
    folded = key.casefold()
    plain = re.sub(r"[^a-z0-9]+", "-", folded).strip("-")
    known = f"{part.type.name.replace('_', '-')}-{organisation_id}"
    if not part.file:
        return f"{known}-{part.id}"
    if _PLAIN.fullmatch(folded):
        return f"{known}-{plain}"
    return f"{known}-{plain[:60]}-{sha256(key.encode()).hexdigest()[:8]}".replace("--", "-")
