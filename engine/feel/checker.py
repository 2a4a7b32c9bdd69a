"""From the untyped tree to the typed intermediate form: what names mean, whether types fit, what calls are which.

The checker goes on after a problem, so that an author sees all of an expression's mistakes at once. Parts without
facts are computed here, so a wrong date in a literal is a load-time problem too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from engine.feel import ir, syntax
from engine.feel.builtins import BY_NAME, Builtin, Parameter, Signature, pattern_of
from engine.feel.conform import type_of
from engine.feel.interpret import interpret
from engine.feel.limits import MAX_PROBLEMS
from engine.feel.operations import Run
from engine.feel.places import TextPlaces
from engine.feel.suggest import closest
from engine.feel.temporal import temporal_from
from engine.feel.text import literal
from engine.feel.types import (
    ANY,
    BOOLEAN,
    DATE,
    DATE_TIME,
    DAYS_TIME_DURATION,
    NULL,
    NUMBER,
    ORDERED,
    STRING,
    TIME,
    TYPE_NAMES,
    YEARS_MONTHS_DURATION,
    ContextType,
    EnumValue,
    Field,
    FunctionType,
    ListType,
    RangeType,
    Scope,
    Type,
    common,
    comparable,
    fits,
    only_known_at_run_time,
)
from engine.feel.values import Fault
from engine.problems import InvalidError, Problem

_CLOCK_PARTS: Final = {
    "hour": NUMBER,
    "minute": NUMBER,
    "second": NUMBER,
    "time offset": DAYS_TIME_DURATION,
    "timezone": STRING,
}
_DAY_PARTS: Final = {"year": NUMBER, "month": NUMBER, "day": NUMBER, "weekday": NUMBER}
PROPERTIES: Final[Mapping[Type, Mapping[str, Type]]] = {
    DATE: _DAY_PARTS,
    TIME: _CLOCK_PARTS,
    DATE_TIME: {**_DAY_PARTS, **_CLOCK_PARTS, "date": DATE, "time": TIME},
    DAYS_TIME_DURATION: {"days": NUMBER, "hours": NUMBER, "minutes": NUMBER, "seconds": NUMBER},
    YEARS_MONTHS_DURATION: {"years": NUMBER, "months": NUMBER},
}
"""The parts of temporal values."""
_NULLABLE_PARTS: Final = {"time offset", "timezone"}
RANGE_PROPERTIES: Final = ("start", "end", "start included", "end included")
PROPERTY_NAMES: Final = ("time offset", "start included", "end included")
"""The properties of several words, for the parser."""

_DURATIONS: Final = (DAYS_TIME_DURATION, YEARS_MONTHS_DURATION)
_ARITHMETIC: Final[Mapping[tuple[str, Type, Type], Type]] = {
    **{(op, NUMBER, NUMBER): NUMBER for op in syntax.ARITHMETIC},
    ("+", STRING, STRING): STRING,
    **{(op, d, d): d for op in "+-" for d in _DURATIONS},
    **{(op, t, DAYS_TIME_DURATION): t for op in "+-" for t in (DATE, DATE_TIME, TIME)},
    **{(op, t, YEARS_MONTHS_DURATION): t for op in "+-" for t in (DATE, DATE_TIME)},
    **{("+", DAYS_TIME_DURATION, t): t for t in (DATE, DATE_TIME, TIME)},
    **{("+", YEARS_MONTHS_DURATION, t): t for t in (DATE, DATE_TIME)},
    **{("-", a, b): DAYS_TIME_DURATION for a in (DATE, DATE_TIME) for b in (DATE, DATE_TIME)},
    ("-", TIME, TIME): DAYS_TIME_DURATION,
    **{(op, d, NUMBER): d for op in "*/" for d in _DURATIONS},
    **{("*", NUMBER, d): d for d in _DURATIONS},
    **{("/", d, d): NUMBER for d in _DURATIONS},
}
_SUBJECT: Final = "?"


class _Enumerable:
    """The values a node is limited to."""

    @staticmethod
    def of(node: ir.Node) -> tuple[EnumValue, ...] | None:
        return node.enum if isinstance(node, ir.Fact | ir.Member) else None


def check_tree(tree: syntax.Node, scope: Scope, places: TextPlaces, expect: Type | None) -> ir.Node:
    """The typed form of an expression. Raises `InvalidError` with every problem found."""
    checker = _Checker(scope, places)
    node = checker.check(tree)
    if expect is not None:
        node = checker.expected(node, expect)
    checker.raise_if_any()
    return node


def check_cell(tree: syntax.UnaryTests, subject: Field, scope: Scope, places: TextPlaces) -> ir.Node:
    """The typed form of a table's cell, a condition about the fact named `?`. Raises `InvalidError`."""
    checker = _Checker(scope.child({_SUBJECT: subject}), places)
    node = checker.cell(
        tree, ir.Fact((_SUBJECT,), subject.enum, type=subject.type, nullable=subject.optional, span=tree.span)
    )
    checker.raise_if_any()
    return node


