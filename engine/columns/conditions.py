"""Many conjunctions over a population: bit masks of the rows that are true, for every record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.columns.compiler import Compiler
from engine.columns.encoding import Bools, Coded, Opaque, Scaled
from engine.columns.operation import Operation, Stretch
from engine.columns.places import Placing, Words, bit, everything, place_coded, place_scaled, words_for
from engine.columns.population import Path, Population
from engine.columns.vectors import Mask, Truths, either, within
from engine.feel import ConditionSet, ir
from engine.feel.clauses import INDEXED_ORDERED, indexable
from engine.feel.conform import fitted
from engine.feel.limits import MAX_STEPS
from engine.feel.types import DATE_TIME
from engine.feel.values import Fault
from engine.problems import BylawError, InvalidError

STRETCH: Final = 32_768
"""Records computed at a time: their words and places stay in the processor's second cache."""
PLACED: Final = INDEXED_ORDERED | {DATE_TIME}
"""Types that have places: instants too, since a column marks those that do not compare as instants."""
SHORTEST: Final = 1_024
ALL: Final = np.uint64(2**64 - 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Residual:
    """A clause that no place decides: the rules it belongs to, with the clauses that stand before it in each."""

    operation: Operation
    rules: tuple[int, ...]
    before: tuple[tuple[Operation, ...], ...]


class Matching:
    """Compiled conjunctions. `rows` are the records' words for a stretch; unsure records are told beside them."""

    def __init__(
        self, rows: Sequence[Sequence[ir.Node]], population: Population, at: dt.datetime | None, zone: dt.tzinfo
    ) -> None:
        """Sort the clauses into those that a fact's place decides and those that are computed."""
        self.count = len(rows)
        self.population = population
        clauses = sum(map(len, rows))
        self.compiler = Compiler(population, at, zone, MAX_STEPS // max(1, clauses))
        self.required = required(population, [node for nodes in rows for node in nodes])
        indexed: dict[Path, tuple[ir.Fact, dict[int, list[tuple[ir.Node, ir.Node]]]]] = {}
        left: list[list[ir.Node]] = [[] for _ in rows]
        for row, nodes in enumerate(rows):
            for node in nodes:
                settled = self.compiler.settled(node)
                fact = indexable(settled, PLACED)
                if fact is not None:
                    indexed.setdefault(fact.path, (fact, {}))[1].setdefault(row, []).append((node, settled))
                elif not (isinstance(node, ir.Const) and node.value is True):
                    left[row].append(node)
        self.placings: list[Placing] = []
        for path, (fact, by_row) in indexed.items():
            settled_by_row = {row: [settled for _, settled in pairs] for row, pairs in by_row.items()}
            placing = self._placing(path, fact, settled_by_row)
            if placing is not None:
                self.placings.append(placing)
                continue
            for row, pairs in by_row.items():
                left[row] += [node for node, _ in pairs]
        self.residuals = self._residuals(rows, left)
        self.has_unknown = any(placing.has_unknown for placing in self.placings) or bool(self.residuals)

    def _placing(self, path: Path, fact: ir.Fact, by_row: Mapping[int, Sequence[ir.Node]]) -> Placing | None:
        column = self.population.column(path, fact.type)
        if isinstance(column, Coded):
            return place_coded(column, by_row, self.count)
        return place_scaled(column, by_row, self.count) if isinstance(column, Scaled) else None

    def _residuals(self, rows: Sequence[Sequence[ir.Node]], left: Sequence[Sequence[ir.Node]]) -> list[_Residual]:
        shared: dict[int, tuple[Operation, list[int], list[tuple[Operation, ...]]]] = {}
        for row, nodes in enumerate(left):
            for node in nodes:
                operation = self.compiler.compile(node)
                place = rows[row].index(node)
                before = tuple(self.compiler.condition(earlier) for earlier in rows[row][:place])
                entry = shared.setdefault(id(operation), (self.compiler.condition(node), [], []))
                entry[1].append(row)
                entry[2].append(before)
        return [_Residual(operation, tuple(of), tuple(before)) for operation, of, before in shared.values()]

    # -- running

    def found(self, stretch: Stretch, *, maybe: bool = False) -> tuple[Words, Mask]:
        """For each record of a stretch the words of the rules that are true, or not false; and the unsure records."""
        count = len(stretch)
        unsure = stretch.cut(self.required)
        result = np.empty((count, words_for(self.count)), np.uint64)
        result[:] = everything(self.count)
        taken = np.empty_like(result)
        for placing in self.placings:
            places = placing.find(stretch).astype(np.intp, copy=False)
            np.take(placing.maybe if maybe else placing.true, places, axis=0, out=taken, mode="clip")
            result &= taken
        for residual in self.residuals:
            truths = residual.operation.truths(stretch)
            keep = ~truths.false if maybe else truths.true
            for row in residual.rules:
                word, own = bit(row)
                result[:, word] &= np.where(keep, ALL, ~own)
            if truths.unsure is not None:
                unsure = either(unsure, self._reached(residual, truths, stretch))
        return result, unsure

    @staticmethod
    def _reached(residual: _Residual, truths: Truths, stretch: Stretch) -> Mask:
        """The unsure records at which some rule comes to the clause: none of its clauses before it is false."""
        found: Mask = None
        for before in residual.before:
            reached: Bools = np.ones(len(stretch), np.bool_)
            for operation in before:
                reached &= ~operation.truths(stretch).false
            found = either(found, within(truths.unsure, reached))
        return found

    def stretches(self) -> Iterator[Stretch]:
        """All records, a stretch at a time: the more words, the shorter."""
        count = len(self.population)
        length = max(SHORTEST, STRETCH // words_for(self.count))
        for start in range(0, count, length):
            yield Stretch(start, min(start + length, count))


def required(population: Population, nodes: Sequence[ir.Node]) -> Mask:
    """The records that lack a fact which the nodes need, or have one that columns do not hold exactly.

    All facts are read before anything is computed, so such a record is computed alone even where nothing comes to it.
    """
    facts = {(fact.path, fact.nullable): fact for node in nodes for fact in ir.facts_of(node)}
    found: Mask = population.unfit
    for fact in facts.values():
        column = population.column(fact.path, fact.type)
        if isinstance(column, Scaled | Coded):
            found = either(found, column.inexact)
        elif population.schema is None:  # nothing has looked at the values yet
            found = either(found, _unfitting(column, fact))
        if not fact.nullable:
            found = either(found, column.nulls)
    return found


def _unfitting(column: Opaque, fact: ir.Fact) -> Mask:
    """The records whose value is not of the fact's type."""
    found = np.zeros(len(column), np.bool_)
    for row, value in enumerate(column.originals):
        if value is not None:
            try:
                fitted(value, fact.type, fact.name)
            except Fault:
                found[row] = True
    return found if found.any() else None


@dataclass(frozen=True, eq=False)
class Bits:
    """Which rules are true for each record.

    `rules[i, w]` has bit `b` set where rule `64 * w + b` is true for record `i`. `errors` holds the problems of records
    that have some, by their number; their bits are 0. `recomputed` are the records that the code for single records has
    decided.
    """

    ids: tuple[str, ...]
    rules: Words
    errors: Mapping[int, BylawError]
    recomputed: NDArray[np.intp]
    _unknown: Callable[[], Words]
    _clauses: Callable[[], Words]

    def __len__(self) -> int:
        return len(self.rules)

    @property
    def share_recomputed(self) -> float:
        """The part of the records, from 0 to 1, that were decided one by one."""
        return len(self.recomputed) / len(self) if len(self) else 0.0

    @property
    def unknown(self) -> Words:
        """The rules that are null, as words like `rules`; computed when asked."""
        return self._unknown()

    @property
    def clauses(self) -> Words:
        """The rules' top-level `and` conjuncts that are true, numbered as in `Fired.clauses`; computed when asked.

        A conjunct behind a false one may be left out where it cannot be computed.
        """
        return self._clauses()

    def fired(self, row: int) -> tuple[str, ...]:
        """The ids of the rules that are true for a record, in order. Raises its error where it has one."""
        if row in self.errors:
            raise self.errors[row]
        return ids_in(self.rules[row], self.ids)

    def mask(self, row: int) -> int:
        """The bits of a record as one whole number, like `Fired.rules`."""
        return as_mask(self.rules[row])


def as_mask(words: Words) -> int:
    """Words as one whole number."""
    return sum(int(word) << (64 * at) for at, word in enumerate(words))


def ids_in(words: Words, ids: Sequence[str]) -> tuple[str, ...]:
    """The ids whose bits are set."""
    mask = as_mask(words)
    return tuple(name for at, name in enumerate(ids) if mask >> at & 1)


def as_words(mask: int, words: int) -> list[int]:
    """A whole number of bits as words."""
    return [mask >> (64 * word) & (2**64 - 1) for word in range(words)]


def evaluate_conditions(
    conditions: ConditionSet, population: Population, *, at: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC
) -> Bits:
    """`ConditionSet.evaluate` for every record of a population."""
    matching = Matching(conditions.rows, population, at, zone)
    words = words_for(matching.count)
    rules = np.empty((len(population), words), np.uint64)
    unsure: list[NDArray[np.intp]] = []
    for stretch in matching.stretches():
        found, doubtful = matching.found(stretch)
        rules[stretch.rows] = found
        if doubtful is not None:
            unsure.append(np.flatnonzero(doubtful) + stretch.start)
    recomputed = np.concatenate(unsure) if unsure else np.empty(0, np.intp)
    errors: dict[int, BylawError] = {}
    unknown: dict[int, int] = {}
    for row in recomputed.tolist():
        try:
            single = conditions.evaluate(typed_facts(population, row), at=at, zone=zone)
        except InvalidError as error:
            errors[row] = error
            rules[row] = 0
            continue
        rules[row] = as_words(single.rules, words)
        unknown[row] = single.unknown

    def all_unknown() -> Words:
        result = np.zeros_like(rules)
        if matching.has_unknown:
            for stretch in matching.stretches():
                result[stretch.rows] = matching.found(stretch, maybe=True)[0] & ~rules[stretch.rows]
        for row in recomputed.tolist():
            result[row] = as_words(unknown.get(row, 0), words)
        return result

    def all_clauses() -> Words:
        apart = Matching([(clause,) for clauses in conditions.rows for clause in clauses], population, at, zone)
        result = np.zeros((len(population), words_for(apart.count)), np.uint64)
        for stretch in apart.stretches():
            result[stretch.rows], doubtful = apart.found(stretch)
            for row in () if doubtful is None else (np.flatnonzero(doubtful) + stretch.start).tolist():
                alone = (
                    0 if row in errors else conditions.evaluate(typed_facts(population, row), at=at, zone=zone).clauses
                )
                result[row] = as_words(alone, result.shape[1])
        return result

    return Bits(conditions.ids, rules, errors, recomputed, all_unknown, all_clauses)


def typed_facts(population: Population, row: int) -> Mapping[str, Any]:
    """A record's typed facts. Raises `InvalidError` where its schema refuses it."""
    if population.schema is not None and population.unfit is not None and population.unfit[row]:
        return population.schema.read(population.given(row))
    return population.facts(row)
