"""Conditions that can never be true, and parts of conditions that are always true, with facts that show it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from functools import reduce
from itertools import combinations
from operator import and_
from typing import Any

from engine.exact_json import facts_text
from engine.feel import Expression, ir, types
from engine.feel.domains import Domains, complete_record
from engine.feel.interpret import interpret
from engine.feel.operations import Run
from engine.feel.truth_table import MAX_POINTS, Point, TruthTable
from engine.feel.values import Fault
from engine.problems import Problem, Report
from engine.rulefile.facts import FactField, FactSchema
from engine.rulefile.nodes import Node


@dataclass(frozen=True, slots=True)
class WrittenCondition:
    """A checked condition or other expression, where it stands, and what its names mean."""

    node: Node
    expression: Expression
    scope: types.Scope


@dataclass(frozen=True, slots=True)
class _Part:
    """A conjunct of a condition with its text."""

    node: ir.Node
    text: str


def look_at_conditions(
    conditions: Sequence[WrittenCondition],
    facts: FactSchema,
    *,
    at: datetime,
    zone: tzinfo,
    warnings: Report,
    hints: Report,
) -> None:
    """Add what is found about conditions; `at` is an instant at which they hold."""
    domains: dict[int, Domains] = {}
    for condition in conditions:
        key = id(condition.scope)  # a scope is that of many conditions
        if key not in domains:
            domains[key] = domains_of(facts, condition.scope)
        _Look(condition, facts, domains[key], at, zone, warnings, hints).look()


def domains_of(facts: FactSchema, scope: types.Scope) -> Domains:
    """The facts' domains, and those of the items that the scope names as if they were facts."""
    name, item = _item(facts, scope)
    if item is None:
        return facts.domains
    below = FactSchema(facts.name, "", item).domains
    return {**facts.domains, **{f"{name}.{path}" if name else path: domain for path, domain in below.items()}}


@dataclass(frozen=True, slots=True)
class _Look:
    condition: WrittenCondition
    facts: FactSchema
    domains: Domains
    at: datetime
    zone: tzinfo
    warnings: Report
    hints: Report

    def look(self) -> None:
        """Whether the whole can be true; if so, whether its parts are needed."""
        root = self.condition.expression.ir
        if isinstance(root, ir.Const):
            return  # somebody wrote `true`, and means it
        parts = self._parts(root)
        table = TruthTable([part.node for part in parts], self.domains)
        never = self._contradiction(table, parts)
        if never is not None:
            self._tell_never(table, never, parts)
            return
        for part in parts:
            if self._always(table, part.node):
                self._tell_always(table, part, is_whole=len(parts) == 1)
            elif isinstance(part.node, ir.Or):
                for branch in part.node.items:
                    if self._size(table, [branch]) <= MAX_POINTS and self._true_point(table, [branch]) is None:
                        one = _Part(branch, self._text(branch))
                        self._tell_never(table, [one], [one])

    def _parts(self, root: ir.Node) -> list[_Part]:
        if isinstance(root, ir.And):
            return [_Part(item, self._text(item)) for item in root.items]
        return [_Part(root, self._text(root))]

    def _text(self, node: ir.Node) -> str:
        return " ".join(self.condition.expression.part(node.span).split())

    def _contradiction(self, table: TruthTable, parts: Sequence[_Part]) -> list[_Part] | None:
        """The fewest parts that are never true together; None where there are none, or too many points to tell."""
        for number in (1, 2):
            for some in combinations(parts, number):
                shared = number == 1 or set(table.variables(some[0].node)) & set(table.variables(some[1].node))
                if shared and self._is_never(table, some):
                    return list(some)
        for group in _connected(table, parts):
            if len(group) > 2 and self._is_never(table, group):  # pairs have been looked at
                return group
        return None

    def _is_never(self, table: TruthTable, parts: Sequence[_Part]) -> bool:
        nodes = [part.node for part in parts]
        return self._size(table, nodes) <= MAX_POINTS and self._true_point(table, nodes) is None

    def _size(self, table: TruthTable, nodes: Sequence[ir.Node]) -> int:
        return table.size(_variables(table, nodes))

    def _true_point(self, table: TruthTable, nodes: Sequence[ir.Node]) -> Point | None:
        points = table.points(_variables(table, nodes))
        return points.first(reduce(and_, map(points.true, nodes)))

    def _always(self, table: TruthTable, node: ir.Node) -> bool:
        if not table.variables(node) or self._size(table, [node]) > MAX_POINTS:
            return False
        points = table.points(table.variables(node))
        return points.true(node) == points.everything

    def _tell_never(self, table: TruthTable, never: Sequence[_Part], parts: Sequence[_Part]) -> None:
        """With facts for which the first of the parts is true, if there are some, and the condition is not."""
        point = self._true_point(table, [never[0].node]) or self._some_point(table, never[0].node)
        record = self._record(table, point)
        if self._interpreted(self.condition.expression.ir if len(parts) > 1 else never[0].node, record) is True:
            return
        texts = " and ".join(f"`{part.text}`" for part in never)
        what = "can never be true" if len(never) == 1 else "are never true together"
        span = (min(part.node.span[0] for part in never), max(part.node.span[1] for part in never))
        help_text = "no facts that the schema allows make it true; correct it, or remove it"
        self._tell(self.warnings, Problem("rules.never_true", f"{texts} {what}", help=help_text), span, record)

    def _tell_always(self, table: TruthTable, part: _Part, *, is_whole: bool) -> None:
        record = self._record(table, self._some_point(table, part.node))
        if self._interpreted(part.node, record) is not True:
            return
        help_text = "write `true` if that is meant" if is_whole else "leave it out"
        message = f"`{part.text}` is true whatever the facts are"
        self._tell(self.hints, Problem("rules.always_true", message, help=help_text), part.node.span, record)

    def _tell(self, report: Report, problem: Problem, span: tuple[int, int], record: dict[str, Any]) -> None:
        place = self.condition.node.exact_place(self.condition.expression.places.place(span))
        given = facts_text(as_given(record, self.facts, self.condition.scope))
        report.extend([replace(problem, place=place, given=given)])

    def _some_point(self, table: TruthTable, node: ir.Node) -> Point:
        points = table.points(table.variables(node))
        return points.first(points.everything) or {}

    def _record(self, table: TruthTable, point: Point) -> dict[str, Any]:
        return complete_record(self.condition.scope, table.values(point), self.domains)

    def _interpreted(self, node: ir.Node, record: dict[str, Any]) -> object:
        try:
            return interpret(node, Run(record, self.at, self.zone))
        except Fault as fault:
            return fault


