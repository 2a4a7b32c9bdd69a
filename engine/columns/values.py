"""The value of one expression for every record of a population."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from engine.columns.compiler import Compiler
from engine.columns.conditions import STRETCH, required, typed_facts
from engine.columns.encoding import Coded, Column, Opaque, Scaled
from engine.columns.operation import Operation, Stretch
from engine.columns.population import Population
from engine.columns.vectors import Mask, Objects, Picks, Truths, Vector, either
from engine.feel import Expression
from engine.feel.types import BOOLEAN
from engine.feel.values import Value
from engine.problems import BylawError, InvalidError


@dataclass(frozen=True, eq=False)
class Values:
    """An expression's value for each record.

    `column` has the values of the records that columns could decide, `alone` those of the others by their number, and
    `errors` the problems of records that have no value. `recomputed` are all the others' numbers.
    """

    column: Column
    alone: Mapping[int, Value]
    errors: Mapping[int, BylawError]
    recomputed: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.column)

    @property
    def share_recomputed(self) -> float:
        """The part of the records, from 0 to 1, that were decided one by one."""
        return len(self.recomputed) / len(self) if len(self) else 0.0

    def value(self, row: int) -> Value:
        """The value of a record. Raises its error where it has one."""
        if row in self.errors:
            raise self.errors[row]
        return self.alone[row] if row in self.alone else self.column.value(row)

    def to_list(self) -> list[Value | BylawError]:
        """All values; an error stands in its record's place."""
        found: list[Value | BylawError] = list(self.column.to_list())
        for row, value in self.alone.items():
            found[row] = value
        for row, error in self.errors.items():
            found[row] = error
        return found


def evaluate_expression(
    expression: Expression, population: Population, *, at: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC
) -> Values:
    """`Expression.evaluate` for every record of a population. Numbers are equal; trailing zeros are not kept."""
    compiler = Compiler(population, at, zone)
    operation = compiler.compile(expression.ir)
    needed = required(population, [expression.ir])
    vectors: list[Vector] = []
    unsure: list[NDArray[np.intp]] = []
    count = len(population)
    for start in range(0, count, STRETCH):
        stretch = Stretch(start, min(start + STRETCH, count))
        vector = operation.of(stretch)
        vectors.append(vector)
        doubtful: Mask = either(vector.unsure, stretch.cut(needed))
        if doubtful is not None:
            unsure.append(np.flatnonzero(doubtful) + start)
    recomputed = np.concatenate(unsure) if unsure else np.empty(0, np.intp)
    alone: dict[int, Value] = {}
    errors: dict[int, BylawError] = {}
    for row in recomputed.tolist():
        try:
            alone[row] = expression.evaluate(typed_facts(population, row), at=at, zone=zone)
        except InvalidError as error:
            errors[row] = error
    return Values(_joined(operation, vectors, recomputed), alone, errors, recomputed)


def _joined(operation: Operation, vectors: Sequence[Vector], recomputed: NDArray[np.intp]) -> Column:
    """One column of the stretches' vectors; recomputed records are null in it."""
    shape = operation.shape
    if vectors and isinstance(vectors[0], Objects):
        values = [value for vector in vectors for value in cast("Objects", vector).values]
        for row in recomputed.tolist():
            values[row] = None
        return Opaque(shape.type, values)
    if shape.type == BOOLEAN:
        codes = np.concatenate([_truth_codes(cast("Truths", vector)) for vector in vectors] or [np.empty(0, np.uint8)])
        codes[recomputed] = 2
        return Coded(BOOLEAN, codes, (False, True))
    if vectors and isinstance(vectors[0], Picks):
        picks = np.concatenate([cast("Picks", vector).codes for vector in vectors]).astype(np.uint32)
        picks[recomputed] = len(shape.dictionary)
        return Coded(shape.type, picks, shape.dictionary)
    wholes: list[Any] = [vector.values for vector in cast("Sequence[Any]", vectors)]
    values_ = np.concatenate(wholes or [np.empty(0, np.int64)])
    nulls = np.zeros(len(values_), np.bool_)
    start = 0
    for vector in cast("Sequence[Any]", vectors):
        if vector.null is not None:
            nulls[start : start + len(vector.values)] = vector.null
        start += len(vector.values)
    nulls[recomputed] = True
    return Scaled(shape.type, np.where(nulls, 0, values_), shape.scale, nulls if nulls.any() else None)


def _truth_codes(truths: Truths) -> NDArray[np.uint8]:
    found = truths.true.astype(np.uint8)
    if truths.null is not None:
        found[truths.null] = 2
    return found
