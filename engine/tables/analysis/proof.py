"""Records that show a finding, and the proof that they do: every cell of concern evaluated by the interpreter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal, DecimalException
from typing import Any, Final

from engine.feel import ir
from engine.feel.domains import complete_record
from engine.feel.interpret import interpret
from engine.feel.operations import Run
from engine.feel.text import at_literal
from engine.feel.types import NUMBER
from engine.feel.values import NUMBERS, Fault, Value
from engine.tables.analysis.columns import Column
from engine.tables.analysis.finding import Analysed

Point = Sequence[int]
"""A position for each column."""


class Records:
    """Makes complete records from points, and evaluates rows on records."""

    def __init__(self, table: Analysed, columns: Sequence[Column]) -> None:
        """See the class."""
        self.table, self.columns = table, columns

    def record(self, point: Point) -> dict[str, Any] | None:
        """A complete record whose columns have the point's values; None for a computed column that cannot be led back.

        A computed column is led back where it is linear in some number that it reads. Whether the record is as wanted
        is for `matches` to say: columns may depend on each other.
        """
        table = self.table
        given: dict[tuple[str, ...], Value] = {}
        computed: list[tuple[ir.Node, Value]] = []
        for column, node, position in zip(self.columns, table.inputs, point, strict=True):
            value = column.positions.values[position]
            if isinstance(node, ir.Fact):
                given.setdefault(node.path, value)
            elif column.says_something:
                computed.append((node, value))
        for node, value in computed:
            if not self._lead_back(node, value, given):
                return None
        return complete_record(table.scope, given, table.domains)

    def record_with(self, at: int, value: Value) -> dict[str, Any] | None:
        """A complete record in which a column has a value; None for a computed one that cannot be led back."""
        node = self.table.inputs[at]
        given: dict[tuple[str, ...], Value] = {}
        if isinstance(node, ir.Fact):
            given[node.path] = value
        elif not self._lead_back(node, value, given):
            return None
        return complete_record(self.table.scope, given, self.table.domains)

    def _lead_back(self, node: ir.Node, value: Value, given: dict[tuple[str, ...], Value]) -> bool:
        """Add the value of one fact, so that the node has the given one."""
        if not isinstance(value, Decimal):
            return False
        for fact in ir.facts_of(node):
            if fact.type != NUMBER or fact.path in given:
                continue
            try:
                at_zero, at_one = (self._computed(node, {**given, fact.path: Decimal(each)}) for each in _TWO_POINTS)
                if at_zero != at_one:
                    given[fact.path] = NUMBERS.divide(value - at_zero, at_one - at_zero)
                    return True
            except (Fault, DecimalException, TypeError):  # not a number there, or none at all
                continue
        return False

    def _computed(self, node: ir.Node, given: Mapping[tuple[str, ...], Value]) -> Decimal:
        facts = complete_record(self.table.scope, given, self.table.domains)
        value = interpret(node, Run(facts, None, self.table.zone))
        if not isinstance(value, Decimal):
            raise TypeError
        return value

    def matches(self, record: Mapping[str, Any]) -> Matching:
        """The rows on a record, evaluated as they are asked for."""
        return Matching(self.table, self.columns, record)

    def shown(self, point: Point) -> str:
        """The point's values by label, of the columns that tell values apart."""
        values = [
            f"{column.label} {at_literal(column.positions.values[position])}"
            for column, position in zip(self.columns, point, strict=True)
            if column.says_something
        ]
        return ", ".join(values) or "any facts"


_TWO_POINTS: Final = (0, 1)


class Matching:
    """Which rows match a record, by the reference interpreter; each different cell is evaluated once."""

    def __init__(self, table: Analysed, columns: Sequence[Column], record: Mapping[str, Any]) -> None:
        """See `Records.matches`."""
        self._table, self._columns = table, columns
        self._known: dict[tuple[int, int], bool | None] = {}
        # columns with few different cells first: what is known of them decides most rows
        self._order = sorted(range(len(columns)), key=lambda at: len(columns[at].runs))
        self._facts: Mapping[str, Any] | None = None
        try:
            made = {
                subject.path[0]: interpret(node, Run(record, None, table.zone))
                for subject, node in zip(table.subjects, table.inputs, strict=True)
                if not isinstance(node, ir.Fact)
            }
            self._facts = {**record, **made}
        except Fault:
            self._facts = None

    def row(self, row: int) -> bool | None:
        """Whether the row matches; None where a cell cannot be computed."""
        doubt = False
        for at in self._order:
            truth = self._evaluated(at, self._columns[at].cell_of[row], row)
            if truth is False:
                return False
            doubt = doubt or truth is None
        return None if doubt else True

    def cell(self, row: int, at: int) -> bool | None:
        """Whether the row's cell of a column is true; None where it cannot be computed."""
        return self._evaluated(at, self._columns[at].cell_of[row], row)

    def none_of(self, rows: Iterable[int]) -> bool:
        """Whether none of the rows matches, for certain."""
        return all(self.row(row) is False for row in rows)

    def _evaluated(self, at: int, cell: int, row: int) -> bool | None:
        key = (at, cell)
        if key not in self._known:
            self._known[key] = None
            if self._facts is not None:
                run = Run(self._facts, None, self._table.zone)
                with suppress(Fault):
                    self._known[key] = interpret(self._table.matrix[row][at].node, run) is True
        return self._known[key]