class _Checker:
    def __init__(self, scope: Scope, places: TextPlaces) -> None:
        self.scope = scope
        self.places = places
        self.problems: list[Problem] = []
        self.frames: list[dict[str, ir.Node]] = []
        self.made = 0

    # -- problems

    def problem(self, code: str, message: str, span: syntax.Span, help: str = "") -> None:  # noqa: A002  # the field's name
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(self.places.problem(code, message, span, help))

    def raise_if_any(self) -> None:
        if self.problems:
            raise InvalidError(self.problems)

    def broken(self, span: syntax.Span) -> ir.Node:
        """Stands for what could not be checked; it fits everywhere, so that one mistake is told once."""
        return ir.Const(None, type=ANY, nullable=True, span=span)

    # -- building

    def local(self, name: str, type_: Type, span: syntax.Span, *, nullable: bool = True) -> ir.Local:
        self.made += 1
        return ir.Local(f"{name}#{self.made}", type=type_, nullable=nullable, span=span)

    def fold(self, node: ir.Node) -> ir.Node:
        """The node's value, when nothing in it depends on facts."""
        if not all(isinstance(child, ir.Const) for child in ir.children(node)):
            return node
        if any(child.type == ANY for child in ir.children(node)):
            return node  # something broken below
        try:
            value = interpret(node, Run({}))
        except Fault as fault:
            self.problem(fault.code, fault.message, node.span, fault.help)
            return self.broken(node.span)
        type_ = type_of(value) if node.type == ANY and value is not None else node.type
        return ir.Const(value, type=type_, nullable=value is None, span=node.span)

    def require(self, node: ir.Node, type_: Type) -> ir.Node:
        """The node, checked at run time if its type is only known then."""
        if node.type != ANY or isinstance(node, ir.Const):
            return node
        return ir.Require(node, type=type_, nullable=node.nullable, span=node.span)

    def expected(self, node: ir.Node, wanted: Type) -> ir.Node:
        if not fits(node.type, wanted):
            if wanted == BOOLEAN:
                message = f"a condition is expected here, which is true or false; this is {_a(node.type)}"
                help_ = "compare it with something, for instance `employees >= 500`"
            else:
                message, help_ = f"{_a(wanted)} is expected here; this is {_a(node.type)}", ""
            self.problem("feel.unexpected_type", message, node.span, help_)
        return self.require(node, wanted)

    def condition(self, tree: syntax.Node, where: str) -> ir.Node:
        node = self.check(tree)
        return self.as_condition(node, where)

    def as_condition(self, node: ir.Node, where: str) -> ir.Node:
        if not fits(node.type, BOOLEAN):
            self.problem(
                "feel.wrong_type",
                f"{where} takes conditions, which are true or false; this is {_a(node.type)}",
                node.span,
                "compare it with something, for instance `employees >= 500`",
            )
            return self.broken(node.span)
        return self.require(node, BOOLEAN)

    # -- dispatch

    def check(self, tree: syntax.Node) -> ir.Node:
        return _CHECKS[type(tree)](self, tree)

    # -- leaves

    def literal(self, tree: syntax.Literal) -> ir.Node:
        return ir.Const(tree.value, type=type_of(tree.value), nullable=tree.value is None, span=tree.span)

    def at_literal(self, tree: syntax.AtLiteral) -> ir.Node:
        try:
            value = temporal_from(tree.text)
        except Fault as fault:
            self.problem(fault.code, fault.message, tree.span, fault.help)
            return self.broken(tree.span)
        return ir.Const(value, type=type_of(value), span=tree.span)

    def lookup(self, name: str, span: syntax.Span) -> ir.Node | None:
        for frame in reversed(self.frames):
            if name in frame:
                return replace(frame[name], span=span)
        given = self.scope.fields.get(name)
        if given is None:
            return None
        return ir.Fact((name,), given.enum, type=given.type, nullable=given.optional, span=span)

    def visible(self) -> set[str]:
        return {name for frame in self.frames for name in frame} | set(self.scope.fields)

    def name(self, tree: syntax.Name) -> ir.Node:
        found = self.lookup(tree.name, tree.span)
        if found is not None:
            return found
        if tree.name in BY_NAME or tree.name == "not":
            self.problem(
                "feel.unknown_name",
                f"`{tree.name}` is a function and must be called",
                tree.span,
                f"write `{tree.name}(...)`",
            )
        else:
            self.problem(
                "feel.unknown_name", f"there is no fact named `{tree.name[:60]}`", tree.span, self.meant(tree.name)
            )
        return self.broken(tree.span)

    def meant(self, name: str) -> str:
        """Help for a misspelt name."""
        visible = self.visible() - {_SUBJECT}
        near = closest(name, visible)
        if near is not None:
            return f"did you mean `{near}`?"
        if name == _SUBJECT:
            return "`?` is the value of a table's column and has no meaning here"
        return f"known here: {_shown(visible)}" if visible else "no facts are known here; texts stand in double quotes"

    def path(self, tree: syntax.Path) -> ir.Node:
        base = self.check(tree.base)
        type_ = base.type
        if isinstance(type_, ContextType):
            return self.field(base, type_, tree)
        if isinstance(type_, ListType):
            item = type_.item
            if isinstance(item, ContextType) and tree.name in item.fields:
                found = item.fields[tree.name].type
                return ir.Member(base, tree.name, type=ListType(found), nullable=base.nullable, span=tree.span)
            if item == ANY or (isinstance(item, ContextType) and not item.fields):
                return ir.Member(base, tree.name, type=ListType(ANY), nullable=base.nullable, span=tree.span)
            parts: Iterable[str] = item.fields if isinstance(item, ContextType) else PROPERTIES.get(item, ())
        elif isinstance(type_, RangeType):
            if tree.name in RANGE_PROPERTIES:
                found = BOOLEAN if "included" in tree.name else type_.item
                return self.fold(ir.Member(base, tree.name, type=found, nullable=True, span=tree.span))
            parts = RANGE_PROPERTIES
        elif type_ == ANY:
            return (
                base
                if isinstance(base, ir.Const)
                else ir.Member(base, tree.name, type=ANY, nullable=True, span=tree.span)
            )
        else:
            parts = PROPERTIES.get(type_, {})
            if tree.name in parts:
                nullable = base.nullable or tree.name in _NULLABLE_PARTS
                node = ir.Member(base, tree.name, type=PROPERTIES[type_][tree.name], nullable=nullable, span=tree.span)
                return self.fold(node)
        self.no_part(tree, type_, parts)
        return self.broken(tree.span)

    def field(self, base: ir.Node, type_: ContextType, tree: syntax.Path) -> ir.Node:
        if not type_.fields:
            return ir.Member(base, tree.name, type=ANY, nullable=True, span=tree.span)
        given = type_.fields.get(tree.name)
        if given is None:
            self.no_part(tree, type_, type_.fields)
            return self.broken(tree.span)
        nullable = base.nullable or given.optional
        if isinstance(base, ir.Fact):
            return ir.Fact((*base.path, tree.name), given.enum, type=given.type, nullable=nullable, span=tree.span)
        return self.fold(ir.Member(base, tree.name, given.enum, type=given.type, nullable=nullable, span=tree.span))

    def no_part(self, tree: syntax.Path, type_: Type, parts: Iterable[str]) -> None:
        names = sorted(parts)
        near = closest(tree.name, names)
        help_ = (
            f"did you mean `{near}`?" if near else f"it has {_shown(names)}" if names else f"{_a(type_)} has no parts"
        )
        what = "this" if isinstance(type_, ContextType) else _a(type_)
        self.problem("feel.unknown_name", f"{what} has no part `{tree.name[:60]}`", tree.name_span, help_)

    # -- operators

    def binary(self, tree: syntax.Binary) -> ir.Node:
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
            return ir.Arithmetic(tree.op, left, right, type=ANY, nullable=True, span=tree.span)
        if NULL in (left.type, right.type):
            self.problem(
                "feel.wrong_type", f"`{tree.op}` with null is always null", tree.span, "test for null with `x = null`"
            )
            return self.broken(tree.span)
        type_ = _ARITHMETIC.get((tree.op, left.type, right.type))
        if type_ is None:
            self.problem(
                "feel.wrong_type",
                f"`{tree.op}` is not defined for {_a(left.type)} and {_a(right.type)}",
                tree.span,
                _arithmetic_help(tree.op, left.type, right.type),
            )
            return self.broken(tree.span)
        return self.fold(ir.Arithmetic(tree.op, left, right, type=type_, nullable=nullable, span=tree.span))

    def compare(self, op: str, left: ir.Node, right: ir.Node, span: syntax.Span) -> ir.Node:
        if op in {"=", "!="}:
            if not comparable(left.type, right.type):
                self.problem(
                    "feel.wrong_type",
                    f"`{op}` compares {_a(left.type)} with {_a(right.type)}, which are never equal",
                    span,
                    _compare_help(left, right),
                )
                return self.broken(span)
            self.check_enum(left, right)
            self.check_enum(right, left)
            return self.fold(ir.Compare(op, left, right, type=BOOLEAN, span=span))
        if NULL in (left.type, right.type):
            self.problem("feel.wrong_type", f"`{op}` with null is never true", span, "test for null with `x = null`")
            return self.broken(span)
        for side, other in ((left, right), (right, left)):
            if side.type not in ORDERED and side.type != ANY:
                self.problem(
                    "feel.wrong_type", f"`{op}` is not defined for {_a(side.type)}", span, _order_help(side.type)
                )
                return self.broken(span)
            if side.type != other.type and ANY not in (side.type, other.type):
                self.problem(
                    "feel.wrong_type",
                    f"`{op}` compares {_a(left.type)} with {_a(right.type)}",
                    span,
                    _compare_help(left, right),
                )
                return self.broken(span)
        return self.fold(ir.Compare(op, left, right, type=BOOLEAN, nullable=_order_nullable(left, right), span=span))

    def check_enum(self, subject: ir.Node, other: ir.Node) -> None:
        allowed = _Enumerable.of(subject)
        if allowed is None or not isinstance(other, ir.Const) or other.value is None or other.type != subject.type:
            return
        if other.value not in allowed:
            shown = literal(other.value)
            near = closest(other.value, [str(v) for v in allowed]) if isinstance(other.value, str) else None
            values = _shown([literal(v) for v in allowed], quote=False)
            name = subject.name if isinstance(subject, ir.Fact | ir.Member) else ""
            of = f" of `{name}`" if name and name != _SUBJECT else ""
            help_ = f'did you mean `"{near}"`?' if near else f"allowed are {values}"
            self.problem("feel.not_in_enum", f"`{shown}` is not one of the values{of}", other.span, help_)

    def logic(self, tree: syntax.Logic) -> ir.Node:
        items = tuple(self.condition(item, f"`{tree.op}`") for item in tree.items)
        return self.joined(tree.op, items, tree.span)

    def joined(self, op: str, items: Sequence[ir.Node], span: syntax.Span) -> ir.Node:
        if len(items) == 1:
            return items[0]
        nullable = any(item.nullable for item in items)
        kind = ir.And if op == "and" else ir.Or
        return self.fold(kind(tuple(items), type=BOOLEAN, nullable=nullable, span=span))

    def negative(self, tree: syntax.Negative) -> ir.Node:
        node = self.check(tree.operand)
        if node.type not in {NUMBER, ANY, *_DURATIONS}:
            self.problem("feel.wrong_type", f"`-` is not defined for {_a(node.type)}", tree.span)
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
        low, high = self.check(tree.low), self.check(tree.high)

        def body(subject: ir.Node) -> ir.Node:
            parts = (self.compare(">=", subject, low, tree.span), self.compare("<=", subject, high, tree.span))
            return self.joined("and", parts, tree.span)

        return self.named(self.check(tree.value), body)

    def in_(self, tree: syntax.In) -> ir.Node:
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
            self.check_bounds(test, low, high)
            return self.joined("and", (low, high), span)
        if isinstance(test, syntax.ListLiteral) and not isinstance(subject.type, ListType):
            if not test.items:
                self.problem("feel.wrong_type", "the list is empty, so nothing is in it", span)
                return self.broken(span)
            return self.joined("or", [self.test(subject, item) for item in test.items], span)
        node = self.check(test)
        type_ = node.type
        if cell and type_ == BOOLEAN and (subject.type != BOOLEAN or _mentions_subject(test)):
            return node
        if isinstance(type_, RangeType) and not isinstance(subject.type, RangeType):
            self.must_compare(subject, type_.item, node)
            return self.fold(ir.Belongs(subject, node, type=BOOLEAN, nullable=True, span=span))
        if isinstance(type_, ListType) and not comparable(subject.type, type_):
            self.must_compare(subject, type_.item, node)
            return self.fold(ir.Belongs(subject, node, type=BOOLEAN, nullable=True, span=span))
        if ANY in (type_, subject.type) or isinstance(type_, ListType):
            return ir.Belongs(subject, node, type=BOOLEAN, nullable=True, span=span)
        return self.compare("=", subject, node, span)

    def check_bounds(self, test: syntax.Interval, low: ir.Node, high: ir.Node) -> None:
        """An interval whose constant bounds leave nothing between them is a slip."""
        ends = [side.right for side in (low, high) if isinstance(side, ir.Compare) and isinstance(side.right, ir.Const)]
        if len(ends) != 2 or ends[0].type != ends[1].type or ends[0].type not in ORDERED:  # both ends
            return
        bottom, top = (end.value for end in ends)
        closed = test.low_closed and test.high_closed
        try:
            empty = bottom > top or (bottom == top and not closed)  # type: ignore[operator]  # both of one ordered type
        except TypeError:
            return
        if empty:
            self.problem(
                "feel.empty_interval", "nothing lies in this interval", test.span, "the smaller bound comes first"
            )

    def must_compare(self, subject: ir.Node, item: Type, node: ir.Node) -> None:
        if not comparable(subject.type, item):
            self.problem(
                "feel.wrong_type",
                f"{_a(subject.type)} is never in {_a(node.type)}",
                node.span,
                _compare_help(subject, node),
            )

    def cell(self, tree: syntax.UnaryTests, subject: ir.Node) -> ir.Node:
        if not tree.tests:
            return ir.truth(value=True, span=tree.span)
        tests = [self.as_condition(self.test(subject, test, cell=True), "a cell") for test in tree.tests]
        node = self.joined("or", tests, tree.span)
        if tree.negated:
            node = self.fold(ir.Not(node, type=BOOLEAN, nullable=node.nullable, span=tree.span))
        return node

    def interval(self, tree: syntax.Interval) -> ir.Node:
        low, high = self.check(tree.low), self.check(tree.high)
        for end in (low, high):
            if end.type not in ORDERED and end.type not in {ANY, NULL}:
                self.problem("feel.wrong_type", f"an interval cannot end at {_a(end.type)}", end.span)
                return self.broken(tree.span)
        if ANY not in (low.type, high.type) and NULL not in (low.type, high.type) and low.type != high.type:
            self.problem("feel.wrong_type", f"an interval goes from {_a(low.type)} to {_a(high.type)}", tree.span)
            return self.broken(tree.span)
        type_ = RangeType(common(low.type, high.type))
        return self.fold(ir.RangeOf(low, high, tree.low_closed, tree.high_closed, type=type_, span=tree.span))

    def lone_test(self, tree: syntax.Test) -> ir.Node:
        """`(>= 5)` as a value: a range open to one side."""
        end = self.check(tree.operand)
        if tree.op == "!=":
            self.problem("feel.syntax", "`!=` does not make a range", tree.span, "use it as `x != 5`")
            return self.broken(tree.span)
        if end.type not in ORDERED and end.type != ANY:
            self.problem("feel.wrong_type", f"a range cannot end at {_a(end.type)}", end.span)
            return self.broken(tree.span)
        nothing = ir.Const(None, type=NULL, nullable=True, span=tree.span)
        low = end if tree.op in {">", ">=", "="} else nothing
        high = end if tree.op in {"<", "<=", "="} else nothing
        return self.fold(
            ir.RangeOf(
                low, high, tree.op in {">=", "="}, tree.op in {"<=", "="}, type=RangeType(end.type), span=tree.span
            )
        )

    def if_(self, tree: syntax.If) -> ir.Node:
        condition = self.condition(tree.condition, "`if`")
        yes, no = self.check(tree.yes), self.check(tree.no)
        nullable = yes.nullable or no.nullable
        return self.fold(ir.If(condition, yes, no, type=common(yes.type, no.type), nullable=nullable, span=tree.span))

    # -- structure

    def list_(self, tree: syntax.ListLiteral) -> ir.Node:
        items = tuple(self.check(item) for item in tree.items)
        item_type: Type | None = None
        for item in items:
            item_type = item.type if item_type is None else common(item_type, item.type)
        return self.fold(ir.ListOf(items, type=ListType(item_type or ANY), span=tree.span))

    def context(self, tree: syntax.ContextLiteral) -> ir.Node:
        frame: dict[str, ir.Node] = {}
        self.frames.append(frame)
        locals_: list[ir.Local] = []
        values: list[ir.Node] = []
        for entry in tree.entries:
            value = self.check(entry.value)
            local = self.local(entry.key, value.type, entry.span, nullable=value.nullable)
            frame[entry.key] = local
            locals_.append(local)
            values.append(value)
        self.frames.pop()
        keys = tuple(entry.key for entry in tree.entries)
        fields = {key: Field(value.type, value.nullable) for key, value in zip(keys, values, strict=True)}
        return self.fold(ir.ContextOf(keys, tuple(locals_), tuple(values), type=ContextType(fields), span=tree.span))

    def filter(self, tree: syntax.Filter) -> ir.Node:
        base = self.check(tree.base)
        item_type = base.type.item if isinstance(base.type, ListType) else base.type
        item = self.local("item", item_type, tree.span)
        frame: dict[str, ir.Node] = {}
        if isinstance(item_type, ContextType):
            frame = {
                name: ir.Member(item, name, given.enum, type=given.type, nullable=True)
                for name, given in item_type.fields.items()
            }
        frame.setdefault("item", item)
        self.frames.append(frame)
        predicate = self.check(tree.predicate)
        self.frames.pop()
        if predicate.type == NUMBER:
            return self.fold(ir.Index(base, predicate, type=item_type, nullable=True, span=tree.span))
        if not fits(predicate.type, BOOLEAN):
            self.problem(
                "feel.wrong_type",
                f"a filter takes a condition or a position; this is {_a(predicate.type)}",
                predicate.span,
                'for instance `visits[item.kind = "call"]` or `visits[1]`',
            )
            return self.broken(tree.span)
        type_ = base.type if isinstance(base.type, ListType) else ListType(item_type)
        condition = self.require(predicate, BOOLEAN)
        return ir.Select(base, item, condition, type=type_, span=tree.span)

    def iterations(self, given: Sequence[syntax.Iteration]) -> tuple[tuple[ir.Local, ...], tuple[ir.Node, ...]]:
        """The loop's variables and domains; leaves one frame for each on the stack."""
        locals_: list[ir.Local] = []
        domains: list[ir.Node] = []
        for each in given:
            domain, item = self.domain(each)
            local = self.local(each.name, item, each.span)
            self.frames.append({each.name: local})
            locals_.append(local)
            domains.append(domain)
        return tuple(locals_), tuple(domains)

    def domain(self, given: syntax.Iteration) -> tuple[ir.Node, Type]:
        start = self.check(given.domain)
        if given.end is not None:
            end = self.check(given.end)
            for side in (start, end):
                if not fits(side.type, NUMBER) and not fits(side.type, DATE):
                    self.problem("feel.wrong_type", f"a loop counts numbers or dates, not {_a(side.type)}", side.span)
            return ir.Count(start, end, type=ListType(start.type), span=given.span), start.type
        if isinstance(start.type, ListType):
            return start, start.type.item
        if isinstance(start.type, RangeType) and (fits(start.type.item, NUMBER) or fits(start.type.item, DATE)):
            return start, start.type.item
        if start.type != ANY:
            self.problem("feel.wrong_type", f"a loop goes over a list or range, not {_a(start.type)}", start.span)
        return start, ANY

    def for_(self, tree: syntax.For) -> ir.Node:
        depth = len(self.frames)
        locals_, domains = self.iterations(tree.iterations)
        partial = self.local("partial", ListType(ANY), tree.span, nullable=False)
        self.frames.insert(depth, {"partial": partial})
        result = self.check(tree.result)
        del self.frames[depth:]
        reads = any(isinstance(node, ir.Local) and node.name == partial.name for node in ir.walk(result))
        return ir.Loop(locals_, domains, result, partial if reads else None, type=ListType(result.type), span=tree.span)

    def quantified(self, tree: syntax.Quantified) -> ir.Node:
        depth = len(self.frames)
        locals_, domains = self.iterations(tree.iterations)
        condition = self.condition(tree.condition, f"`{tree.kind}`")
        del self.frames[depth:]
        return ir.Quantified(
            tree.kind, locals_, domains, condition, type=BOOLEAN, nullable=condition.nullable, span=tree.span
        )

    # -- functions

    def function(self, tree: syntax.FunctionDefinition) -> ir.Node:
        if tree.external:
            self.problem("feel.unsupported", "external functions are not allowed", tree.span, "write the function here")
            return self.broken(tree.span)
        frame: dict[str, ir.Node] = {}
        parameters = []
        for given in tree.parameters:
            type_ = self.type_of_name(given.type) if given.type else ANY
            local = self.local(given.name, type_, given.span)
            parameters.append(local)
            frame[given.name] = local
        self.frames.append(frame)
        body = self.check(tree.body)
        self.frames.pop()
        type_ = FunctionType(tuple(p.type for p in parameters), body.type)
        return ir.Function(tuple(parameters), body, type=type_, span=tree.span)

    def type_of_name(self, tree: syntax.TypeName) -> Type:
        parts = [self.type_of_name(part) for part in tree.parts]
        if tree.name == "list" and len(parts) <= 1:
            return ListType(parts[0] if parts else ANY)
        if tree.name == "range" and len(parts) <= 1:
            return RangeType(parts[0] if parts else ANY)
        if tree.name == "context":
            return ContextType(
                {name: Field(part, optional=True) for name, part in zip(tree.labels, parts, strict=True)}
            )
        if tree.name == "function" and parts:
            return FunctionType(tuple(parts[:-1]), parts[-1])
        found = TYPE_NAMES.get(tree.name)
        if found is None or parts:
            near = closest(tree.name, [*TYPE_NAMES, "list", "range", "context"])
            self.problem(
                "feel.unknown_type",
                f"there is no type `{tree.name[:60]}`",
                tree.span,
                f"did you mean `{near}`?" if near else "",
            )
            return ANY
        return found

    def invocation(self, tree: syntax.Invocation) -> ir.Node:
        callee = tree.callee
        if isinstance(callee, syntax.Name):
            variable = self.lookup(callee.name, callee.span)
            if variable is None:
                return self.named_call(callee, tree)
            function: ir.Node = variable
        else:
            function = self.check(callee)
        arguments = tuple(self.check(argument) for argument in tree.arguments)
        if not isinstance(function.type, FunctionType):
            if function.type != ANY:
                self.problem("feel.wrong_type", f"{_a(function.type)} cannot be called", callee.span)
                return self.broken(tree.span)
            return ir.Invoke(function, arguments, type=ANY, nullable=True, span=tree.span)
        arguments = self.ordered(function, tree, arguments)
        wanted = function.type.parameters
        if len(arguments) != len(wanted):
            self.problem(
                "feel.wrong_arguments", f"the function takes {len(wanted)} arguments, not {len(arguments)}", tree.span
            )
            return self.broken(tree.span)
        for at, (argument, type_) in enumerate(zip(arguments, wanted, strict=True), 1):
            if not fits(argument.type, type_):
                self.problem(
                    "feel.wrong_type",
                    f"argument {at} of the function must be {_a(type_)}, not {_a(argument.type)}",
                    argument.span,
                )
        checked = tuple(self.require(a, t) if t != ANY else a for a, t in zip(arguments, wanted, strict=True))
        return ir.Invoke(function, checked, type=function.type.result, nullable=True, span=tree.span)

    def ordered(
        self, function: ir.Node, tree: syntax.Invocation, arguments: tuple[ir.Node, ...]
    ) -> tuple[ir.Node, ...]:
        """Named arguments of a function value in the order of its parameters."""
        if not tree.names:
            return arguments
        if not isinstance(function, ir.Function):
            self.problem("feel.wrong_arguments", "arguments of this function go by position", tree.span)
            return arguments
        names = [parameter.name.rpartition("#")[0] for parameter in function.parameters]
        if sorted(names) != sorted(tree.names):
            self.problem("feel.wrong_arguments", f"the function's arguments are named {_shown(names)}", tree.span)
            return arguments
        return tuple(arguments[tree.names.index(name)] for name in names)

    def named_call(self, callee: syntax.Name, tree: syntax.Invocation) -> ir.Node:
        if callee.name == "not":
            return self.not_(tree)
        builtin = BY_NAME.get(callee.name)
        arguments = tuple(self.check(argument) for argument in tree.arguments)
        if builtin is None:
            near = closest(callee.name, [*BY_NAME, "not", *self.visible()])
            help_ = f"did you mean `{near}`?" if near else "the functions are listed in the language page"
            self.problem("feel.unknown_function", f"there is no function `{callee.name[:60]}`", callee.span, help_)
            return self.broken(tree.span)
        return self.call(builtin, arguments, tree)

    def not_(self, tree: syntax.Invocation) -> ir.Node:
        arguments = [self.condition(argument, "`not`") for argument in tree.arguments]
        if len(arguments) != 1 or tree.names not in {(), ("negand",)}:
            self.problem("feel.wrong_arguments", "`not` takes one condition", tree.span, "for instance `not(a or b)`")
            return self.broken(tree.span)
        node = arguments[0]
        return self.fold(ir.Not(node, type=BOOLEAN, nullable=node.nullable, span=tree.span))

    def call(self, builtin: Builtin, given: tuple[ir.Node, ...], tree: syntax.Invocation) -> ir.Node:
        arranged = [
            (signature, arguments)
            for signature in builtin.signatures
            if (arguments := _arranged(signature, given, tree.names)) is not None
        ]
        if not arranged:
            count = f"{len(given)} argument{'' if len(given) == 1 else 's'}"
            what = f"no arguments named {_shown(tree.names)}" if tree.names else f"not {count}"
            self.problem(
                "feel.wrong_arguments", f"`{builtin.name}` takes {what}", tree.span, f"it is {builtin.usage()}"
            )
            return self.broken(tree.span)
        fitting = [(s, a) for s, a in arranged if all(fits(x.type, s.parameter(i).type) for i, x in enumerate(a))]
        if not fitting:
            self.wrong_argument(builtin, *arranged[0])
            return self.broken(tree.span)
        loose = any(only_known_at_run_time(x.type, s.parameter(i).type) for s, a in fitting for i, x in enumerate(a))
        chosen = fitting if loose else fitting[:1]
        signature, arguments = chosen[0]
        types = [argument.type for argument in arguments]
        result = signature.result(types) if callable(signature.result) else signature.result
        if len(chosen) > 1 and any((s.result(types) if callable(s.result) else s.result) != result for s, _ in chosen):
            result = ANY
        nullable = any(s.may_be_null for s, _ in chosen) or any(argument.nullable for argument in arguments) or loose
        node = ir.Call(
            builtin.name, tuple(s for s, _ in chosen), arguments, type=result, nullable=nullable, span=tree.span
        )
        self.check_pattern(builtin, node)
        return node if any(s.reads_clock for s, _ in chosen) else self.fold(node)

    def check_pattern(self, builtin: Builtin, node: ir.Call) -> None:
        """A regular expression that stands in the rule is looked at now."""
        if builtin.name not in {"matches", "replace", "split"}:
            return
        pattern = node.arguments[1]
        flags = [a for at, a in enumerate(node.arguments) if node.signatures[0].parameter(at).name == "flags"]
        if not isinstance(pattern, ir.Const) or not isinstance(pattern.value, str):
            return
        flag = flags[0].value if flags and isinstance(flags[0], ir.Const) else None
        try:
            pattern_of(pattern.value, flag if isinstance(flag, str) else "")
        except Fault as fault:
            self.problem(fault.code, fault.message, pattern.span, fault.help)

    def wrong_argument(self, builtin: Builtin, signature: Signature, arguments: Sequence[ir.Node]) -> None:
        for at, argument in enumerate(arguments):
            wanted = [s.parameter(at).type for s in builtin.signatures if s.accepts(len(arguments))]
            if any(fits(argument.type, type_) for type_ in wanted):
                continue
            shown = " or ".join(dict.fromkeys(_a(type_) for type_ in wanted))
            label = f"`{signature.parameter(at).name}`"
            self.problem(
                "feel.wrong_type",
                f"{label} of `{builtin.name}` must be {shown}, not {_a(argument.type)}",
                argument.span,
                f"it is {builtin.usage()}",
            )
            return
        shown = " and ".join(_a(argument.type) for argument in arguments)
        span = (arguments[0].span[0], arguments[-1].span[1])
        self.problem(
            "feel.wrong_type", f"`{builtin.name}` is not defined for {shown}", span, f"it is {builtin.usage()}"
        )

    def instance_of(self, tree: syntax.InstanceOf) -> ir.Node:
        tested = self.type_of_name(tree.type)
        return self.fold(ir.InstanceOf(self.check(tree.value), tested, type=BOOLEAN, span=tree.span))


