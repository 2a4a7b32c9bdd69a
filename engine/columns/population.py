"""Many records as columns of facts, encoded once and read by any number of rule sets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from engine.columns.encoding import (
    PYTHON_TYPES,
    Bools,
    Coded,
    Column,
    Opaque,
    Scaled,
    encode,
    from_array,
    with_nulls,
)
from engine.feel.types import NUMBER, ContextType, Scope, Type
from engine.feel.values import NUMBERS, Value
from engine.problems import InvalidError, Place, Problem
from engine.rulefile.fact_fields import FactField
from engine.rulefile.facts import FactSchema
from engine.rulefile.nearest import did_you_mean

Path = tuple[str, ...]

_DAY_TYPES: Final = (dt.date, dt.datetime)


class Population:
    """Records of one shape. Immutable as seen from outside; columns are encoded when first read, and then kept.

    `schema` is the fact schema the records were read by, or None for records of a bare `scope`. `unfit` is true for the
    rows whose facts the schema refuses: deciding about one gives the problems that deciding about it alone gives.
    """

    def __init__(
        self,
        scope: Scope,
        schema: FactSchema | None,
        count: int,
        *,
        records: Sequence[Mapping[str, Any]] | None = None,
        typed: Sequence[Mapping[str, Any]] | None = None,
        columns: Mapping[Path, Column] | None = None,
        unfit: Bools | None = None,
    ) -> None:
        """See `from_records` and `from_columns`."""
        self.scope, self.schema, self.unfit = scope, schema, unfit
        self._count = count
        self._records, self._typed = records, typed
        self._columns: dict[Path, Column] = dict(columns or {})
        self._given = frozenset(self._columns)
        self._distinct: dict[Path, Coded | None] = {}
        self._items: dict[tuple[str, str], tuple[NDArray[np.intp], Population]] = {}

    @classmethod
    def from_records(cls, facts: FactSchema | Scope, records: Iterable[Mapping[str, Any]]) -> Population:
        """A population of records.

        With a `FactSchema` they are as `exact_json.parse` gives them, and each is read as `RuleSet.decide` reads it;
        one that does not fit disturbs no other. With a bare `Scope` they are typed values already.
        """
        given = tuple(records)
        if isinstance(facts, Scope):
            return cls(facts, None, len(given), records=given, typed=given)
        typed: list[Mapping[str, Any]] = []
        unfit = np.zeros(len(given), np.bool_)
        for row, record in enumerate(given):
            try:
                typed.append(facts.read(record))
            except InvalidError:
                unfit[row] = True
                typed.append({})
        return cls(facts.scope, facts, len(given), records=given, typed=typed, unfit=unfit if unfit.any() else None)

    @classmethod
    def from_columns(
        cls, facts: FactSchema | Scope, columns: Mapping[str, Any], *, nulls: Mapping[str, Any] | None = None
    ) -> Population:
        """A population of columns, by the facts' names (dotted for a fact within a group).

        A column is an array of numpy (whole numbers, truth values, texts, days, instants in UTC, durations), what
        `scaled` and `coded` make, or a sequence of values as the language has them. `nulls` marks rows without a value,
        by name; a fact without a column is absent everywhere.

        Raises `InvalidError` for a name that is no fact (`facts.unknown_field`) and for binary floats
        (`facts.binary_float`), `ValueError` for columns of different lengths. Rows that the schema refuses (a required
        fact absent, a number out of its range, a text outside its enum) disturb no other.
        """
        scope = facts if isinstance(facts, Scope) else facts.scope
        made: dict[Path, Column] = {}
        masks = nulls or {}
        problems = [_unknown(name, scope) for name in (*columns, *masks) if _type_of(scope, name) is None]
        for name, given in columns.items():
            type_ = _type_of(scope, name)
            if type_ is None:
                continue
            if isinstance(given, np.ndarray) and given.dtype.kind == "f":
                problems.append(_binary_floats(name))
                continue
            made[tuple(name.split("."))] = _column(type_, given, masks.get(name))
        if problems:
            raise InvalidError(problems)
        lengths = {".".join(path): len(column) for path, column in made.items()}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"`{name}` has {length}" for name, length in lengths.items())
            raise ValueError(f"the columns have different lengths: {shown}")
        count = next(iter(lengths.values()), 0)
        if isinstance(facts, Scope):
            return cls(scope, None, count, columns=made)
        unfit = _unfit(facts, made, count)
        return cls(scope, facts, count, columns=made, unfit=unfit if unfit.any() else None)

    def __len__(self) -> int:
        return self._count

    def given(self, row: int) -> Mapping[str, Any]:
        """The facts of a row as they were given: what `RuleSet.decide` takes."""
        return self._assembled(row) if self._records is None else self._records[row]

    def facts(self, row: int) -> Mapping[str, Any]:
        """The typed facts of a row: what expressions, condition sets and tables take."""
        return self._assembled(row) if self._typed is None else self._typed[row]

    def with_columns(self, computed: Mapping[Path, Column]) -> Population:
        """The population with computed facts added, sharing what is encoded."""
        return _Extended(self, computed) if computed else self

    def items_of(self, fact: str, item: str) -> tuple[NDArray[np.intp], Population]:
        """A population of the items of a list: each with its record's facts, and itself as the fact `item`.

        The first part is the number of each item's record.
        """
        found = self._items.get((fact, item))
        if found is None:
            rows: list[int] = []
            records: list[Mapping[str, Any]] = []
            for row in range(self._count):
                facts = self.facts(row)
                for each in facts.get(fact) or ():
                    rows.append(row)
                    records.append({**facts, item: each})
            found = self._items[fact, item] = (np.array(rows, np.intp), Population.from_records(self.scope, records))
        return found

    def column(self, path: Path, type_: Type) -> Column:
        """The column of a fact, encoded now if nothing has read it before."""
        found = self._columns.get(path)
        if found is None:
            found = self._columns[path] = self._encoded(path, type_)
        return found

    def distinct(self, path: Path, type_: Type, most: int) -> Coded | None:
        """The column as codes with a dictionary; None where there are more than `most` distinct values."""
        column = self.column(path, type_)
        if isinstance(column, Coded):
            return column
        if isinstance(column, Opaque) or not len(column):
            return None
        if path not in self._distinct:
            self._distinct[path] = _by_value(column, most)
        return self._distinct[path]

    def _encoded(self, path: Path, type_: Type) -> Column:
        if self._typed is None:
            if any(given[: len(path)] == path for given in self._given):  # a group, of whose facts there are columns
                return encode(type_, [_at(self._assembled(row), path) for row in range(self._count)])
            return encode(type_, [None] * self._count)
        if len(path) == 1:
            name = path[0]
            return encode(type_, [facts.get(name) for facts in self._typed])
        return encode(type_, [_at(facts, path) for facts in self._typed])

    def _assembled(self, row: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for path in self._given:
            value = self._columns[path].value(row)
            if value is None:
                continue
            inner = found
            for step in path[:-1]:
                inner = inner.setdefault(step, {})
            inner[path[-1]] = value
        return found


class _Extended(Population):
    """A population with a few facts more, which only exist as columns."""

    def __init__(self, base: Population, computed: Mapping[Path, Column]) -> None:
        super().__init__(base.scope, base.schema, len(base), columns=computed, unfit=base.unfit)
        self._base, self._computed = base, dict(computed)

    def given(self, row: int) -> Mapping[str, Any]:
        return self._base.given(row)

    def facts(self, row: int) -> Mapping[str, Any]:
        return {
            **self._base.facts(row),
            **{path[0]: column.value(row) for path, column in self._computed.items()},
        }

    def column(self, path: Path, type_: Type) -> Column:
        return self._computed[path] if path in self._computed else self._base.column(path, type_)

    def distinct(self, path: Path, type_: Type, most: int) -> Coded | None:
        return super().distinct(path, type_, most) if path in self._computed else self._base.distinct(path, type_, most)


def _at(facts: Mapping[str, Any], path: Path) -> Any:
    value: Any = facts
    for step in path:
        if not isinstance(value, Mapping):
            return None if value is None else _NO_GROUP
        value = value.get(step)
    return value


class _NoGroup:
    """Stands where a fact is asked of what is no group of facts: of no type, so that reading it tells."""


_NO_GROUP: Final = _NoGroup()


def _by_value(column: Scaled, most: int) -> Coded | None:
    """Codes for a column of whole numbers. A sample tells most columns that have too many values."""
    sample = column.values[:: max(1, len(column) // (4 * most))]
    if len(np.unique(sample)) > most:
        return None
    wholes, codes = np.unique(column.values, return_inverse=True)
    if len(wholes) > most:
        return None
    plain = Scaled(column.type, wholes, column.scale)
    places = codes if column.nulls is None else np.where(column.nulls, len(wholes), codes)
    return Coded(column.type, places.astype(np.uint32), tuple(plain.to_list()), column.inexact)


def _type_of(scope: Scope, name: str) -> Type | None:
    fields = scope.fields
    *groups, last = name.split(".")
    for step in groups:
        inner = fields[step].type if step in fields else None
        if not isinstance(inner, ContextType):
            return None
        fields = inner.fields
    return fields[last].type if last in fields else None


def _unknown(name: str, scope: Scope) -> Problem:
    message = f"`{name[:60]}` is not a known fact{did_you_mean(name, scope.fields)}"
    known = ", ".join(sorted(scope.fields)[:12])
    return Problem("facts.unknown_field", message, Place("facts", path=f"$.{name[:60]}"), f"known: {known}")


def _binary_floats(name: str) -> Problem:
    message = f"`{name}` is a column of binary floats, which have no exact values"
    help_text = "give whole numbers with their scale: `scaled(cents, 2)`"
    return Problem("facts.binary_float", message, Place("facts", path=f"$.{name}"), help_text)


def _column(type_: Type, given: Any, nulls: Any) -> Column:
    if isinstance(given, Scaled | Coded | Opaque):
        if given.type != type_:
            raise TypeError(f"a column of {given.type} is given where the fact is a {type_}")
        return with_nulls(given, nulls)
    if isinstance(given, np.ndarray):
        found = from_array(type_, cast("NDArray[Any]", given), nulls)
        if found is not None:
            return found
    values = given.tolist() if isinstance(given, np.ndarray) else list(given)
    if nulls is not None:
        values = [None if none else value for value, none in zip(values, np.asarray(nulls).tolist(), strict=True)]
    if type_ == NUMBER:
        values = [Decimal(value) if type(value) is int else value for value in values]
    return encode(type_, values)


# -- what a fact schema refuses, column by column


def _unfit(schema: FactSchema, columns: Mapping[Path, Column], count: int) -> Bools:
    refused = np.zeros(count, np.bool_)
    for field in schema.fields:
        _refuse(field, (field.name,), columns, refused)
    return refused


def _refuse(field: FactField, path: Path, columns: Mapping[Path, Column], refused: Bools) -> None:
    column = columns.get(path)
    if column is None and field.fields:
        inner = {known: each for known, each in columns.items() if known[: len(path)] == path}
        if inner or not field.optional:
            for part in field.fields:
                _refuse(part, (*path, part.name), columns, refused)
        return
    if column is None:
        if not field.optional:
            refused[:] = True
        return
    if column.nulls is not None and not field.optional:
        refused |= column.nulls
    if isinstance(column, Scaled | Coded) and column.inexact is not None:
        refused |= column.inexact  # let the one reader of facts look at it
    if isinstance(column, Coded):
        outside = [not _fits(field, value) for value in column.dictionary]
        if any(outside):
            refused |= np.array([*outside, False])[column.codes]
    elif isinstance(column, Scaled) and field.type == NUMBER:
        refused |= _outside(field, column)
    elif isinstance(column, Opaque):
        refused |= ~(column.nulls if column.nulls is not None else np.zeros(len(column), np.bool_))


def _fits(field: FactField, value: Value) -> bool:
    if not isinstance(value, str):
        return True
    return len(value) <= field.longest and (field.enum is None or value in field.enum)


def _outside(field: FactField, column: Scaled) -> Bools:
    """Numbers outside their range or enum, or with a fraction where whole ones are asked."""
    found = np.zeros(len(column), np.bool_)
    unit = 10**column.scale
    if field.form == "integer" and column.scale:
        found |= column.values % unit != 0
    low, high = column.bounds
    if field.minimum is not None and Decimal(low) < NUMBERS.scaleb(Decimal(field.minimum), column.scale):
        found |= column.values < _ceiling(field.minimum, column.scale)
    if field.maximum is not None and Decimal(high) > NUMBERS.scaleb(Decimal(field.maximum), column.scale):
        found |= column.values > _floor(field.maximum, column.scale)
    if field.enum is not None:
        allowed = [NUMBERS.scaleb(Decimal(value), column.scale) for value in field.enum]
        wholes = [int(value) for value in allowed if value == value.to_integral_value()]
        found |= ~np.isin(column.values, np.array(wholes, np.int64))
    return found if column.nulls is None else found & ~column.nulls


def _floor(value: Decimal, scale: int) -> int:
    return int(NUMBERS.scaleb(Decimal(value), scale).to_integral_value("ROUND_FLOOR"))


def _ceiling(value: Decimal, scale: int) -> int:
    return int(NUMBERS.scaleb(Decimal(value), scale).to_integral_value("ROUND_CEILING"))


__all__ = ["PYTHON_TYPES", "Path", "Population"]
