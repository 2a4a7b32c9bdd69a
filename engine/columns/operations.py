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
from typing import Any, Final, cast

import numpy as np

from engine.columns.encoding import (
    INT64_HIGH,
    INT64_LOW,
    MAX_SCALE,
    MICROSECONDS_A_DAY,
    Bools,
    Coded,
    Ints,
    Scaled,
    to_whole,
)
from engine.columns.population import Population
from engine.columns.vectors import (
    Mask,
    Objects,
    Picks,
    Shape,
    Truths,
    Vector,
    Wholes,
    conjunction,
    disjunction,
    either,
    everywhere,
    negation,
    within,
)
from engine.feel import ir
from engine.feel.generate import compile_value
from engine.feel.interpret import interpret
from engine.feel.limits import MAX_STEPS
from engine.feel.operations import ORDERS, Run
from engine.feel.types import (
    BOOLEAN,
    DATE,
    DATE_TIME,
    DAYS_TIME_DURATION,
    NUMBER,
    STRING,
    YEARS_MONTHS_DURATION,
    Type,
)
from engine.feel.values import NUMBERS, Fault, Value

TABULATED: Final = 4_096
"""Combinations of distinct values up to which a node is evaluated for each of them."""

WHOLE_TYPES: Final = frozenset({NUMBER, DATE, DATE_TIME, DAYS_TIME_DURATION, YEARS_MONTHS_DURATION})
CODED_TYPES: Final = frozenset({STRING, BOOLEAN})

