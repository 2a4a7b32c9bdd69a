"""Checking, compiling and evaluating decision tables, with all of DMN's hit policies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, cast

from engine.feel import ir
from engine.feel.domains import Domains
from engine.feel.expression import Expression, check, check_unary_tests, require_facts
from engine.feel.matching import BITS_BUDGET
from engine.feel.operations import Run, add, order, same
from engine.feel.text import literal
from engine.feel.types import NUMBER, Field, Scope, Type, fits
from engine.feel.values import Facts, Value
from engine.problems import InvalidError, Place, Problem, Report
from engine.tables.analysis import Analysed, Finding, Severity, analyse
from engine.tables.cell import SUBJECT, Cell
from engine.tables.model import HitPolicy, Row, TableModel, Text
from engine.tables.row_index import compile_index

Outputs = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class TableResult:
    """What a table decided.

    `rows` are the ids of the rows behind the result, in the order of `outputs` (one mapping a row). `value` is DMN's
    result: one mapping (or the bare value where there is one output), a tuple of these, or the aggregated number; None
    when nothing matched and there is no default. `defaulted` says no row matched and the defaults were taken.
    """

    rows: tuple[str, ...]
    outputs: tuple[Outputs, ...]
    value: Value
    defaulted: bool = False


@dataclass(frozen=True, slots=True)
class FailedCell:
    """The first cell of a row that did not match: its column, its text and the value the column had."""

    column: str
    text: str
    seen: Value


@dataclass(frozen=True, slots=True)
class _CheckedRow:
    id: str
    because: str
    place: Place
    cells: tuple[Cell, ...]
    outputs: tuple[Expression, ...]


class Table:
    """The way from a model to a compiled table."""

    @staticmethod
    def check(
        model: TableModel, scope: Scope, *, domains: Domains | None = None, zone: dt.tzinfo = dt.UTC
    ) -> CompiledTable:
        """Check every cell, compile the table and analyse it (`engine.tables.analysis`).

        `domains` are what the facts may be beyond their types. Raises `InvalidError` with all problems, each at its
        cell; where findings of the analysis are errors, with its warnings too. Findings that are no errors are in
        `CompiledTable.warnings` and `CompiledTable.hints`.
        """
        return CompiledTable(model, scope, domains or {}, zone)


class CompiledTable:
    """A checked and compiled table. Immutable, safe to share between threads, picklable."""

    __slots__ = (
        "_computed",
        "_constant",
        "_find",
        "_find_all",
        "_is_first",
        "_matrix",
        "_needs_run",
        "_results",
        "_rows",
        "_subjects",
        "_zone",
        "defaults",
        "domains",
        "findings",
        "index",
        "inputs",
        "model",
        "policy",
        "reads",
        "scope",
    )

    def __init__(self, model: TableModel, scope: Scope, domains: Domains, zone: dt.tzinfo) -> None:
        """See `Table.check`."""
        self.domains, self._zone = domains, zone
        self.model, self.scope, self.policy = model, scope, model.hit_policy
        report = Report()
        _check_shape(model, report)
        self.inputs = _checked_inputs(model, scope, report)
        self.defaults = _checked_defaults(model, scope, report)
        subjects = tuple(None if each is None else _subject(at, each) for at, each in enumerate(self.inputs))
        checker = _RowChecker(model, self.inputs, subjects, scope, report)
        self._rows = tuple(map(checker.checked, model.rows))
        report.raise_if_any()
        self.index: Mapping[str, int] = {row.id: at for at, row in enumerate(self._rows)}
        inputs = cast("tuple[Expression, ...]", self.inputs)
        self._subjects = cast("tuple[ir.Fact, ...]", subjects)
        self.reads = checker.reads.union(*(expression.reads for expression in inputs))
        computed = [
            (subject, expression.ir)
            for subject, expression in zip(self._subjects, inputs, strict=True)
            if not isinstance(expression.ir, ir.Fact)
        ]
        self._matrix = tuple(row.cells for row in self._rows)
        self._computed = tuple(computed)
        self._is_first = self.policy is HitPolicy.FIRST
        self._find, self._needs_run = self._index(only_first=self._is_first)
        self._find_all = None if self._is_first else self._find
        self._constant = self._constant_outputs()
        constant = all(default is None or isinstance(default.ir, ir.Const) for default in self.defaults)
        nothing = self._no_hit({}, None, dt.UTC) if constant else None
        # each is made when its row is first found; -1, no row, finds the last
        self._results: list[TableResult | None] = [*(None for _ in self._rows), nothing]
        self.findings: tuple[Finding, ...] = tuple(
            replace(found, place=self._rows[self.index[found.rows[-1]]].place if found.rows else model.place)
            for found in analyse(self.analysed(self.policy))
        )
        if any(finding.severity is Severity.ERROR for finding in self.findings):
            raise InvalidError(finding.problem() for finding in self.findings if finding.severity is not Severity.HINT)

    # -- reading

    @property
    def labels(self) -> tuple[str, ...]:
        """What people call the input columns."""
        return tuple(given.label or given.expression.text for given in self.model.inputs)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is surely not meant: gaps, rows that can never decide, cells that are never true."""
        return tuple(finding.problem() for finding in self.findings if finding.severity is Severity.WARNING)

    @property
    def hints(self) -> tuple[Problem, ...]:
        """What could be simpler, and what the analysis did not look at."""
        return tuple(finding.problem() for finding in self.findings if finding.severity is Severity.HINT)

    def analysed(self, policy: HitPolicy) -> Analysed:
        """What the analysis looks at, as if the table had this hit policy."""
        return Analysed(
            rows=tuple(row.id for row in self._rows),
            inputs=tuple(expression.ir for expression in cast("tuple[Expression, ...]", self.inputs)),
            subjects=self._subjects,
            labels=self.labels,
            matrix=self._matrix,
            outputs=self._constant,
            policy=policy,
            has_default=bool(self.defaults),
            scope=self.scope,
            domains=self.domains,
            ranks=tuple(map(self._rank, self._rows, self._constant)) if policy is HitPolicy.PRIORITY else (),
            zone=self._zone,
        )

    @property
    def conditions(self) -> tuple[tuple[ir.Node, ...], ...]:
        """Each row's cells as conditions. A computed column stands in them as the fact of `computed`."""
        return tuple(tuple(cell.node for cell in cells) for cells in self._matrix)

    @property
    def computed(self) -> tuple[tuple[int, ir.Node], ...]:
        """The columns that compute a value: their places, and how."""
        inputs = cast("tuple[Expression, ...]", self.inputs)
        return tuple((at, each.ir) for at, each in enumerate(inputs) if not isinstance(each.ir, ir.Fact))

    @property
    def computed_outputs(self) -> tuple[tuple[str, ir.Node], ...]:
        """The outputs that are computed from facts: their names, and how, row by row."""
        return tuple(
            (column.name, each.ir)
            for row in self._rows
            for column, each in zip(self.model.outputs, row.outputs, strict=True)
            if not isinstance(each.ir, ir.Const)
        )

    def constant_outputs(self, row_id: str) -> Outputs | None:
        """A row's outputs where they are known without facts."""
        return self._constant[self.index[row_id]]

    @property
    def _is_ranked(self) -> bool:
        return self.policy in {HitPolicy.PRIORITY, HitPolicy.OUTPUT_ORDER}

    def because(self, row_id: str) -> str:
        """The sentence of a row."""
        return self._rows[self.index[row_id]].because

    # -- evaluating

    def evaluate(self, facts: Facts, *, at: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC) -> TableResult:
        """The decision.

        Raises `InvalidError`: for unfit facts and for cells or outputs that cannot be computed (`feel.*`), for a second
        hit under UNIQUE (`table.not_unique`) and for hits that differ under ANY (`table.disagree`).
        """
        try:
            found = self._find(facts, Run(facts, at, zone) if self._needs_run else None)
        except Exception as error:
            self._explain(facts, at, zone)
            raise AssertionError("generated code and interpreter disagree about a table") from error
        if self._is_first:
            return self._results[found] or self._result_of((found,) if found >= 0 else (), facts, at, zone)
        return self._result_of(found, facts, at, zone)

    def interpret(self, facts: Facts, *, at: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC) -> TableResult:
        """The decision, with each cell judged by the reference interpreter. Raises as `evaluate` does."""
        inputs = cast("tuple[Expression, ...]", self.inputs)
        values = [expression.interpret(facts, at=at, zone=zone) for expression in inputs]
        found = [
            position
            for position in range(len(self._rows))
            if all(
                self._cell(position, column, {**facts, "?": value}, at, zone) is True
                for column, value in enumerate(values)
            )
        ]
        return self._result_of(found[:1] if self._is_first else found, facts, at, zone)

    def matching(self, facts: Facts, *, at: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC) -> tuple[str, ...]:
        """The ids of all rows that match, in the table's order, whatever the hit policy. Raises as `evaluate` does."""
        find_all = self._find_all
        if find_all is None:  # a table of first hits is seldom asked for all of them
            find_all = self._find_all = self._index(only_first=False)[0]
        try:
            found = find_all(facts, Run(facts, at, zone) if self._needs_run else None)
        except Exception as error:
            self._explain(facts, at, zone)
            raise AssertionError("generated code and interpreter disagree about a table") from error
        return tuple(self._rows[row].id for row in found)

    def _index(self, *, only_first: bool) -> tuple[Callable[..., Any], bool]:
        return compile_index(self._matrix, columns=self._computed, only_first=only_first, budget=BITS_BUDGET)

    def _explain(self, facts: Facts, at: dt.datetime | None, zone: dt.tzinfo) -> None:
        """Find the problem of an evaluation that failed, and raise it with its place."""
        inputs = cast("tuple[Expression, ...]", self.inputs)
        cells = (cell.expression for row in self._rows for cell in row.cells)
        require_facts((*inputs, *cells), facts, but=[SUBJECT])
        values = [expression.interpret(facts, at=at, zone=zone) for expression in inputs]
        for position in range(len(self._rows)):
            for column, value in enumerate(values):
                if self._cell(position, column, {**facts, "?": value}, at, zone) is False:
                    break

    def _cell(self, row: int, column: int, facts: Facts, at: dt.datetime | None, zone: dt.tzinfo) -> Value:
        """A cell's truth by the interpreter. Raises `InvalidError` with the cell's own place."""
        cell = self._rows[row].cells[column].expression
        try:
            return cell.interpret(facts, at=at, zone=zone)
        except InvalidError:
            text = self.model.rows[row].inputs[column]  # equal texts are one expression, which stands at the first
            return cell.standing_at(text.place, text.line_columns).interpret(facts, at=at, zone=zone)

    def why_not(
        self, row_id: str, facts: Facts, *, at: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC
    ) -> FailedCell | None:
        """The first cell of a row that does not match, with the value seen; None when the row matches."""
        row = self.index[row_id]
        inputs = cast("tuple[Expression, ...]", self.inputs)
        for column, (label, expression) in enumerate(zip(self.labels, inputs, strict=True)):
            value = expression.interpret(facts, at=at, zone=zone)
            if self._cell(row, column, {**facts, "?": value}, at, zone) is not True:
                return FailedCell(label, self._rows[row].cells[column].text.strip(), value)
        return None

    # -- outputs

    def _result_of(self, rows: Sequence[int], facts: Facts, at: dt.datetime | None, zone: dt.tzinfo) -> TableResult:
        if not rows:
            return self._results[-1] or self._no_hit(facts, at, zone)
        if len(rows) == 1 and self.policy.is_single:
            return self._constant_result(rows[0]) or self._result(rows, facts, at, zone)
        if self.policy is HitPolicy.UNIQUE:
            raise self._not_unique(rows)
        return self._result(rows, facts, at, zone)

    def _result(self, rows: Sequence[int], facts: Facts, at: dt.datetime | None, zone: dt.tzinfo) -> TableResult:
        policy = self.policy
        made = [(row, self._constant[row] or self._outputs(self._rows[row], facts, at, zone)) for row in rows]
        if policy is HitPolicy.ANY:
            self._must_agree(made)
            made = made[:1] if policy.is_single else made
            ids = tuple(self._rows[row].id for row in rows)
            return TableResult(ids, (made[0][1],), self._shown(made[0][1]))
        if self._is_ranked:
            made.sort(key=lambda pair: self._rank_of(pair[1], self._rows[pair[0]]))
            made = made[:1] if policy.is_single else made
        outputs = tuple(pair[1] for pair in made)
        ids = tuple(self._rows[pair[0]].id for pair in made)
        if policy.is_single:
            return TableResult(ids[:1], outputs[:1], self._shown(outputs[0]))
        shown = tuple(self._shown(each) for each in outputs)
        return TableResult(ids, outputs, self._aggregated(shown) if policy.aggregates else shown)

    def _outputs(self, row: _CheckedRow, facts: Facts, at: dt.datetime | None, zone: dt.tzinfo) -> Outputs:
        made = {}
        for column, expression in zip(self.model.outputs, row.outputs, strict=True):
            value = expression.evaluate(facts, at=at, zone=zone)
            if column.allowed and not any(same(value, allowed) for allowed in column.allowed):
                raise InvalidError(_not_allowed(column.name, value, column.allowed, expression.place))
            made[column.name] = value
        return MappingProxyType(made)

    def _constant_outputs(self) -> tuple[Outputs | None, ...]:
        """Of each row the outputs that are known without facts; equal rows share them."""
        names = [column.name for column in self.model.outputs]
        known: dict[tuple[int, ...], Outputs | None] = {}
        found = []
        for row in self._rows:
            key = tuple(map(id, row.outputs))  # equal constants of a column are one expression
            if key not in known:
                nodes = [expression.ir for expression in row.outputs]
                values = [node.value for node in nodes if isinstance(node, ir.Const)]
                is_known = len(values) == len(nodes)
                known[key] = MappingProxyType(dict(zip(names, values, strict=True))) if is_known else None
            found.append(known[key])
        return tuple(found)

    def _constant_result(self, row: int) -> TableResult | None:
        found, outputs = self._results[row], self._constant[row]
        if found is None and outputs is not None:
            found = self._results[row] = TableResult((self._rows[row].id,), (outputs,), self._shown(outputs))
        return found

    def _shown(self, outputs: Outputs) -> Value:
        return outputs if len(self.model.outputs) > 1 else next(iter(outputs.values()))

    def _aggregated(self, values: tuple[Value, ...]) -> Value:
        if self.policy is HitPolicy.COLLECT_COUNT:
            return Decimal(len(values))
        result = values[0]
        for value in values[1:]:
            if self.policy is HitPolicy.COLLECT_SUM:
                result = add(result, value)
            elif order("<" if self.policy is HitPolicy.COLLECT_MIN else ">", value, result):
                result = value
        return result

    def _no_hit(self, facts: Facts, at: dt.datetime | None, zone: dt.tzinfo) -> TableResult:
        if self.defaults:
            made: Outputs = {
                column.name: default.evaluate(facts, at=at, zone=zone) if default is not None else None
                for column, default in zip(self.model.outputs, self.defaults, strict=True)
            }
            return TableResult((), (made,), self._shown(made), defaulted=True)
        if self.policy is HitPolicy.COLLECT_COUNT:
            return TableResult((), (), Decimal(0))
        empty: Value = () if not self.policy.is_single and not self.policy.aggregates else None
        return TableResult((), (), empty)

    def _rank(self, row: _CheckedRow, outputs: Outputs | None) -> tuple[int, ...] | None:
        return None if outputs is None else self._rank_of(outputs, row)

    def _rank_of(self, outputs: Outputs, row: _CheckedRow) -> tuple[int, ...]:
        """Priority: the place of each output among its column's allowed values, the first column first."""
        ranks = []
        for column in self.model.outputs:
            if column.allowed:
                value = outputs[column.name]
                ranks.append(next(at for at, allowed in enumerate(column.allowed) if same(value, allowed)))
        return (*ranks, self.index[row.id])

    # -- problems

    def _must_agree(self, made: Sequence[tuple[int, Outputs]]) -> None:
        first, outputs = made[0]
        for row, other in made[1:]:
            if not same(dict(outputs), dict(other)):
                a, b = self._rows[first], self._rows[row]
                raise InvalidError(
                    Problem(
                        "table.disagree",
                        f"the rows `{a.id}` and `{b.id}` both match but give {_written(outputs)} and {_written(other)}",
                        b.place,
                        "under ANY, rows that match together must agree; use FIRST or PRIORITY to choose",
                    )
                )

    def _not_unique(self, rows: Sequence[int]) -> InvalidError:
        ids = " and ".join(f"`{self._rows[row].id}`" for row in rows[:2])
        return InvalidError(
            Problem(
                "table.not_unique",
                f"the rows {ids} both match",
                self._rows[rows[1]].place,
                "under UNIQUE at most one row may match; narrow one of them, or use FIRST",
            )
        )

    def __reduce__(self) -> tuple[Callable[..., CompiledTable], tuple[Any, ...]]:
        return CompiledTable, (self.model, self.scope, self.domains, self._zone)