_CHECKS: Final[Mapping[type, Callable[[_Checker, Any], ir.Node]]] = {
    syntax.Literal: _Checker.literal,
    syntax.AtLiteral: _Checker.at_literal,
    syntax.Name: _Checker.name,
    syntax.Path: _Checker.path,
    syntax.Binary: _Checker.binary,
    syntax.Logic: _Checker.logic,
    syntax.Negative: _Checker.negative,
    syntax.Between: _Checker.between,
    syntax.In: _Checker.in_,
    syntax.Test: _Checker.lone_test,
    syntax.Interval: _Checker.interval,
    syntax.If: _Checker.if_,
    syntax.For: _Checker.for_,
    syntax.Quantified: _Checker.quantified,
    syntax.FunctionDefinition: _Checker.function,
    syntax.Invocation: _Checker.invocation,
    syntax.Filter: _Checker.filter,
    syntax.ListLiteral: _Checker.list_,
    syntax.ContextLiteral: _Checker.context,
    syntax.InstanceOf: _Checker.instance_of,
}


def _arranged(signature: Signature, given: tuple[ir.Node, ...], names: tuple[str, ...]) -> tuple[ir.Node, ...] | None:
    """The arguments in the order of the parameters, or None when they do not go together."""
    if not names:
        return given if signature.accepts(len(given)) else None
    parameters: list[Parameter] = list(signature.parameters)
    known = [p.name for p in parameters]
    if any(name not in known for name in names) or len(set(names)) != len(names):
        return None
    found = [given[names.index(name)] if name in names else None for name in known]
    while found and found[-1] is None and parameters[len(found) - 1].optional:
        found.pop()
    return None if None in found else tuple(node for node in found if node is not None)


