"""The intermediate form as operations on columns.

Three ways lead from a node to its values, the first that is open being taken. An operator with a meaning in whole
numbers or codes becomes array operations. A node about columns with few distinct values, whatever it computes, is
evaluated once for each combination of them by the interpreter, and looked up. Everything else runs row by row through
generated code. Each distinct node is compiled once for all rules that share it, and computed once for each stretch of
rows.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, ClassVar, Final, cast

import numpy as np

from engine.columns.arithmetic import absolute, aligned, days_between, divided, extreme, multiplied, summed
from engine.columns.choices import chosen_truths, chosen_wholes
from engine.columns.comparisons import MIRRORED, bounded, compared, compared_texts, compared_with_null, picked, quotient
from engine.columns.constants import WHOLE_TYPES, constant, never_sure, table_of
from engine.columns.encoding import INT64_HIGH, Coded, Scaled
from engine.columns.operation import Operation, Stretch
from engine.columns.population import Population
from engine.columns.vectors import (
    Objects,
    Picks,
    Shape,
    Truths,
    Vector,
    Wholes,
    as_truths,
    conjunction,
    disjunction,
    either,
    everywhere,
    negation,
)
from engine.feel import ir
from engine.feel.generate import compile_value
from engine.feel.interpret import interpret
from engine.feel.limits import MAX_STEPS
from engine.feel.operations import Run
from engine.feel.types import BOOLEAN, DATE, NUMBER, STRING, Type
from engine.feel.values import Fault, Value

TABULATED: Final = 4_096
"""Combinations of distinct values up to which a node is evaluated for each of them."""


@dataclass(slots=True)
class Compiler:
    """Compiles nodes for one population, instant and zone.

    `step_share` bounds the loop steps that one node may take in one row before the row counts as unsure: the limit on
    steps is one for all nodes that a single evaluation looks at.
    """

    population: Population
    at: dt.datetime | None
    zone: dt.tzinfo
    step_share: int = MAX_STEPS
    _known: dict[object, Operation] = field(default_factory=dict)
    _values: dict[str, ir.Node] = field(default_factory=dict)

    def compile(self, node: ir.Node) -> Operation:
        """The operation of a node. What cannot be computed in columns is computed row by row; nothing is refused."""
        key = self._key(node)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._made(node)
        return found

    def condition(self, node: ir.Node) -> Operation:
        """The operation of a node as truth values; what is neither true nor false counts as null."""
        operation = self.compile(node)
        shape = replace(operation.shape, type=BOOLEAN)
        if operation.constant is not None:
            value = operation.constant[0]
            truth = value if isinstance(value, bool) else None
            return replace(operation, shape=shape, compute=lambda stretch: everywhere(len(stretch), truth))
        return Operation(shape, lambda stretch: as_truths(operation.of(stretch)), None, operation.by_row)

    def settled(self, node: ir.Node) -> ir.Node:
        """The condition with what it compares facts with computed now, such as `today() - duration("P30D")`."""
        if isinstance(node, ir.And | ir.Or):
            return replace(node, items=tuple(self.settled(item) for item in node.items))
        if isinstance(node, ir.Not):
            return replace(node, operand=self.settled(node.operand))
        if isinstance(node, ir.Compare):
            return replace(node, left=self._settled_side(node.left), right=self._settled_side(node.right))
        return node

    def _settled_side(self, node: ir.Node) -> ir.Node:
        if isinstance(node, ir.Const | ir.Fact) or _free(node) or ir.facts_of(node):
            return node
        operation = self.compile(node)
        if operation.constant is None:
            return node
        return ir.Const(operation.constant[0], type=node.type, nullable=node.nullable, span=node.span)

    # -- choosing the way

    def _made(self, node: ir.Node) -> Operation:
        if isinstance(node, ir.Local):
            return self.compile(self._values[node.name])
        closed = self._closed(node)
        facts = ir.facts_of(closed)
        if not facts:
            return self._fixed(closed)
        if isinstance(node, ir.Fact):
            return self._fact(node)
        way = self._WAYS.get(type(node))
        plain = way(self, node) if way is not None else None
        if plain is not None:
            return plain
        return self._tabulated(closed, facts) or self._by_row(closed)

    def _closed(self, node: ir.Node) -> ir.Node:
        """The node with the variables around it bound within it."""
        free = _free(node)
        bound: set[str] = set()
        while free:
            name = free.pop()
            if name in bound:
                continue
            bound.add(name)
            value = self._values[name]
            local = ir.Local(name, type=value.type, nullable=value.nullable)
            node = ir.Let(local, value, node, type=node.type, nullable=node.nullable, span=node.span)
            free |= _free(value)
        return node

    def _key(self, node: ir.Node) -> object:
        """Equal for nodes that mean the same."""
        if isinstance(node, ir.Local) and node.name in self._values:
            return self._key(self._values[node.name])
        parts = tuple(self._key(child) for child in ir.children(node))
        match node:
            case ir.Const():
                value = node.value
                return (ir.Const, type(value), value.as_tuple() if isinstance(value, Decimal) else repr(value))
            case ir.Fact():
                return (ir.Fact, node.path, node.type, node.nullable)
            case ir.Arithmetic() | ir.Compare():
                return (type(node), node.op, parts)
            case ir.Negate() | ir.And() | ir.Or() | ir.Not() | ir.If():
                return (type(node), parts)
            case ir.Call():
                return (ir.Call, node.name, parts)
            case ir.Let():
                return (ir.Let, node.local.name, id(node.value), parts)
        return id(node)

    # -- constants and facts

    def _fixed(self, node: ir.Node) -> Operation:
        """A node that reads no fact: one value for all rows, or a fault for all that come to it."""
        run = Run({}, self.at, self.zone)
        try:
            value = interpret(node, run)
        except Fault:
            return never_sure(node.type)
        return constant(node.type, value) if MAX_STEPS - run.steps <= self.step_share else never_sure(node.type)

    def _fact(self, node: ir.Fact) -> Operation:
        column = self.population.column(node.path, node.type)
        missing = None if node.nullable else column.nulls
        if isinstance(column, Coded):
            inexact = either(column.inexact, missing)
            if node.type == BOOLEAN:
                yes = np.array([*(value is True for value in column.dictionary), False])
                null = len(column.dictionary)

                def truths(stretch: Stretch) -> Vector:
                    codes = column.codes[stretch.rows]
                    absent = codes == null if column.nulls is not None else None
                    return Truths(yes[codes], absent, stretch.cut(inexact))

                return Operation(Shape(BOOLEAN), truths)
            return Operation(
                Shape(node.type, dictionary=column.dictionary),
                lambda stretch: Picks(column.codes[stretch.rows], stretch.cut(inexact)),
            )
        if isinstance(column, Scaled):
            inexact = either(column.inexact, missing)
            low, high = column.bounds
            return Operation(
                Shape(node.type, column.scale, low, high),
                lambda stretch: Wholes(column.values[stretch.rows], stretch.cut(column.nulls), stretch.cut(inexact)),
            )
        return self._by_row(node)

    # -- once for each distinct value

    def _tabulated(self, node: ir.Node, facts: Sequence[ir.Fact]) -> Operation | None:
        if any(fact.type == NUMBER for fact in facts) and _writes_numbers(node):
            return None  # a text shows how a number was written, and columns keep only how much it is
        columns = []
        size = 1
        for fact in facts:
            column = self.population.distinct(fact.path, fact.type, TABULATED)
            if column is None:
                return None
            columns.append(column)
            size *= len(column.dictionary) + 1
        if size > TABULATED and (len(facts) > 1 or size > len(self.population)):
            return None
        unsure = either(
            *(column.inexact for column in columns),
            *(column.nulls for column, fact in zip(columns, facts, strict=True) if not fact.nullable),
        )
        choices = [(*column.dictionary, None) for column in columns]
        found = [self._value(node, facts, combination) for combination in itertools.product(*choices)]
        shape, look = table_of(node.type, found)

        def places(stretch: Stretch) -> Vector:
            place = columns[0].codes[stretch.rows].astype(np.intp)
            for column in columns[1:]:
                place = place * (len(column.dictionary) + 1) + column.codes[stretch.rows]
            return look(place, stretch.cut(unsure))

        return Operation(shape, places)

    def _value(self, node: ir.Node, facts: Sequence[ir.Fact], combination: Sequence[Value]) -> Value | Fault:
        given: dict[str, Any] = {}
        for fact, value in zip(facts, combination, strict=True):
            if value is None and not fact.nullable:
                return Fault("feel.missing_fact", fact.name)
            inner = given
            for step in fact.path[:-1]:
                inner = inner.setdefault(step, {})
            inner[fact.path[-1]] = value
        run = Run(given, self.at, self.zone)
        try:
            value = interpret(node, run)
        except Fault as fault:
            return fault
        return value if MAX_STEPS - run.steps <= self.step_share else Fault("feel.step_limit", "")

    # -- row by row

    def _by_row(self, node: ir.Node) -> Operation:
        function, needs_run = compile_value(node)
        population, at, zone, share = self.population, self.at, self.zone, self.step_share

        def compute(stretch: Stretch) -> Vector:
            values: list[Value] = []
            unsure = np.zeros(len(stretch), np.bool_)
            for row in range(stretch.start, stretch.stop):
                facts = population.facts(row)
                run = Run(facts, at, zone) if needs_run else None
                try:
                    value = function(facts, run)
                except Exception:  # noqa: BLE001  # whatever it is, the code for single records tells it
                    value, unsure[row - stretch.start] = None, True
                if run is not None and MAX_STEPS - run.steps > share:
                    unsure[row - stretch.start] = True
                values.append(value)
            faults = unsure if unsure.any() else None
            if node.type == BOOLEAN:
                true = np.fromiter((value is True for value in values), np.bool_, len(values))
                null = np.fromiter((value is None for value in values), np.bool_, len(values))
                return Truths(true, null if null.any() else None, faults)
            return Objects(values, faults)

        return Operation(Shape(node.type, objects=node.type != BOOLEAN), compute, None, by_row=True)

    # -- operators

    def _and(self, node: ir.And) -> Operation | None:
        return self._logic(node.items, conjunction)

    def _or(self, node: ir.Or) -> Operation | None:
        return self._logic(node.items, disjunction)

    def _logic(self, items: Sequence[ir.Node], combine: Callable[[Sequence[Truths]], Truths]) -> Operation:
        parts = [self.condition(item) for item in items]
        return Operation(
            Shape(BOOLEAN),
            lambda stretch: combine([part.truths(stretch) for part in parts]),
            by_row=any(part.by_row for part in parts),
        )

    def _not(self, node: ir.Not) -> Operation | None:
        part = self.condition(node.operand)
        return Operation(Shape(BOOLEAN), lambda stretch: negation(part.truths(stretch)), by_row=part.by_row)

    def _let(self, node: ir.Let) -> Operation | None:
        value = self.compile(node.value)
        self._values[node.local.name] = node.value
        body = self.compile(node.body)
        if not (value.columnar and body.columnar):
            return None

        def compute(stretch: Stretch) -> Vector:
            found = body.of(stretch)
            unsure = either(found.unsure, value.of(stretch).unsure)  # the value is computed even where it is not used
            return replace(found, unsure=unsure)

        return Operation(body.shape, compute)

    def _if(self, node: ir.If) -> Operation | None:
        condition, yes, no = self.condition(node.condition), self.compile(node.yes), self.compile(node.no)
        if not (yes.columnar and no.columnar) or node.yes.type != node.no.type:
            return None
        if node.type == BOOLEAN:
            return Operation(Shape(BOOLEAN), lambda stretch: chosen_truths(condition, yes, no, stretch))
        if node.type not in WHOLE_TYPES:
            return None
        pair = aligned(yes, no)
        if pair is None:
            return None
        yes, no, scale = pair
        low, high = min(yes.shape.low, no.shape.low), max(yes.shape.high, no.shape.high)
        return Operation(Shape(node.type, scale, low, high), lambda stretch: chosen_wholes(condition, yes, no, stretch))

    def _compare(self, node: ir.Compare) -> Operation | None:
        left, right = self.compile(node.left), self.compile(node.right)
        if left.constant is not None and right.columnar:
            return self._with_constant(MIRRORED[node.op], right, node.right.type, left.constant[0], node.left.type)
        if right.constant is not None and left.columnar:
            return self._with_constant(node.op, left, node.left.type, right.constant[0], node.right.type)
        if (found := self._compared_quotient(node)) is not None:
            return found
        if node.left.type != node.right.type or not (left.columnar and right.columnar):
            return None
        if node.left.type in WHOLE_TYPES:
            pair = aligned(left, right)
            return None if pair is None else compared(node.op, pair[0], pair[1])
        if node.left.type == STRING:
            return compared_texts(node.op, left, right)
        return None

    def _compared_quotient(self, node: ir.Compare) -> Operation | None:
        """A quotient of numbers with a number: what it is divided by moves to the other side."""
        for op, side, other in ((node.op, node.left, node.right), (MIRRORED[node.op], node.right, node.left)):
            if not (isinstance(side, ir.Arithmetic) and side.op == "/"):
                continue
            if not side.left.type == side.right.type == other.type == NUMBER:
                continue
            dividend, divisor, number = (self.compile(part) for part in (side.left, side.right, other))
            if dividend.columnar and divisor.columnar and number.columnar:
                return quotient(op, dividend, divisor, number)
        return None

    def _with_constant(self, op: str, operation: Operation, type_: Type, value: Value, other: Type) -> Operation | None:
        """A comparison with a constant on the right."""
        if value is None:
            return compared_with_null(op, operation)
        if type_ != other or (type_ == STRING and op not in {"=", "!="}):
            return None
        if type_ == STRING:
            return picked(op, operation, cast("str", value))
        return bounded(op, operation, type_, value) if type_ in WHOLE_TYPES else None

    def _negate(self, node: ir.Negate) -> Operation | None:
        part = self.compile(node.operand)
        if not part.columnar or node.operand.type != NUMBER:
            return None
        shape = replace(part.shape, low=-part.shape.high, high=-part.shape.low)

        def compute(stretch: Stretch) -> Vector:
            found = cast("Wholes", part.of(stretch))
            return replace(found, values=-found.values)

        return Operation(shape, compute) if -part.shape.low <= INT64_HIGH else None

    def _arithmetic(self, node: ir.Arithmetic) -> Operation | None:
        types = node.left.type, node.right.type
        left, right = self.compile(node.left), self.compile(node.right)
        if not (left.columnar and right.columnar):
            return None
        if types == (DATE, DATE) and node.op == "-":
            return days_between(left, right)
        if types != (NUMBER, NUMBER):
            return None
        if node.op in {"+", "-"}:
            pair = aligned(left, right)
            return None if pair is None else summed(node.op, *pair)
        if node.op == "*":
            return multiplied(left, right)
        return divided(left, right) if node.op == "/" else None

    def _call(self, node: ir.Call) -> Operation | None:
        """`min` and `max` of two numbers or more, and `abs`."""
        if any(argument.type != NUMBER or argument.nullable for argument in node.arguments):
            return None
        parts = [self.compile(argument) for argument in node.arguments]
        if not all(part.columnar for part in parts):
            return None
        if node.name in {"min", "max"} and len(parts) > 1:
            found: Operation | None = parts[0]
            for part in parts[1:]:
                pair = None if found is None else aligned(found, part)
                found = None if pair is None else extreme(node.name, *pair)
            return found
        if node.name == "abs" and len(parts) == 1:
            return absolute(parts[0])
        return None

    _WAYS: ClassVar[Mapping[type, Callable[[Compiler, Any], Operation | None]]] = {
        ir.And: _and,
        ir.Or: _or,
        ir.Not: _not,
        ir.Let: _let,
        ir.If: _if,
        ir.Compare: _compare,
        ir.Negate: _negate,
        ir.Arithmetic: _arithmetic,
        ir.Call: _call,
    }


def _free(node: ir.Node) -> set[str]:
    """The variables that a node reads and does not bind."""
    found = {each.name for each in ir.walk(node) if isinstance(each, ir.Local)}
    for each in ir.walk(node):
        if isinstance(each, ir.Let | ir.Select):
            found.discard(each.local.name)
        elif isinstance(each, ir.Loop | ir.Quantified | ir.ContextOf):
            found -= {local.name for local in each.locals}
            if isinstance(each, ir.Loop) and each.partial is not None:
                found.discard(each.partial.name)
        elif isinstance(each, ir.Function):
            found -= {local.name for local in each.parameters}
    return found


def _writes_numbers(node: ir.Node) -> bool:
    return any(isinstance(each, ir.Call) and each.name == "string" for each in ir.walk(node))