def _subject(at: int, expression: Expression) -> ir.Fact:
    """The fact that stands for a column: the one its expression names, or a made-up one that is computed."""
    node = expression.ir
    if isinstance(node, ir.Fact):
        return node
    return ir.Fact((f"?{at}",), type=node.type, nullable=node.nullable, span=node.span)


def _written(outputs: Outputs) -> str:
    return "`" + ", ".join(literal(value) for value in outputs.values()) + "`"


def _not_allowed(name: str, value: Value, allowed: Sequence[Value], place: Place) -> Problem:
    values = ", ".join(f"`{literal(each)}`" for each in allowed)
    return Problem(
        "table.output", f"`{literal(value)}` is not a value of the output `{name}`", place, f"allowed are {values}"
    )


# -- checking the parts


def _check_shape(model: TableModel, report: Report) -> None:
    if not model.inputs or not model.outputs or not model.rows:
        lacking = "input column" if not model.inputs else "output column" if not model.outputs else "row"
        report.add("table.columns", f"the table has no {lacking}", model.place)
    names: set[str] = set()
    for output in model.outputs:
        if output.name in names:
            report.add("table.columns", f"there are two outputs named `{output.name}`", output.place)
        names.add(output.name)
    ids: set[str] = set()
    for row in model.rows:
        if row.id in ids:
            report.add("table.duplicate_row", f"there are two rows with the id `{row.id}`", row.place)
        ids.add(row.id)
    policy = model.hit_policy
    if policy.aggregates and policy is not HitPolicy.COLLECT_COUNT:
        if len(model.outputs) != 1:
            report.add(
                "table.hit_policy",
                f"`{policy.value}` combines one output; the table has {len(model.outputs)}",
                model.place,
            )
        elif policy is HitPolicy.COLLECT_SUM and not fits(model.outputs[0].type, NUMBER):
            report.add(
                "table.hit_policy",
                f"`{policy.value}` adds numbers; the output is a {model.outputs[0].type}",
                model.place,
            )
    if policy in {HitPolicy.PRIORITY, HitPolicy.OUTPUT_ORDER} and not any(output.allowed for output in model.outputs):
        report.add(
            "table.hit_policy",
            f"`{policy.value}` needs an output with allowed values, in order of priority",
            model.place,
            "list them from the most to the least important",
        )