def _order_nullable(left: ir.Node, right: ir.Node) -> bool:
    return left.nullable or right.nullable


def _mentions_subject(tree: syntax.Node) -> bool:
    stack: list[object] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, syntax.Name) and node.name == _SUBJECT:
            return True
        if isinstance(node, tuple):
            stack.extend(node)
        elif isinstance(node, syntax.Node):
            stack.extend(getattr(node, name) for name in node.__dataclass_fields__)
    return False


def _a(type_: Type) -> str:
    text = str(type_)
    if text in {"Any", "null"}:
        return "null" if text == "null" else "something of unknown type"
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


def _shown(names: Iterable[str], *, quote: bool = True) -> str:
    listed = sorted(names) if quote else list(names)
    few = [f"`{name}`" for name in listed[:12]]
    return ", ".join(few) + (f" and {len(listed) - 12} more" if len(listed) > 12 else "")  # a line's worth


def _arithmetic_help(op: str, left: Type, right: Type) -> str:
    if STRING in (left, right) and op == "+":
        return "make texts with `string(x)`, or numbers with `number(x)`"
    if STRING in (left, right):
        return "make numbers with `number(x)`"
    if NUMBER in (left, right) and ({left, right} & {DATE, DATE_TIME, TIME}):
        return 'add a duration: `duration("P14D")` or `@"P14D"`'
    if left == right == DATE and op == "+":
        return "only a duration can be added to a date"
    return ""


def _compare_help(left: ir.Node, right: ir.Node) -> str:
    types = {left.type, right.type}
    if types == {DATE, DATE_TIME}:
        return "take the day with `date(x)`"
    if STRING in types and types & {DATE, DATE_TIME, TIME, *_DURATIONS}:
        return 'a date in an expression is written `date("2026-11-02")` or `@"2026-11-02"`'
    if types == {STRING, NUMBER}:
        return "numbers stand without quotes; make a number of a text with `number(x)`"
    if types == {STRING, BOOLEAN}:
        return "`true` and `false` stand without quotes"
    if types == {DAYS_TIME_DURATION, YEARS_MONTHS_DURATION}:
        return "days and months do not compare: a month has no fixed length"
    if isinstance(left.type, ListType) and not isinstance(right.type, ListType):
        return "ask with `list contains(list, x)`"
    return ""


def _order_help(type_: Type) -> str:
    if isinstance(type_, ListType):
        return "ask for `count(list)`, or go through it with `some x in list satisfies ...`"
    if type_ == BOOLEAN:
        return "`true` and `false` have no order; use `=`, or the condition itself"
    return ""
