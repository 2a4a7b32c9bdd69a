"""Decision tables over a population: each distinct combination of rows that match is decided once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns.conditions import Matching
from engine.columns.encoding import Column
from engine.columns.look_up import looked_up
from engine.columns.places import WORD, Words, words_for
from engine.columns.population import Path, Population
from engine.columns.values import evaluate_expression
from engine.feel import ir
from engine.problems import BylawError
from engine.tables import CompiledTable, HitPolicy

Rows = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Hits:
    """Which rows of a table match, for each record.

    `patterns` numbers the distinct combinations (under FIRST: the first row of each), and `examples` has a record for
    each; `unsure` are the records that must be decided one by one.
    """

    table: CompiledTable
    patterns: NDArray[np.intp]
    examples: NDArray[np.intp]
    unsure: NDArray[np.intp]


def matching(table: CompiledTable, population: Population, at: datetime, zone: tzinfo) -> Hits:
    """Match every record of a population against a table."""
    asked = table.analysed(table.policy)
    computed: dict[Path, Column] = {}
    unsure: list[NDArray[np.intp]] = []
    for subject, expression in zip(asked.subjects, table.inputs, strict=True):
        if expression is not None and not isinstance(expression.ir, ir.Fact):
            values = evaluate_expression(expression, population, at=at, zone=zone)
            computed[subject.path] = values.column
            unsure.append(values.recomputed)
    found = Matching(table.conditions, population.with_columns(computed), at, zone)
    first = table.policy is HitPolicy.FIRST
    words = words_for(found.count)
    keys = np.empty((len(population), 1 if first else words), np.uint64)
    for stretch in found.stretches():
        hits, doubtful = found.found(stretch)
        keys[stretch.rows] = first_hit(hits)[:, None] if first else hits
        if doubtful is not None:
            unsure.append(np.flatnonzero(doubtful) + stretch.start)
    every = np.unique(np.concatenate(unsure)) if unsure else np.empty(0, np.intp)
    sure = np.ones(len(population), np.bool_)
    sure[every] = False
    rows = np.flatnonzero(sure)
    patterns = np.zeros(len(population), np.intp)
    if not len(rows):
        return Hits(table, patterns, rows, every)
    if first:
        patterns[rows], examples = _numbered(keys[rows, 0].astype(np.intp), words * WORD)
    else:
        chosen = keys[rows, 0] if words == 1 else np.ascontiguousarray(keys[rows]).view(f"V{8 * words}")[:, 0]
        _, examples, patterns[rows] = np.unique(chosen, return_index=True, return_inverse=True)
    return Hits(table, patterns, rows[examples], every)


def _numbered(keys: NDArray[np.intp], most: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Keys of at most `most` as numbers without gaps, and the place of an example for each number."""
    example = np.full(most + 1, -1, np.intp)
    example[keys] = np.arange(len(keys))
    present = np.flatnonzero(example >= 0)
    number = np.empty(most + 1, np.intp)
    number[present] = np.arange(len(present))
    return number[keys], example[present]


def first_hit(hits: Words) -> Words:
    """The number of the first row that matches; the number of bits where none does."""
    lowest = (hits != 0).argmax(axis=1)
    word = hits[np.arange(len(hits)), lowest]
    bit = np.frexp((word & (~word + np.uint64(1))).astype(np.float64))[1] - 1
    found: Words = np.where(word == 0, hits.shape[1] * 64, lowest * 64 + bit).astype(np.uint64)
    return found


@dataclass(frozen=True, eq=False)
class TableOutcomes:
    """The outcome of each distinct combination of hits, or its problems, and each record's combination."""

    hits: Hits
    outcomes: tuple[Mapping[str, Any], ...]
    errors: Mapping[int, BylawError]
    unsure: NDArray[np.intp]

    @property
    def names(self) -> tuple[str, ...]:
        """The members of the outcome."""
        return tuple(dict.fromkeys(name for outcome in self.outcomes for name in outcome))

    def column(self, name: str) -> Column:
        """The column of one member of the outcome."""
        return looked_up([outcome.get(name) for outcome in self.outcomes], self.hits.patterns)

    def outcome(self, row: int) -> Mapping[str, Any]:
        """The outcome of a record that is not unsure."""
        return self.outcomes[int(self.hits.patterns[row])]


def outcomes(
    hits: Hits, decide: Callable[[int], Mapping[str, Any]], matching_rows: Callable[[int], Rows]
) -> TableOutcomes:
    """Decide once for each combination of hits.

    `decide` gives a record's outcome and `matching_rows` the ids of the rows that match it. Records whose outcome is
    not the same for all that share their hits, because an output is computed from facts, become unsure.
    """
    table = hits.table
    given = table.analysed(table.policy).outputs
    computed = frozenset(row.id for row, constant in zip(table.model.rows, given, strict=True) if constant is None)
    defaults = all(default is None or isinstance(default.ir, ir.Const) for default in table.defaults)
    made: list[Mapping[str, Any]] = []
    failed: dict[int, BylawError] = {}
    varying: list[int] = []
    for pattern, example in enumerate(hits.examples.tolist()):
        matched = matching_rows(example) if computed or not defaults else None
        if matched is not None and (not computed.isdisjoint(matched) or not (matched or defaults)):
            varying.append(pattern)
            made.append({})
            continue
        try:
            made.append(decide(example))
        except BylawError as error:
            failed[pattern] = error
            made.append({})
    sure = np.ones(len(hits.patterns), np.bool_)
    sure[hits.unsure] = False
    unsure = np.flatnonzero(~sure | np.isin(hits.patterns, varying)) if varying else hits.unsure
    errors: dict[int, BylawError] = {}
    for pattern, problem in failed.items():
        rows: list[int] = np.flatnonzero((hits.patterns == pattern) & sure).tolist()
        errors.update(dict.fromkeys(rows, problem))
    return TableOutcomes(hits, tuple(made), errors, unsure)
