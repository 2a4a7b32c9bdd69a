"""Checked expressions: what the rest of the engine holds and evaluates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, cast

from engine.feel import ir, syntax
from engine.feel.builtins import FUNCTION_NAMES
from engine.feel.checker import check_cell, check_tree
from engine.feel.checking.base import SUBJECT
from engine.feel.checking.operator_types import PROPERTY_NAMES
from engine.feel.clauses import Outline
from engine.feel.generate import compile_value, compile_values
from engine.feel.interpret import interpret
from engine.feel.operations import Run, call_depth, whole
from engine.feel.parser import Names, parse, parse_unary_tests
from engine.feel.places import TextPlaces
from engine.feel.plain import plain_outline, plain_test, plain_value
from engine.feel.types import ANY, BOOLEAN, ContextType, Field, ListType, Scope, Type
from engine.feel.unparse import unparse
from engine.feel.values import Facts, Fault, Value
from engine.problems import NOWHERE, InvalidError, Place, Problem

LineColumns = Sequence[tuple[int, int]]


_FLAT: Final = frozenset({ir.Fact, ir.Const, type(None)})
"""Nodes whose value cannot nest: of facts it is checked when they are read."""


class Expression:
    """A checked expression. Immutable, safe to share between threads, picklable (it is checked again from its text).

    `may_nest` says that its value may hold values in values without end, which an evaluation refuses.
    `text` is as written, `type` what it gives, `place` where its text starts. `outline` is what a cell that is one test
    of an ordered value says, where that is known without its typed form.
    """

    __slots__ = (
        "_compiled",
        "_expect",
        "_line_columns",
        "_node",
        "_reads",
        "_scope",
        "_subject",
        "_tree",
        "may_nest",
        "outline",
        "place",
        "text",
        "type",
    )

    def __init__(
        self,
        text: str,
        node: ir.Node | None,
        scope: Scope,
        *,
        place: Place,
        line_columns: LineColumns | None,
        expect: Type | None = None,
        subject: Field | None = None,
        tree: syntax.Node | None = None,
        outline: Outline | None = None,
    ) -> None:
        """Made by `check` and, with a `subject`, by `check_unary_tests` only.

        The `tree` is read when it is asked for, and so is the typed form of a cell that has an outline.
        """
        self.text = text
        self.place, self._line_columns = place, tuple(line_columns) if line_columns else None
        self.type: Type = BOOLEAN if node is None else node.type
        self.may_nest = type(node) not in _FLAT and (self.type == ANY or isinstance(self.type, ListType | ContextType))
        self.outline = outline
        self._scope, self._expect, self._subject = scope, expect, subject
        self._node, self._tree = node, tree
        self._reads: frozenset[str] | None = None
        self._compiled: tuple[Callable[..., Value], bool] | None = None

    @property
    def ir(self) -> ir.Node:
        """The typed form."""
        if self._node is None:
            self._node = plain_test(self.text, cast("Field", self._subject), SUBJECT)
        return cast("ir.Node", self._node)

    @property
    def tree(self) -> syntax.Node:
        """The untyped tree."""
        if self._tree is None:
            read = parse if self._subject is None else parse_unary_tests
            self._tree = read(self.places, _names(self._scope), FUNCTION_NAMES)
        return self._tree

    @property
    def reads(self) -> frozenset[str]:
        """The dotted paths of the facts that are read."""
        if self._reads is None:
            self._reads = frozenset(fact.name for fact in ir.facts_of(self.ir))
        return self._reads

    @property
    def places(self) -> TextPlaces:
        """Where each character of the text stands in its file."""
        return TextPlaces(self.text, self.place, self._line_columns)

    def evaluate(self, facts: Facts, *, at: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC) -> Value:
        """The value, through generated code. Raises `InvalidError` with codes `feel.*` and the place in the rule file.

        `at` is the instant that `now()` and `today()` mean, in `zone`.
        """
        compiled = self._compiled
        if compiled is None:
            compiled = self._compiled = compile_value(self.ir)
        function, needs_run = compiled
        try:
            value = function(facts, Run(facts, at, zone) if needs_run else None)
            return whole(value) if self.may_nest else value
        except Exception as error:
            self.interpret(facts, at=at, zone=zone)
            raise AssertionError(f"generated code and interpreter disagree about `{self.text}`") from error

    def interpret(self, facts: Facts, *, at: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC) -> Value:
        """The value, through the reference interpreter. Raises as `evaluate` does."""
        try:
            value = interpret(self.ir, Run(facts, at, zone))
            return whole(value) if self.may_nest else value
        except Fault as fault:
            raise self.located(fault) from None
        except RecursionError:  # a deep expression meets the end of Python's stack before the limit on calls
            raise self.located(call_depth()) from None

    def located(self, fault: Fault) -> InvalidError:
        """A fault of this expression as an error with its place."""
        return self.places.error(fault.code, fault.message, fault.span or (0, len(self.text)), fault.help)

    def standing_at(self, place: Place, line_columns: LineColumns | None = None) -> Expression:
        """The same text where it stands once more, with its problems there."""
        return Expression(
            self.text,
            self._node,
            self._scope,
            place=place,
            line_columns=line_columns,
            expect=self._expect,
            subject=self._subject,
            tree=self._tree,
            outline=self.outline,
        )

    def part(self, span: syntax.Span) -> str:
        """The text of a part."""
        return self.text[span[0] : span[1]].strip()

    def to_text(self) -> str:
        """The canonical text: it reads back to the same tree."""
        return unparse(self.tree)

    def __repr__(self) -> str:
        return f"<Expression {self.text!r}: {self.type}>"

    def __reduce__(self) -> tuple[Callable[..., Expression], tuple[Any, ...]]:
        where = self.place, self._line_columns
        if self._subject is None:
            return _check_again, (self.text, self._scope, self._expect, *where)
        return _check_cell_again, (self.text, self._subject, self._scope, *where)


_NO_NAMES: Final = Names(PROPERTY_NAMES)


def _names(scope: Scope) -> Names:
    """The names of several words in a scope, with those of fields anywhere below."""
    found: set[str] = set()
    pending: list[Mapping[str, Field]] = [scope.fields]
    while pending:
        for name, given in pending.pop().items():
            if not name.isidentifier():
                found.add(name)
            type_ = given.type
            while isinstance(type_, ListType):
                type_ = type_.item
            if isinstance(type_, ContextType):
                pending.append(type_.fields)
    return Names(sorted(found), _NO_NAMES) if found else _NO_NAMES


def check(
    text: str,
    scope: Scope,
    *,
    expect: Type | None = None,
    place: Place = NOWHERE,
    line_columns: LineColumns | None = None,
) -> Expression:
    """Read and check an expression.

    `expect` is the type it must give; `place` is where the text starts in its file, and `line_columns` the (line,
    column) of the start of each of its lines, for texts of several lines. Raises `InvalidError`: for a text that cannot
    be read with the first mistake, else with all of them.
    """
    if (plain := plain_value(text, expect)) is not None:
        return Expression(text, plain, scope, place=place, line_columns=line_columns, expect=expect)
    places = TextPlaces(text, place, tuple(line_columns) if line_columns else None)
    noted: list[Problem] = []
    tree = parse(places, _names(scope), FUNCTION_NAMES, noted=noted)
    node = _checked(noted, lambda: check_tree(tree, scope, places, expect))
    return Expression(text, node, scope, place=place, line_columns=line_columns, expect=expect, tree=tree)


def _checked(noted: Sequence[Problem], check_it: Callable[[], ir.Node]) -> ir.Node:
    """The typed form. Raises `InvalidError` with what the reader noted and what the checker finds."""
    try:
        node = check_it()
    except InvalidError as error:
        raise InvalidError([*noted, *error.problems]) from None
    if noted:
        raise InvalidError(noted)
    return node


def _check_again(
    text: str, scope: Scope, expect: Type | None, place: Place, line_columns: LineColumns | None
) -> Expression:
    return check(text, scope, expect=expect, place=place, line_columns=line_columns)


def check_unary_tests(
    text: str,
    input_type: Type | Field,
    scope: Scope,
    *,
    place: Place = NOWHERE,
    line_columns: LineColumns | None = None,
) -> Expression:
    """Read and check a decision table's cell: `-`, `>= 5`, `"a", "b"`, `[1..5)`, `not(...)`, or a condition about `?`.

    The result is a condition over the scope's facts and one more, named `?`: the value of the column. A `Field` as
    `input_type` says whether that may be null and what it is limited to. Raises as `check` does.
    """
    subject = input_type if isinstance(input_type, Field) else Field(input_type, optional=True)
    drawn = None if subject.enum is not None else plain_outline(text, subject.type)
    node = tree = None
    if drawn is None and (node := plain_test(text, subject, SUBJECT)) is None:
        places = TextPlaces(text, place, tuple(line_columns) if line_columns else None)
        noted: list[Problem] = []
        tree = parse_unary_tests(places, _names(scope), FUNCTION_NAMES, noted=noted)
        node = _checked(noted, lambda: check_cell(tree, subject, scope, places))
    return Expression(
        text, node, scope, place=place, line_columns=line_columns, subject=subject, tree=tree, outline=drawn
    )


def _check_cell_again(
    text: str, subject: Field, scope: Scope, place: Place, line_columns: LineColumns | None
) -> Expression:
    return check_unary_tests(text, subject, scope, place=place, line_columns=line_columns)


class ValueSet:
    """Many expressions of any type, compiled into one function that gives all their values."""

    __slots__ = ("_function", "_needs_run", "_nesting", "expressions")

    def __init__(self, expressions: Sequence[Expression]) -> None:
        """See `compile`."""
        self.expressions = tuple(expressions)
        self._nesting = tuple(at for at, each in enumerate(expressions) if each.may_nest)
        self._function, self._needs_run = compile_values([expression.ir for expression in self.expressions])

    @classmethod
    def compile(cls, expressions: Sequence[Expression]) -> ValueSet:
        """Compile expressions that are evaluated together."""
        return cls(expressions)

    def evaluate(self, facts: Facts, *, at: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC) -> tuple[Value, ...]:
        """The values, in the order of the expressions. Raises `InvalidError` for the first that cannot be computed."""
        try:
            values = self._function(facts, Run(facts, at, zone) if self._needs_run else None)
            for at_value in self._nesting:
                whole(values[at_value])
        except Exception as error:
            interpret_all(self.expressions, facts, at=at, zone=zone)
            raise AssertionError("generated code and interpreter disagree about a set of values") from error
        return values

    def __reduce__(self) -> tuple[Callable[..., ValueSet], tuple[Any, ...]]:
        return ValueSet, (self.expressions,)


def interpret_all(
    expressions: Sequence[Expression], facts: Facts, *, at: dt.datetime | None, zone: dt.tzinfo
) -> tuple[Value, ...]:
    """The values through the interpreter.

    Raises `InvalidError`: for unfit facts with all of them, else with the first fault.
    """
    require_facts(expressions, facts)
    return tuple(expression.interpret(facts, at=at, zone=zone) for expression in expressions)


def require_facts(expressions: Iterable[Expression], facts: Facts, *, but: Iterable[tuple[str, ...]] = ()) -> None:
    """Raise `InvalidError` with all facts that are missing or unfit; paths in `but` are not looked at."""
    problems: list[Problem] = []
    seen = set(but)
    run = Run(facts)
    for expression in expressions:
        for fact in ir.facts_of(expression.ir):
            if fact.path not in seen:
                seen.add(fact.path)
                try:
                    interpret(fact, run)
                except Fault as fault:
                    problems.extend(expression.located(fault).problems)
    if problems:
        raise InvalidError(problems)
