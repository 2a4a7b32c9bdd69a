"""The nearest change of a decision that is a table."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import tzinfo
from decimal import Decimal
from typing import Any, Final, cast

from engine.feel import ir
from engine.feel.interpret import interpret
from engine.feel.matching import constants, indexable, truth_at
from engine.feel.operations import Run
from engine.feel.values import Fault
from engine.nearest_change import NearestChange
from engine.rulefile.question import Question
from engine.tables import CompiledTable, TableResult
from engine.whatif.axes import Axis, Candidate, at_path
from engine.whatif.nearest import axes_of, box_of, check_target, meets, nearest
from engine.whatif.reading import Reading
from engine.whatif.search import Box, Options

Outcome = Mapping[str, Any]


def table_nearest(
    table: CompiledTable, question: Question, zone: tzinfo, outcome_of: Callable[[TableResult], dict[str, Any]]
) -> NearestChange:
    """The nearest change that makes other rows decide, with another outcome, or that reaches the target."""
    at, target = question.at, question.target
    before = table.evaluate(question.facts, at=at, zone=zone)
    outcome_before = outcome_of(before)
    if target is not None:
        check_target(target, tuple(outcome_before))

    def wanted(result: TableResult, outcome: Outcome) -> bool:
        if target is not None:
            return meets(outcome, target)
        decided = bool(result.rows) or result.defaulted or not table.policy.is_single
        return decided and result.rows != before.rows and outcome != outcome_before

    def judge(facts: Mapping[str, Any], *, reference: bool = False) -> tuple[Outcome, bool]:
        result = (table.interpret if reference else table.evaluate)(facts, at=at, zone=zone)
        outcome = outcome_of(result)
        return outcome, wanted(result, outcome)

    reading = Reading(at, zone)
    computed = dict(table.computed)
    for column, node in computed.items():
        reading.computed(node, [value for row in table.conditions for value in constants(row[column])])
    if target is not None:
        for name, node in table.computed_outputs:
            if name in target:
                reading.computed(node, [target[name]])
    reading.read({id(c): c for row in table.conditions for i, c in enumerate(row) if i not in computed}.values())
    axes = axes_of(question, reading)
    rows = _Rows(table, question, zone, axes=axes, wanted=wanted, outcome_of=outcome_of)
    return nearest(question, axes, judge, compared=_differing(target), narrow=rows.narrow)


def _differing(target: Mapping[str, Any] | None) -> Callable[[Outcome, Outcome], tuple[str, ...]]:
    def compared(before: Outcome, after: Outcome) -> tuple[str, ...]:
        names = tuple(name for name in after if after[name] != before.get(name))
        return names or tuple(target or after)

    return compared


class _Rows:
    """Which rows could give what is wanted when only some facts change, and with which of the facts' values.

    A row that decides afterwards has a true cell in each column; where such a cell is not true now, one of the facts it
    reads must change. Of the facts that change, only values count that the row accepts: each row is a box of its own.
    """

    def __init__(
        self,
        table: CompiledTable,
        question: Question,
        zone: tzinfo,
        *,
        axes: Sequence[Axis],
        wanted: Callable[[TableResult, Outcome], bool],
        outcome_of: Callable[[TableResult], dict[str, Any]],
    ) -> None:
        self._axes = axes
        self._facts = question.facts
        self._run = Run(question.facts, question.at, zone)
        self._places = [_Places(axis) for axis in axes]
        self._index = {axis.name: at for at, axis in enumerate(axes)}
        self._rows: dict[int, list[Mapping[int, ir.Node | None]]] | None = None
        if not table.policy.is_single or (table.defaults and _default_counts(table, wanted, outcome_of)):
            return  # what is wanted may also come from rows that stop matching
        self._rows = {}
        for row_id, cells in zip(table.index, table.conditions, strict=True):
            outputs = table.constant_outputs(row_id)
            if outputs is not None and not wanted(TableResult((row_id,), (outputs,), None), dict(outputs)):
                continue
            needed, tests = self._looked_at(cells)
            if needed is not None:
                self._rows.setdefault(needed, []).append(tests)

    def narrow(self, chosen: Sequence[int]) -> Iterable[Box]:
        """A box for each row that changing the chosen axes alone could make decide."""
        if self._rows is None:
            yield box_of(self._axes, chosen)
            return
        open_ = sum(1 << at for at in chosen)
        for needed, rows in self._rows.items():
            if not needed & ~open_:
                for tests in rows:
                    yield [self._options(at, tests.get(at)) for at in chosen]

    def _options(self, at: int, cell: ir.Node | None) -> Options:
        return Options(self._axes[at].candidates) if cell is None else self._places[at].accepted(cell)

    def _looked_at(self, cells: Sequence[ir.Node]) -> tuple[int | None, dict[int, ir.Node | None]]:
        """The axes that must change for a row, as bits (None: no change reaches it), and the axes' one simple cell.

        Where a cell that is not true reads several facts, any one of them might do: none is demanded.
        """
        needed: int | None = 0
        tests: dict[int, ir.Node | None] = {}
        for cell in cells:
            fact = indexable(cell)
            names = [fact.name] if fact is not None else [each.name for each in ir.facts_of(cell)]
            if any(name.startswith("?") for name in names):
                continue  # a computed column: any of the facts behind it might do
            about = [self._index[name] for name in names if name in self._index]
            for at in about:
                tests[at] = cell if fact is not None and at not in tests else None
            if needed is not None and not self._is_true(cell, fact):
                if len(names) == 1 and about:
                    needed |= 1 << about[0]
                elif not about:
                    needed = None
        return needed, tests

    def _is_true(self, cell: ir.Node, fact: ir.Fact | None) -> bool:
        if fact is not None:
            return truth_at(cell, cast("Any", at_path(self._facts, fact.path)), _ITSELF) is True
        try:
            return interpret(cell, self._run) is True
        except Fault:
            return False


class _Places:
    """An axis' candidates by value: finds the nearest one that a cell accepts without looking at all."""

    def __init__(self, axis: Axis) -> None:
        self._axis = axis
        ranks = {candidate.value: rank for rank, candidate in enumerate(axis.candidates)}
        self._is_line = all(isinstance(value, Decimal | dt.date) for value in ranks)
        self._values: list[Any] = sorted(ranks) if self._is_line else list(ranks)
        self._ranks = ranks
        self._known: dict[int, tuple[ir.Node, int]] = {}

    def accepted(self, cell: ir.Node) -> Options:
        """The candidates with which a cell about the axis' fact alone is true."""

        def accepts(candidate: Candidate) -> bool:
            return truth_at(cell, candidate.value, _ITSELF) is True

        known = self._known.get(id(cell))
        if known is None:
            known = self._known[id(cell)] = cell, self._first(cell)
        return Options(self._axis.candidates, accepts, known[1])

    def _first(self, cell: ir.Node) -> int:
        """The place of the nearest accepted candidate: beside the fact's value or one of the cell's constants.

        Between its constants a cell does not change, so the nearest accepted value lies where a stretch begins.
        """
        if not self._is_line or not self._axis.exact:
            return 0
        found = len(self._values)
        for bound in (self._axis.before, *constants(cell)):
            at = bisect_left(self._values, bound) if bound is not None else 0
            for value in self._values[max(at - 1, 0) : at + 2]:
                if self._ranks[value] < found and truth_at(cell, cast("Any", value), _ITSELF) is True:
                    found = self._ranks[value]
        return found


class _Itself(dict[Any, Any]):
    """Lets values stand for their own positions."""

    def __missing__(self, key: object) -> object:
        return key


_ITSELF: Final = _Itself()


def _default_counts(
    table: CompiledTable,
    wanted: Callable[[TableResult, Outcome], bool],
    outcome_of: Callable[[TableResult], dict[str, Any]],
) -> bool:
    """Whether the defaults give what is wanted, or might."""
    if not all(default is None or isinstance(default.ir, ir.Const) for default in table.defaults):
        return True
    outputs = {
        column.name: default.ir.value if default is not None and isinstance(default.ir, ir.Const) else None
        for column, default in zip(table.model.outputs, table.defaults, strict=True)
    }
    result = TableResult((), (outputs,), None, defaulted=True)
    return wanted(result, outcome_of(result))
