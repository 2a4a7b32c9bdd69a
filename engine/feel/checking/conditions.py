"""Operators, comparisons, and the tests of `in` and of table cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, time
from typing import Final

from engine.feel import ir, syntax
from engine.feel.checking.base import SUBJECT, CheckerBase
from engine.feel.checking.operator_types import ARITHMETIC, DURATIONS
from engine.feel.checking.wording import (
    a_type,
    arithmetic_help,
    compare_help,
    negative_help,
    order_help,
    shown_names,
)
from engine.feel.suggest import closest
from engine.feel.temporal import mixed_zones
from engine.feel.text import literal
from engine.feel.types import (
    ANY,
    BOOLEAN,
    DATE_TIME,
    NULL,
    NUMBER,
    ORDERED,
    STRING,
    TIME,
    ContextType,
    ListType,
    RangeType,
    Type,
    common,
    comparable,
)

_TIMES: Final = frozenset({DATE_TIME, TIME})


class ConditionChecks(CheckerBase):
    """Checks operators and tests."""

    def binary(self, tree: syntax.Binary) -> ir.Node:
        """Arithmetic and comparisons."""
        left, right = self.check(tree.left), self.check(tree.right)
        if tree.op in syntax.COMPARISONS:
            if (
                isinstance(tree.left, syntax.Binary)
                and tree.left.op in syntax.COMPARISONS
                and left.type == BOOLEAN != right.type
            ):
                self.problem(
                    "feel.wrong_type",
                    "comparisons do not chain",
                    tree.span,
                    "write `a < b and b < c`, or `b in (a..c)`",
                )
                return self.broken(tree.span)
            return self.compare(tree.op, left, right, tree.span)
        nullable = left.nullable or right.nullable
        if ANY in (left.type, right.type):
            return ir.Arithmetic(tree.op, left, right, self.looping > 0, type=ANY, nullable=True, span=tree.span)
        if NULL in (left.type, right.type):
            self.problem(
                "feel.wrong_type", f"`{tree.op}` with null is always null", tree.span, "test for null with `x = null`"
            )
            return self.broken(tree.span)
        type_ = ARITHMETIC.get((tree.op, left.type, right.type))
        if type_ is None:
            self.problem(
                "feel.wrong_type",
                f"`{tree.op}` is not defined for {a_type(left.type)} and {a_type(right.type)}",
                tree.span,
                arithmetic_help(tree.op, left.type, right.type),
            )
            return self.broken(tree.span)
        if tree.op == "-" and not self.same_kind_of_time(left, right, tree.span):
            return self.broken(tree.span)
        repeated = self.looping > 0 and type_ == STRING
        return self.fold(ir.Arithmetic(tree.op, left, right, repeated, type=type_, nullable=nullable, span=tree.span))

    def compare(self, op: str, left: ir.Node, right: ir.Node, span: syntax.Span) -> ir.Node:
        """A comparison of two nodes; what can never be true is noted."""
        if op in {"=", "!="}:
            if not comparable(left.type, right.type):
                self.problem(
                    "feel.wrong_type",
                    f"`{op}` compares {a_type(left.type)} with {a_type(right.type)}, which are never equal",
                    span,
                    compare_help(left, right),
                )
                return self.broken(span)
            if not self.same_kind_of_time(left, right, span):
                return self.broken(span)
            self.check_enum(left, right)
            self.check_enum(right, left)
            types = (left.type, right.type)
            long = NULL not in types and any(type_ == ANY or isinstance(type_, ListType) for type_ in types)
            return self.fold(ir.Compare(op, left, right, long and self.looping > 0, type=BOOLEAN, span=span))
        if NULL in (left.type, right.type):
            self.problem("feel.wrong_type", f"`{op}` with null is never true", span, "test for null with `x = null`")
            return self.broken(span)
        for side, other in ((left, right), (right, left)):
            if side.type not in ORDERED and side.type != ANY:
                self.problem(
                    "feel.wrong_type", f"`{op}` is not defined for {a_type(side.type)}", span, order_help(side.type)
                )
                return self.broken(span)
            if side.type != other.type and ANY not in (side.type, other.type):
                self.problem(
                    "feel.wrong_type",
                    f"`{op}` compares {a_type(left.type)} with {a_type(right.type)}",
                    span,
                    compare_help(left, right),
                )
                return self.broken(span)
        if not self.same_kind_of_time(left, right, span):
            return self.broken(span)
        return self.fold(ir.Compare(op, left, right, type=BOOLEAN, nullable=left.nullable or right.nullable, span=span))

    def same_kind_of_time(self, left: ir.Node, right: ir.Node, span: syntax.Span) -> bool:
        """Whether two times may be compared; one that is surely local and one that surely has a zone is noted."""
        if {left.type, right.type} <= _TIMES and {self.has_zone(left), self.has_zone(right)} == {True, False}:
            local = left if self.has_zone(right) else right
            shown = literal(local.value) if isinstance(local, ir.Const) else ""
            help_ = f'say the zone: `@"{shown}Z"` or `@"{shown}@Europe/Berlin"`' if shown else "give both a zone"
            self.problem("feel.mixed_zones", mixed_zones().message, local.span if shown else span, help_)
            return False
        return True

    def has_zone(self, node: ir.Node) -> bool | None:
        """Whether a time has a zone; None where that is known only when it is there."""
        if isinstance(node, ir.Const):
            return isinstance(node.value, datetime | time) and node.value.tzinfo is not None
        if isinstance(node, ir.Call):
            return True if node.name == "now" else None
        if isinstance(node, ir.Arithmetic):  # a time and a duration
            return self.has_zone(node.left if node.left.type in _TIMES else node.right)
        if isinstance(node, ir.Fact):
            found = self.scope.at(node.path)
            return True if found is not None and found.zoned else None
        if isinstance(node, ir.Member) and isinstance(node.base.type, ContextType):
            part = node.base.type.fields.get(node.name)
            return True if part is not None and part.zoned else None
        return None

    def check_enum(self, subject: ir.Node, other: ir.Node) -> None:
        """Note a constant that the other side can never be."""
        allowed = subject.enum if isinstance(subject, ir.Fact | ir.Member) else None
        if allowed is None or not isinstance(other, ir.Const) or other.value is None or other.type != subject.type:
            return
        if other.value not in allowed:
            shown = literal(other.value)
            near = closest(other.value, [str(v) for v in allowed]) if isinstance(other.value, str) else None
            values = shown_names([literal(v) for v in allowed], quote=False)
            name = subject.name if isinstance(subject, ir.Fact | ir.Member) else ""
            of = f" of `{name}`" if name and name != SUBJECT else ""
            help_ = f'did you mean `"{near}"`?' if near else f"allowed are {values}"
            self.problem("feel.not_in_enum", f"`{shown}` is not one of the values{of}", other.span, help_)

    def logic(self, tree: syntax.Logic) -> ir.Node:
        """`and`, `or`."""
        items = tuple(self.condition(item, f"`{tree.op}`") for item in tree.items)
        return self.joined(tree.op, items, tree.span)

    def joined(self, op: str, items: Sequence[ir.Node], span: syntax.Span) -> ir.Node:
        """Conditions joined by `and` or `or`; one alone is itself."""
        if len(items) == 1:
            return items[0]
        nullable = any(item.nullable for item in items)
        kind = ir.And if op == "and" else ir.Or
        return self.fold(kind(tuple(items), type=BOOLEAN, nullable=nullable, span=span))

    def negative(self, tree: syntax.Negative) -> ir.Node:
        """`-operand`."""
        node = self.check(tree.operand)
        if node.type not in {NUMBER, ANY, *DURATIONS}:
            self.problem(
                "feel.wrong_type", f"`-` is not defined for {a_type(node.type)}", tree.span, negative_help(node.type)
            )
            return self.broken(tree.span)
        return self.fold(ir.Negate(node, type=node.type, nullable=node.nullable, span=tree.span))

    def named(self, node: ir.Node, body: Callable[[ir.Node], ir.Node]) -> ir.Node:
        """`body` over the node's value, which is computed once."""
        simple = (ir.Const, ir.Fact, ir.Local)
        if isinstance(node, simple) or (isinstance(node, ir.Member) and isinstance(node.base, simple)):
            return body(node)
        local = self.local("value", node.type, node.span, nullable=node.nullable)
        inner = body(local)
        return ir.Let(local, node, inner, type=inner.type, nullable=inner.nullable, span=inner.span)

    def between(self, tree: syntax.Between) -> ir.Node:
        """`value between low and high`, as two comparisons."""
        low, high = self.check(tree.low), self.check(tree.high)

        def body(subject: ir.Node) -> ir.Node:
            parts = (self.compare(">=", subject, low, tree.span), self.compare("<=", subject, high, tree.span))
            self.check_bounds(*parts, tree.span, closed=True)
            return self.joined("and", parts, tree.span)

        return self.named(self.check(tree.value), body)

    def in_(self, tree: syntax.In) -> ir.Node:
        """`value in tests`, as comparisons where the tests are known."""

        def body(subject: ir.Node) -> ir.Node:
            return self.joined("or", [self.test(subject, test) for test in tree.tests], tree.span)

        return self.named(self.check(tree.value), body)

    def test(self, subject: ir.Node, test: syntax.Node, *, cell: bool = False) -> ir.Node:
        """`subject in test`."""
        span = test.span
        if isinstance(test, syntax.Test):
            return self.compare(test.op, subject, self.check(test.operand), span)
        if isinstance(test, syntax.Interval):
            low = self.compare(">=" if test.low_closed else ">", subject, self.check(test.low), span)
            high = self.compare("<=" if test.high_closed else "<", subject, self.check(test.high), span)
            self.check_bounds(low, high, span, closed=test.low_closed and test.high_closed)
            return self.joined("and", (low, high), span)
        if isinstance(test, syntax.ListLiteral) and not isinstance(subject.type, ListType):
            if not test.items:
                self.problem(
                    "feel.wrong_type", "the list is empty, so nothing is in it", span, "list the values to look for"
                )
                return self.broken(span)
            return self.joined("or", [self.test(subject, item) for item in test.items], span)
        node = self.check(test)
        type_ = node.type
        if cell and type_ == BOOLEAN and (subject.type != BOOLEAN or _mentions_subject(test)):
            return node
        if isinstance(type_, RangeType) and not isinstance(subject.type, RangeType):
            self.must_compare(subject, type_.item, node)
            return self.fold(ir.Belongs(subject, node, self.looping > 0, type=BOOLEAN, nullable=True, span=span))
        if isinstance(type_, ListType) and not comparable(subject.type, type_):
            self.must_compare(subject, type_.item, node)
            return self.fold(ir.Belongs(subject, node, self.looping > 0, type=BOOLEAN, nullable=True, span=span))
        if ANY in (type_, subject.type) or isinstance(type_, ListType):
            return ir.Belongs(subject, node, self.looping > 0, type=BOOLEAN, nullable=True, span=span)
        return self.compare("=", subject, node, span)

    def check_bounds(self, low: ir.Node, high: ir.Node, span: syntax.Span, *, closed: bool) -> None:
        """An interval whose constant bounds leave nothing between them is a slip."""
        ends = [side.right for side in (low, high) if isinstance(side, ir.Compare) and isinstance(side.right, ir.Const)]
        if len(ends) != 2 or ends[0].type != ends[1].type or ends[0].type not in ORDERED:  # both ends
            return
        bottom, top = (end.value for end in ends)
        try:
            empty = bottom > top or (bottom == top and not closed)  # type: ignore[operator]  # both of one ordered type
        except TypeError:
            return
        if empty:
            self.problem("feel.empty_interval", "nothing lies in this interval", span, "the smaller bound comes first")

    def must_compare(self, subject: ir.Node, item: Type, node: ir.Node) -> None:
        """Note a value that can never be in a range or list of such items."""
        if not comparable(subject.type, item):
            self.problem(
                "feel.wrong_type",
                f"{a_type(subject.type)} is never in {a_type(node.type)}",
                node.span,
                compare_help(subject, node),
            )

    def cell(self, tree: syntax.UnaryTests, subject: ir.Node) -> ir.Node:
        """A table's cell, as a condition about `subject`."""
        if not tree.tests:
            return ir.truth(value=True, span=tree.span)
        tests = [self.as_condition(self.test(subject, test, cell=True), "a cell") for test in tree.tests]
        node = self.joined("or", tests, tree.span)
        if tree.negated:
            node = self.fold(ir.Not(node, type=BOOLEAN, nullable=node.nullable, span=tree.span))
        return node

    def interval(self, tree: syntax.Interval) -> ir.Node:
        """`[low..high)` as a value."""
        low, high = self.check(tree.low), self.check(tree.high)
        for end in (low, high):
            if end.type not in ORDERED and end.type != ANY:
                help_ = "an interval without end is written `(>= 5)`" if end.type == NULL else ""
                self.problem("feel.wrong_type", f"an interval cannot end at {a_type(end.type)}", end.span, help_)
                return self.broken(tree.span)
        if ANY not in (low.type, high.type) and low.type != high.type:
            self.problem(
                "feel.wrong_type", f"an interval goes from {a_type(low.type)} to {a_type(high.type)}", tree.span
            )
            return self.broken(tree.span)
        type_ = RangeType(common(low.type, high.type))
        nullable = low.nullable or high.nullable
        return self.fold(
            ir.RangeOf(low, high, tree.low_closed, tree.high_closed, type=type_, nullable=nullable, span=tree.span)
        )

    def lone_test(self, tree: syntax.Test) -> ir.Node:
        """`(>= 5)` as a value: a range open to one side."""
        end = self.check(tree.operand)
        if tree.op == "!=":
            self.problem("feel.syntax", "`!=` does not make a range", tree.span, "use it as `x != 5`")
            return self.broken(tree.span)
        if end.type not in ORDERED and end.type != ANY:
            self.problem("feel.wrong_type", f"a range cannot end at {a_type(end.type)}", end.span)
            return self.broken(tree.span)
        nothing = ir.Const(None, type=NULL, nullable=True, span=tree.span)
        low = end if tree.op in {">", ">=", "="} else nothing
        high = end if tree.op in {"<", "<=", "="} else nothing
        return self.fold(
            ir.RangeOf(
                low,
                high,
                tree.op in {">=", "="},
                tree.op in {"<=", "="},
                type=RangeType(end.type),
                nullable=end.nullable,
                span=tree.span,
            )
        )

    def if_(self, tree: syntax.If) -> ir.Node:
        """`if condition then yes else no`."""
        condition = self.condition(tree.condition, "`if`")
        yes, no = self.check(tree.yes), self.check(tree.no)
        nullable = yes.nullable or no.nullable
        return self.fold(ir.If(condition, yes, no, type=common(yes.type, no.type), nullable=nullable, span=tree.span))


def _mentions_subject(tree: syntax.Node) -> bool:
    stack: list[object] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, syntax.Name) and node.name == SUBJECT:
            return True
        if isinstance(node, tuple):
            stack.extend(node)
        elif isinstance(node, syntax.Node):
            stack.extend(getattr(node, name) for name in node.__dataclass_fields__)
    return False