def _checked_inputs(model: TableModel, scope: Scope, report: Report) -> tuple[Expression | None, ...]:
    found: list[Expression | None] = []
    for given in model.inputs:
        text = given.expression
        try:
            found.append(check(text.text, scope, place=text.place, line_columns=text.line_columns))
        except InvalidError as error:
            report.extend(error.problems)
            found.append(None)
    return tuple(found)


def _checked_defaults(model: TableModel, scope: Scope, report: Report) -> tuple[Expression | None, ...]:
    if all(output.default is None for output in model.outputs):
        return ()
    found: list[Expression | None] = []
    for output in model.outputs:
        text = output.default
        if text is None:
            found.append(None)
            continue
        try:
            found.append(check(text.text, scope, expect=output.type, place=text.place, line_columns=text.line_columns))
        except InvalidError as error:
            report.extend(error.problems)
            found.append(None)
    return tuple(found)


class _RowChecker:
    """Checks rows one by one. Equal cells of a column become one expression: large tables repeat themselves."""

    def __init__(
        self,
        model: TableModel,
        inputs: Sequence[Expression | None],
        subjects: Sequence[ir.Fact | None],
        scope: Scope,
        report: Report,
    ) -> None:
        self.model = model
        self.scope = scope
        self.report = report
        self.columns = tuple(
            None if expression is None or subject is None else (_subject_field(expression, self.scope), subject)
            for expression, subject in zip(inputs, subjects, strict=True)
        )
        self.cells: dict[tuple[int, str], Cell] = {}
        self.outputs: dict[tuple[int, str], Expression] = {}

    @property
    def reads(self) -> frozenset[str]:
        """The dotted paths of the facts that cells and outputs read, beside the columns' own."""
        cells = (cell.expression.reads for cell in self.cells.values() if cell.outline is None)
        outputs = (each.reads for each in self.outputs.values() if not isinstance(each.ir, ir.Const))
        return frozenset().union(*cells, *outputs) - {"?"}

    def checked(self, row: Row) -> _CheckedRow:
        """The row, as far as it can be read; what is wrong is in the report."""
        model, report = self.model, self.report
        for what, given, wanted in (
            ("input", len(row.inputs), len(model.inputs)),
            ("output", len(row.outputs), len(model.outputs)),
        ):
            if given != wanted:
                report.add(
                    "table.cells",
                    f"the row `{row.id}` has {given} {what} cells; the table has {wanted} {what} columns",
                    row.place,
                )
        cells: list[Cell] = []
        outputs: list[Expression] = []
        for at, (text, column) in enumerate(zip(row.inputs, self.columns, strict=False)):
            if column is not None:
                try:
                    cells.append(self.cell(at, text, *column))
                except InvalidError as error:
                    report.extend(error.problems)
        for at, (text, output) in enumerate(zip(row.outputs, model.outputs, strict=False)):
            try:
                made = self.output(at, text, output.type)
            except InvalidError as error:
                report.extend(error.problems)
                continue
            outputs.append(made)
            if output.allowed and isinstance(made.ir, ir.Const):
                value = made.ir.value
                if not any(same(value, allowed) for allowed in output.allowed):
                    report.extend([_not_allowed(output.name, value, output.allowed, text.place)])
        return _CheckedRow(row.id, row.because, row.place, tuple(cells), tuple(outputs))

    def cell(self, at: int, text: Text, field: Field, subject: ir.Fact) -> Cell:
        """The cell of a column; the first one of its text stands for all."""
        key = at, text.text
        known = self.cells.get(key)
        if known is None:
            made = check_unary_tests(text.text, field, self.scope, place=text.place, line_columns=text.line_columns)
            known = self.cells[key] = Cell(made, subject)
        return known

    def output(self, at: int, text: Text, wanted: Type) -> Expression:
        """The output of a column: one for all of its text where it is a constant, which has no problems of its own."""
        key = at, text.text
        known = self.outputs.get(key)
        if known is None:
            known = check(text.text, self.scope, expect=wanted, place=text.place, line_columns=text.line_columns)
            self.outputs[key] = known
        return known if isinstance(known.ir, ir.Const) else known.standing_at(text.place, text.line_columns)


def _subject_field(expression: Expression, scope: Scope) -> Field:
    node = expression.ir
    fact = scope.at(node.path) if isinstance(node, ir.Fact) else None
    if fact is None:
        return Field(expression.type, node.nullable)
    return Field(expression.type, node.nullable, fact.enum, zoned=fact.zoned)
