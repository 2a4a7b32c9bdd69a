"""Boxed expressions as functions of an environment, built once when the model is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from engine.dmn.model import (
    Boxed,
    Conditional,
    ContextExpression,
    DecisionTable,
    FilterExpression,
    FunctionExpression,
    Invocation,
    Iterator,
    ListExpression,
    LiteralExpression,
    Relation,
)
from engine.dmn.table import build_table
from engine.dmn.types import ModelTypes
from engine.feel.limits import MAX_LIST_ITEMS
from engine.feel.operations import list_limit
from engine.feel.standard import Compiled, Environment, Session, compile_expression, compile_unary_tests
from engine.feel.standard.callables import Defined
from engine.feel.standard.evaluation import call, filtered
from engine.feel.standard.java_methods import java_method
from engine.feel.standard.operations import STANDARD, all_of, any_of, kind_of
from engine.feel.standard.types import converted
from engine.feel.types import ANY, Type
from engine.feel.values import Fault
from engine.problems import InvalidError, Place, Problem

Evaluate = Callable[[Environment], Any]


class Builder:
    """Builds the expressions of one model; what cannot be read is reported and gives null when run."""

    def __init__(self, types: ModelTypes, report: Callable[[Problem], None]) -> None:
        self.types = types
        self.report = report

    # -- FEEL

    def feel(self, expression: LiteralExpression, names: Iterable[str]) -> Evaluate:
        """FEEL text; an empty one is null."""
        if not expression.text.strip():
            return _null
        return self._compiled(compile_expression, expression, names)

    def tests(self, expression: LiteralExpression, names: Iterable[str]) -> Evaluate:
        """Unary tests about the variable `?`; empty ones let everything pass."""
        if not expression.text.strip():
            return lambda _: True
        return self._compiled(compile_unary_tests, expression, names)

    def _compiled(
        self, compile_: Callable[..., Compiled], expression: LiteralExpression, names: Iterable[str]
    ) -> Evaluate:
        try:
            return compile_(expression.text, names, self.types.names, place=_text_place(expression)).evaluate
        except InvalidError as error:
            for problem in error.problems:
                self.report(problem)
            first = error.problems[0]
            return failing(Fault(first.code, first.message), expression.text)

    def type_of(self, name: str, place: Place) -> Type:
        """The type that an element names; any, with a problem reported, for an unknown one."""
        try:
            return self.types.by_reference(name)
        except Fault as fault:
            self.report(Problem("dmn.unknown_type", fault.message, place, fault.help))
            return ANY

    # -- every kind of expression

    def build(self, expression: Boxed | None, names: frozenset[str]) -> Evaluate:
        """An expression; none at all is null. Its result is held against its type."""
        if expression is None:
            return _null
        build: Callable[[Builder, Any, frozenset[str]], Evaluate] = _BY_KIND[type(expression)]
        evaluate = build(self, expression, names)
        if isinstance(expression, FunctionExpression):
            return evaluate  # its type is that of its result
        return self.typed(evaluate, self.type_of(expression.type_ref, expression.place))

    def typed(self, evaluate: Evaluate, wanted: Type) -> Evaluate:
        """The value, converted to a type; null with a note where it does not fit."""
        if wanted == ANY:
            return evaluate

        def typed(environment: Environment) -> Any:
            value = evaluate(environment)
            try:
                return converted(value, wanted)
            except Fault as fault:
                environment.session.note(fault)
                return None

        return typed

    def literal(self, expression: LiteralExpression, names: frozenset[str]) -> Evaluate:
        """FEEL text."""
        return self.feel(expression, names)

    def context(self, expression: ContextExpression, names: frozenset[str]) -> Evaluate:
        """A context of entries, or the value of its nameless last one."""
        entries = []
        for entry in expression.entries:
            # An entry sees its own name, so that a function in it can call itself.
            names = names | {entry.name} if entry.name else names
            value = self.build(entry.value, names)
            entries.append((entry.name, self.typed(value, self.type_of(entry.type_ref, expression.place))))

        def context(environment: Environment) -> Any:
            made: dict[str, Any] = {}
            inner = environment.child(made)
            for name, evaluate in entries:
                value = evaluate(inner)
                if not name:
                    return value
                made[name] = value
            return dict(made)

        return context

    def list(self, expression: ListExpression, names: frozenset[str]) -> Evaluate:
        """A list of items."""
        items = [self.build(item, names) for item in expression.items]
        return lambda e: tuple(item(e) for item in items)

    def relation(self, expression: Relation, names: frozenset[str]) -> Evaluate:
        """A list of contexts."""
        columns = [(name, self.type_of(type_ref, expression.place)) for name, type_ref in expression.columns]
        rows = [
            [
                (name, self.typed(self.build(cell, names), type_))
                for (name, type_), cell in zip(columns, row, strict=False)
            ]
            for row in expression.rows
        ]
        return lambda e: tuple({name: evaluate(e) for name, evaluate in row} for row in rows)

    def invocation(self, expression: Invocation, names: frozenset[str]) -> Evaluate:
        """A call with named arguments."""
        callee = self.build(expression.callee, names)
        bindings = [(name, self.build(value, names)) for name, value in expression.bindings]

        def invoke(environment: Environment) -> Any:
            function = callee(environment)
            values = [evaluate(environment) for _, evaluate in bindings]
            return call(function, environment.session, values, [name for name, _ in bindings])

        return guarded(invoke)

    def function(self, expression: FunctionExpression, names: frozenset[str]) -> Evaluate:
        """A function value."""
        parameters = tuple((name, self.type_of(ref, expression.place)) for name, ref in expression.parameters)
        body = self.build(expression.body, names | {name for name, _ in parameters} | {"class", "method signature"})
        result = self.type_of(expression.type_ref, expression.place)
        if expression.kind == "Java":
            own = tuple(name for name, _ in parameters)
            return guarded(lambda e: java_method({"java": body(e)}, own))
        if expression.kind != "FEEL":
            return failing(Fault("feel.unsupported", f"functions of the kind `{expression.kind}` cannot be run"))

        def run(environment: Environment, session: Session, bound: Mapping[str, Any]) -> Any:
            return body(Environment(bound, session, environment))

        return lambda environment: Defined(parameters, partial(run, environment), result)

    def conditional(self, expression: Conditional, names: frozenset[str]) -> Evaluate:
        """If, then, else; the condition must be a boolean or null."""
        parts = (expression.condition, expression.yes, expression.no)
        condition, yes, no = (self.build(part, names) for part in parts)

        def choose(environment: Environment) -> Any:
            return (yes if boolean("the condition", condition(environment)) else no)(environment)

        return guarded(choose)

    def iterator(self, expression: Iterator, names: frozenset[str]) -> Evaluate:
        """`for`, `some` or `every`."""
        domain = self.build(expression.domain, names)
        body = self.build(expression.body, names | {expression.variable, "partial"})
        kind, variable = expression.kind, expression.variable

        def iterate(environment: Environment) -> Any:
            found: list[Any] = []
            for item in STANDARD.domain_of(environment.session, domain(environment)):
                bound = {variable: item}
                if kind == "for":
                    bound["partial"] = tuple(found)
                value = body(environment.child(bound))
                found.append(value if kind == "for" else boolean("`satisfies`", value))
                if len(found) > MAX_LIST_ITEMS:
                    list_limit(tuple(found))
            if kind == "for":
                return tuple(found)
            return any_of(found) if kind == "some" else all_of(found)

        return guarded(iterate)

    def filter(self, expression: FilterExpression, names: frozenset[str]) -> Evaluate:
        """The items that match."""
        domain = self.build(expression.domain, names)
        match = self.build(expression.match, names | {"item"})
        tested = lambda e: boolean("`match`", match(e))  # noqa: E731  # one use
        return guarded(lambda e: filtered(STANDARD.domain_of(e.session, domain(e)), tested, e))

    def table(self, expression: DecisionTable, names: frozenset[str]) -> Evaluate:
        """A decision table."""
        return guarded(build_table(expression, names, self))


def _text_place(expression: LiteralExpression) -> Place:
    """Places of the file only where the text begins on the line of its element, as most do."""
    return expression.place if not expression.text.startswith("\n") else Place(expression.place.source)


def boolean(what: str, value: Any) -> bool | None:
    """The value of a part that must be a boolean, or null. Raises `Fault`."""
    if value is None or isinstance(value, bool):
        return value
    raise Fault("feel.wrong_type", f"{what} must be true or false, not a {kind_of(value)}")


def _null(_: Environment) -> Any:
    return None


def failing(fault: Fault, text: str = "") -> Evaluate:
    """Null, with the same note at every run."""

    def fail(environment: Environment) -> Any:
        environment.session.note(fault, text)

    return fail


def guarded(evaluate: Evaluate) -> Evaluate:
    """`evaluate` with its faults noted and made null."""

    def guard(environment: Environment) -> Any:
        try:
            return evaluate(environment)
        except Fault as fault:
            environment.session.note(fault)
            return None

    return guard


_BY_KIND: Final[Mapping[type[Boxed], Callable[[Builder, Any, frozenset[str]], Evaluate]]] = {
    LiteralExpression: Builder.literal,
    ContextExpression: Builder.context,
    ListExpression: Builder.list,
    Relation: Builder.relation,
    Invocation: Builder.invocation,
    FunctionExpression: Builder.function,
    Conditional: Builder.conditional,
    Iterator: Builder.iterator,
    FilterExpression: Builder.filter,
    DecisionTable: Builder.table,
}