_OPS: Final[Mapping[str, Callable[[Any, Any], Bools]]] = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_MIRRORED: Final = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class Stretch:
    """Rows from `start` to before `stop`, with what has been computed for them."""

    __slots__ = ("made", "rows", "start", "stop")

    def __init__(self, start: int, stop: int) -> None:
        self.start, self.stop = start, stop
        self.rows = slice(start, stop)
        self.made: dict[int, Vector] = {}

    def __len__(self) -> int:
        return self.stop - self.start

    def cut(self, mask: Mask) -> Mask:
        """The stretch's part of a mask over all rows."""
        if mask is None:
            return None
        found = mask[self.rows]
        return found if found.any() else None


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A compiled node. `constant` holds its value where it is the same for all rows."""

    shape: Shape
    compute: Callable[[Stretch], Vector]
    constant: tuple[Value] | None = None
    by_row: bool = False

    @property
    def columnar(self) -> bool:
        """Whether operators in columns may go on from here."""
        return not self.by_row and not self.shape.objects

    def of(self, stretch: Stretch) -> Vector:
        """The vector for a stretch, computed at the first call."""
        found = stretch.made.get(id(self))
        if found is None:
            found = stretch.made[id(self)] = self.compute(stretch)
        return found

    def truths(self, stretch: Stretch) -> Truths:
        """The vector as truth values."""
        return cast("Truths", self.of(stretch))


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
        way = _WAYS.get(type(node))
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
            return _never_sure(node.type)
        return constant(node.type, value) if MAX_STEPS - run.steps <= self.step_share else _never_sure(node.type)

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
            return Operation(Shape(BOOLEAN), lambda stretch: _chosen_truths(condition, yes, no, stretch))
        if node.type not in WHOLE_TYPES:
            return None
        pair = _aligned(yes, no)
        if pair is None:
            return None
        yes, no, scale = pair
        low, high = min(yes.shape.low, no.shape.low), max(yes.shape.high, no.shape.high)
        return Operation(
            Shape(node.type, scale, low, high), lambda stretch: _chosen_wholes(condition, yes, no, stretch)
        )

    def _compare(self, node: ir.Compare) -> Operation | None:
        left, right = self.compile(node.left), self.compile(node.right)
        if left.constant is not None and right.columnar:
            return self._with_constant(_MIRRORED[node.op], right, node.right.type, left.constant[0], node.left.type)
        if right.constant is not None and left.columnar:
            return self._with_constant(node.op, left, node.left.type, right.constant[0], node.right.type)
        if (found := self._compared_quotient(node)) is not None:
            return found
        if node.left.type != node.right.type or not (left.columnar and right.columnar):
            return None
        if node.left.type in WHOLE_TYPES:
            pair = _aligned(left, right)
            return None if pair is None else _compared(node.op, pair[0], pair[1])
        if node.left.type == STRING:
            return _compared_texts(node.op, left, right)
        return None

    def _compared_quotient(self, node: ir.Compare) -> Operation | None:
        """A quotient of numbers with a number: what it is divided by moves to the other side."""
        for op, side, other in ((node.op, node.left, node.right), (_MIRRORED[node.op], node.right, node.left)):
            if not (isinstance(side, ir.Arithmetic) and side.op == "/"):
                continue
            if not side.left.type == side.right.type == other.type == NUMBER:
                continue
            dividend, divisor, number = (self.compile(part) for part in (side.left, side.right, other))
            if dividend.columnar and divisor.columnar and number.columnar:
                return _quotient(op, dividend, divisor, number)
        return None

    def _with_constant(self, op: str, operation: Operation, type_: Type, value: Value, other: Type) -> Operation | None:
        """A comparison with a constant on the right."""
        if value is None:
            return _compared_with_null(op, operation)
        if type_ != other or (type_ == STRING and op not in {"=", "!="}):
            return None
        if type_ == STRING:
            return _picked(op, operation, cast("str", value))
        return _bounded(op, operation, type_, value) if type_ in WHOLE_TYPES else None

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
            return _days_between(left, right)
        if types != (NUMBER, NUMBER):
            return None
        if node.op in {"+", "-"}:
            pair = _aligned(left, right)
            return None if pair is None else _summed(node.op, *pair)
        if node.op == "*":
            return _multiplied(left, right)
        return _divided(left, right) if node.op == "/" else None

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
                pair = None if found is None else _aligned(found, part)
                found = None if pair is None else _extreme(node.name, *pair)
            return found
        if node.name == "abs" and len(parts) == 1:
            return _absolute(parts[0])
        return None


_WAYS: Final[Mapping[type, Callable[[Compiler, Any], Operation | None]]] = {
    ir.And: Compiler._and,  # noqa: SLF001  # the class's own methods
    ir.Or: Compiler._or,  # noqa: SLF001
    ir.Not: Compiler._not,  # noqa: SLF001
    ir.Let: Compiler._let,  # noqa: SLF001
    ir.If: Compiler._if,  # noqa: SLF001
    ir.Compare: Compiler._compare,  # noqa: SLF001
    ir.Negate: Compiler._negate,  # noqa: SLF001
    ir.Arithmetic: Compiler._arithmetic,  # noqa: SLF001
    ir.Call: Compiler._call,  # noqa: SLF001
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


# -- constants and tables


def constant(type_: Type, value: Value) -> Operation:
    """One value for all rows."""
    shape, look = table_of(type_, [value])
    return Operation(shape, lambda stretch: look(np.zeros(len(stretch), np.intp), None), (value,))


def table_of(type_: Type, values: Sequence[Value | Fault]) -> tuple[Shape, Callable[[Any, Mask], Vector]]:
    """What looks values up by their place: the shape and a function of places and of rows unsure anyhow."""
    faulty = np.array([isinstance(value, Fault) for value in values])
    known = [None if isinstance(value, Fault) else value for value in values]
    absent = np.array([value is None for value in known])

    def masks(places: Any, unsure: Mask) -> tuple[Mask, Mask]:
        null = absent[places] if absent.any() else None
        return null, either(unsure, faulty[places]) if faulty.any() else unsure

    if type_ == BOOLEAN:
        true = np.array([value is True for value in known])
        return Shape(BOOLEAN), lambda places, unsure: Truths(true[places], *masks(places, unsure))
    if type_ in WHOLE_TYPES and (wholes := _wholes_of(type_, known)) is not None:
        array, scale = wholes
        shape = Shape(type_, scale, int(array.min()), int(array.max()))
        return shape, lambda places, unsure: Wholes(array[places], *masks(places, unsure))
    if type_ == STRING:
        dictionary = tuple(dict.fromkeys(cast("str", value) for value in known if value is not None))
        at: dict[Any, int] = {text: place for place, text in enumerate(dictionary)}
        codes = np.array([len(dictionary) if value is None else at[value] for value in known])
        return Shape(type_, dictionary=dictionary), lambda places, unsure: Picks(
            codes[places], masks(places, unsure)[1]
        )
    return Shape(type_, objects=True), lambda places, unsure: Objects(
        [known[place] for place in places.tolist()], masks(places, unsure)[1]
    )


def _wholes_of(type_: Type, values: Sequence[Value]) -> tuple[Ints, int] | None:
    """Values of a type of whole numbers in one array with their scale; None if one of them does not fit."""
    present = [value for value in values if value is not None]
    scale = 0
    if type_ == NUMBER:
        for number in present:
            exponent = cast("Decimal", number).normalize(NUMBERS).as_tuple().exponent
            scale = max(scale, -int(exponent))
        if scale > MAX_SCALE:
            return None
    found = []
    for value in values:
        whole: int | None = 0 if value is None else whole_at(type_, value, scale)
        if whole is None or not INT64_LOW < whole <= INT64_HIGH:
            return None
        found.append(whole)
    return np.array(found, np.int64), scale


def whole_at(type_: Type, value: Value, scale: int) -> int | None:
    """A value as a whole number at a scale; None where it is none."""
    if type_ != NUMBER:
        return to_whole(type_, value)
    number = cast("Decimal", value)
    if number.adjusted() + scale > 2 * MAX_SCALE + 1:
        return None
    shifted = NUMBERS.scaleb(number, scale)
    return int(shifted) if shifted == shifted.to_integral_value() else None


def _never_sure(type_: Type) -> Operation:
    """A node without a value: whatever comes to it is computed by the code for single records."""
    shape, look = table_of(type_, [Fault("feel.undefined_number", "")])
    return Operation(shape, lambda stretch: look(np.zeros(len(stretch), np.intp), None))


def as_truths(vector: Vector) -> Truths:
    """A vector that stands where a condition is asked: what is neither true nor false counts as null."""
    if isinstance(vector, Truths):
        return vector
    if isinstance(vector, Objects):
        count = len(vector.values)
        true = np.fromiter((value is True for value in vector.values), np.bool_, count)
        null = np.fromiter((value is not True and value is not False for value in vector.values), np.bool_, count)
        return Truths(true, null, vector.unsure)
    count = len(vector.values if isinstance(vector, Wholes) else vector.codes)
    return everywhere(count, None, vector.unsure)


# -- comparisons


def _wholes(operation: Operation, stretch: Stretch) -> Wholes:
    return cast("Wholes", operation.of(stretch))


def _three_valued(op: str, true: Bools, left: Mask, right: Mask, unsure: Mask) -> Truths:
    """The answer of a comparison that knows about nulls: `=` is defined for them, an order is not."""
    null = either(left, right)
    if null is None:
        return Truths(true, None, unsure)
    if op == "=":
        both = left & right if left is not None and right is not None else None
        return Truths(true & ~null if both is None else (true & ~null) | both, None, unsure)
    if op == "!=":
        one = left ^ right if left is not None and right is not None else null
        return Truths((true & ~null) | one, None, unsure)
    return Truths(true & ~null, null, unsure)


def _compared(op: str, left: Operation, right: Operation) -> Operation:
    compare = _OPS[op]

    def compute(stretch: Stretch) -> Vector:
        a, b = _wholes(left, stretch), _wholes(right, stretch)
        return _three_valued(op, compare(a.values, b.values), a.null, b.null, either(a.unsure, b.unsure))

    return Operation(Shape(BOOLEAN), compute)


def _quotient(op: str, dividend: Operation, divisor: Operation, other: Operation) -> Operation | None:
    """`dividend / divisor op other` as `dividend op other * divisor`, which takes no division; by 0 it is unsure.

    The quotient that the language compares is rounded to 34 digits, which cannot turn the answer: where it differs from
    `other`, it does so by more than one part in `other * divisor`, a whole number of 64 bits and so of 19 digits.
    """
    product = _multiplied(divisor, other)
    pair = None if product is None else _aligned(dividend, product)
    if pair is None:
        return None
    left, right, _ = pair
    upwards, downwards = _OPS[op], _OPS[_MIRRORED[op]]

    def compute(stretch: Stretch) -> Vector:
        a, b, by = _wholes(left, stretch), _wholes(right, stretch), _wholes(divisor, stretch)
        true = np.where(by.values > 0, upwards(a.values, b.values), downwards(a.values, b.values))
        asked = _wholes(other, stretch)
        quotient_null = either(a.null, by.null)
        zero = _some(by.values == 0)
        if zero is not None and quotient_null is not None:
            zero = _some(zero & ~quotient_null)  # null is divided by nothing
        unsure = either(a.unsure, b.unsure, by.unsure, asked.unsure, zero)
        return _three_valued(op, true, quotient_null, asked.null, unsure)

    return Operation(Shape(BOOLEAN), compute)


def _compared_with_null(op: str, operation: Operation) -> Operation:
    size = len(operation.shape.dictionary)

    def compute(stretch: Stretch) -> Vector:
        found = operation.of(stretch)
        absent: Mask = found.codes == size if isinstance(found, Picks) else cast("Wholes", found).null
        if absent is None:
            absent = np.zeros(len(stretch), np.bool_)
        if op in {"=", "!="}:
            return Truths(absent if op == "=" else ~absent, None, found.unsure)
        return everywhere(len(stretch), None, found.unsure)

    return Operation(Shape(BOOLEAN), compute)


def _picked(op: str, operation: Operation, text: str) -> Operation:
    """`=` or `!=` between texts and a constant one."""
    dictionary = operation.shape.dictionary
    equal = np.array([*(value == text for value in dictionary), False])
    table = equal if op == "=" else ~equal

    def compute(stretch: Stretch) -> Vector:
        found = cast("Picks", operation.of(stretch))
        return Truths(table[found.codes], None, found.unsure)

    return Operation(Shape(BOOLEAN), compute)


def _compared_texts(op: str, left: Operation, right: Operation) -> Operation:
    """Texts with texts, by their place in one sorted dictionary of both."""
    both = sorted({*cast("tuple[str, ...]", left.shape.dictionary), *cast("tuple[str, ...]", right.shape.dictionary)})
    at: dict[Any, int] = {text: place for place, text in enumerate(both)}
    ranks = [np.array([*(at[text] for text in side.shape.dictionary), -1]) for side in (left, right)]
    compare = _OPS[op]

    def compute(stretch: Stretch) -> Vector:
        a, b = cast("Picks", left.of(stretch)), cast("Picks", right.of(stretch))
        x, y = ranks[0][a.codes], ranks[1][b.codes]
        return _three_valued(op, compare(x, y), _some(x == -1), _some(y == -1), either(a.unsure, b.unsure))

    return Operation(Shape(BOOLEAN), compute)


def _bounded(op: str, operation: Operation, type_: Type, value: Value) -> Operation | None:
    """Whole numbers with a constant, which is moved to their scale instead of they to its."""
    exact = exact_bound(type_, value, operation.shape.scale)
    if exact is None:
        return None
    bound, is_whole = exact
    if is_whole:
        compare, against = _OPS[op], bound
    elif op in {"=", "!="}:
        compare, against = _OPS[op], INT64_LOW  # no value is there
    else:
        compare, against = (np.greater, bound) if op in {">", ">="} else (np.less_equal, bound)
    if not INT64_LOW <= against <= INT64_HIGH:
        fixed = bool(ORDERS[op](0, against)) if op in ORDERS else op == "!="

        def compute(stretch: Stretch) -> Vector:
            found = _wholes(operation, stretch)
            return _three_valued(op, np.full(len(stretch), fixed), found.null, None, found.unsure)

        return Operation(Shape(BOOLEAN), compute)
    limit = np.int64(against)

    def compare_with(stretch: Stretch) -> Vector:
        found = _wholes(operation, stretch)
        return _three_valued(op, compare(found.values, limit), found.null, None, found.unsure)

    return Operation(Shape(BOOLEAN), compare_with)


def exact_bound(type_: Type, value: Value, scale: int) -> tuple[int, bool] | None:
    """A constant as the whole number at or below it, and whether it is just that; None where it has no place.

    A number far outside 64 bits is some whole number beyond them.
    """
    if type_ == NUMBER:
        number = cast("Decimal", value)
        if number.adjusted() + scale > 2 * MAX_SCALE:
            return (2**80 if number > 0 else -(2**80)), True
        if number.adjusted() + scale < -MAX_SCALE and number:
            return (0 if number > 0 else -1), False
        below = number.scaleb(scale, NUMBERS).to_integral_value("ROUND_FLOOR")
        return int(below), below == number.scaleb(scale, NUMBERS)
    if type_ == DATE_TIME and isinstance(value, dt.datetime) and value.tzinfo is not None:
        if value.utcoffset() != value.replace(fold=1 - value.fold).utcoffset():
            return None  # Python finds a time that the clock shows twice equal to no time of another zone
        whole = to_whole(type_, value.astimezone(dt.UTC))
    else:
        whole = to_whole(type_, value)
    return None if whole is None else (whole, True)


# -- choices


def _chosen_truths(condition: Operation, yes: Operation, no: Operation, stretch: Stretch) -> Truths:
    asked = condition.truths(stretch)
    a, b = as_truths(yes.of(stretch)), as_truths(no.of(stretch))
    unsure = either(asked.unsure, within(a.unsure, asked.true), within(b.unsure, ~asked.true))
    return Truths(np.where(asked.true, a.true, b.true), _chosen(asked.true, a.null, b.null), unsure)


def _chosen_wholes(condition: Operation, yes: Operation, no: Operation, stretch: Stretch) -> Wholes:
    asked = condition.truths(stretch)
    a, b = _wholes(yes, stretch), _wholes(no, stretch)
    unsure = either(asked.unsure, within(a.unsure, asked.true), within(b.unsure, ~asked.true))
    return Wholes(np.where(asked.true, a.values, b.values), _chosen(asked.true, a.null, b.null), unsure)


def _chosen(first: Bools, a: Mask, b: Mask) -> Mask:
    return either(within(a, first), within(b, ~first))


# -- exact arithmetic


def _aligned(left: Operation, right: Operation) -> tuple[Operation, Operation, int] | None:
    """Both operations at the larger of their scales, which is the third; None where a constant leaves 64 bits."""
    scale = max(left.shape.scale, right.shape.scale)
    a, b = _at_scale(left, scale), _at_scale(right, scale)
    return None if a is None or b is None else (a, b, scale)


def _at_scale(operation: Operation, scale: int) -> Operation | None:
    shape = operation.shape
    if shape.type not in WHOLE_TYPES:
        return None
    if shape.scale == scale:
        return operation
    factor = 10 ** (scale - shape.scale)
    low, high = shape.low * factor, shape.high * factor
    limit = INT64_HIGH // factor

    def compute(stretch: Stretch) -> Vector:
        found = _wholes(operation, stretch)
        unsure = found.unsure
        if low < INT64_LOW or high > INT64_HIGH:
            unsure = either(unsure, _some((found.values > limit) | (found.values < -limit)))
        with np.errstate(over="ignore"):
            return Wholes(found.values * np.int64(factor), found.null, unsure)

    return Operation(_clipped(shape.type, scale, low, high), compute, operation.constant)


def _clipped(type_: Type, scale: int, low: int, high: int) -> Shape:
    """The shape of a result; rows beyond 64 bits are unsure, so that the others stay within."""
    return Shape(type_, scale, max(low, -INT64_HIGH), min(high, INT64_HIGH))


def _some(mask: Bools) -> Mask:
    return mask if mask.any() else None


def _fits(low: int, high: int) -> bool:
    return low >= -INT64_HIGH and high <= INT64_HIGH


def _summed(op: str, left: Operation, right: Operation, scale: int) -> Operation:
    a, b = left.shape, right.shape
    low, high = (a.low + b.low, a.high + b.high) if op == "+" else (a.low - b.high, a.high - b.low)
    safe = _fits(low, high)

    def compute(stretch: Stretch) -> Vector:
        x, y = _wholes(left, stretch), _wholes(right, stretch)
        values = x.values + y.values if op == "+" else x.values - y.values
        unsure = either(x.unsure, y.unsure)
        if not safe:  # a sum overflows where both signs differ from the result's
            other = y.values if op == "+" else ~y.values
            unsure = either(unsure, _some(((x.values ^ values) & (other ^ values)) < 0), _some(values == INT64_LOW))
        return Wholes(values, either(x.null, y.null), unsure)

    return Operation(_clipped(NUMBER, scale, low, high), compute)


_SAFE_PRODUCT: Final = 2.0**62
"""Far enough below 2 ** 63 that the rounding of two binary fractions and their product cannot hide an overflow."""


def _multiplied(left: Operation, right: Operation) -> Operation | None:
    a, b = left.shape, right.shape
    scale = a.scale + b.scale
    if scale > MAX_SCALE:
        return None
    ends = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    low, high = min(ends), max(ends)
    safe = _fits(low, high)

    def compute(stretch: Stretch) -> Vector:
        x, y = _wholes(left, stretch), _wholes(right, stretch)
        unsure = either(x.unsure, y.unsure)
        if not safe:
            size = np.abs(x.values.astype(np.float64)) * np.abs(y.values.astype(np.float64))
            unsure = either(unsure, _some(size >= _SAFE_PRODUCT))
        return Wholes(x.values * y.values, either(x.null, y.null), unsure)

    return Operation(_clipped(NUMBER, scale, low, high), compute)


def _divided(left: Operation, right: Operation) -> Operation | None:
    """Division by a constant that divides a power of ten: a product with what is left of it."""
    if right.constant is None:
        return None
    divisor = right.shape.low
    if divisor == 0:
        return None
    for places in range(MAX_SCALE + 1):
        if 10**places % divisor == 0:
            factor = Decimal(10**places // divisor)
            break
    else:
        return None
    product = _multiplied(left, constant(NUMBER, factor))
    moved = left.shape.scale + places - right.shape.scale
    if product is None or not 0 <= moved <= MAX_SCALE:
        return None
    return replace(product, shape=replace(product.shape, scale=moved))


def _days_between(left: Operation, right: Operation) -> Operation:
    a, b = left.shape, right.shape
    low, high = (a.low - b.high) * MICROSECONDS_A_DAY, (a.high - b.low) * MICROSECONDS_A_DAY

    def compute(stretch: Stretch) -> Vector:
        x, y = _wholes(left, stretch), _wholes(right, stretch)
        days = (x.values - y.values) * np.int64(MICROSECONDS_A_DAY)
        return Wholes(days, either(x.null, y.null), either(x.unsure, y.unsure))

    return Operation(Shape(DAYS_TIME_DURATION, 0, low, high), compute)


def _extreme(name: str, left: Operation, right: Operation, scale: int) -> Operation:
    a, b = left.shape, right.shape
    choose = np.minimum if name == "min" else np.maximum

    def compute(stretch: Stretch) -> Vector:
        x, y = _wholes(left, stretch), _wholes(right, stretch)
        return Wholes(choose(x.values, y.values), either(x.null, y.null), either(x.unsure, y.unsure))

    return Operation(Shape(NUMBER, scale, min(a.low, b.low), max(a.high, b.high)), compute)


def _absolute(part: Operation) -> Operation | None:
    shape = part.shape
    low, high = max(0, shape.low, -shape.high), max(abs(shape.low), abs(shape.high))

    def compute(stretch: Stretch) -> Vector:
        found = _wholes(part, stretch)
        return replace(found, values=np.abs(found.values))

    return Operation(replace(shape, low=low, high=high), compute) if high <= INT64_HIGH else None