def _variables(table: TruthTable, nodes: Sequence[ir.Node]) -> tuple[Hashable, ...]:
    return tuple(dict.fromkeys(variable for node in nodes for variable in table.variables(node)))


def _connected(table: TruthTable, parts: Sequence[_Part]) -> Iterator[list[_Part]]:
    """The parts in groups that share nothing: a conjunction can be true where each group can."""
    left = list(parts)
    while left:
        group = [left.pop(0)]
        known = set(table.variables(group[0].node))
        grew = True
        while grew:
            joining = [part for part in left if known & set(table.variables(part.node))]
            grew = bool(joining)
            for part in joining:
                left.remove(part)
                group.append(part)
                known |= set(table.variables(part.node))
        yield group


def as_given(record: dict[str, Any], facts: FactSchema, scope: types.Scope) -> dict[str, Any]:
    """A record over a scope as facts: the item of a list that the scope speaks of, back in its list."""
    name, item = _item(facts, scope)
    if item is None:
        return record
    if name:
        outer, inner = {key: value for key, value in record.items() if key != name}, record.get(name, {})
    else:
        names = {field.name for field in item.fields}
        outer = {key: value for key, value in record.items() if key not in names}
        inner = {key: value for key, value in record.items() if key in names}
    listed = next(field.name for field in facts.fields if field.item is item)
    return {**outer, listed: (inner,)}


def _item(facts: FactSchema, scope: types.Scope) -> tuple[str, FactField | None]:
    """The item of a list of facts that a scope speaks of: under a name, or (no name) with its fields among the facts.

    The former is a name that is no fact, of an item's type; the latter shows by the list itself being left out.
    """
    for field in facts.fields:
        if field.item is None or field.item.form != "object":
            continue
        if field.name not in scope.fields:
            return "", field.item
        for name, known in scope.fields.items():
            if facts.field(name) is None and known.type == field.item.type:
                return name, field.item
    return "", None
