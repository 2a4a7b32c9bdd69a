"""The untyped tree as one function of an environment, built once from small functions.

What cannot be computed raises `Fault` inside an operation; the operation's node notes it and gives null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, TypeVar

from engine.feel import syntax
from engine.feel.limits import MAX_LIST_ITEMS
from engine.feel.operations import list_limit, metered
from engine.feel.parser import Names, parse, parse_unary_tests
from engine.feel.places import TextPlaces
from engine.feel.standard import temporal
from engine.feel.standard.builtins import BUILTINS, FUNCTION_NAMES
from engine.feel.standard.callables import Defined
from engine.feel.standard.java_methods import java_method
from engine.feel.standard.operations import STANDARD, Unequal, all_of, any_of, as_list, compare, kind_of
from engine.feel.standard.session import MISSING, Environment, Session
from engine.feel.standard.types import TypeNames, is_instance
from engine.feel.types import ANY
from engine.feel.values import Fault, Range
from engine.problems import NOWHERE, Place

Evaluate = Callable[[Environment], Any]
N = TypeVar("N", bound=syntax.Node)
_PROPERTIES: Final = Names(("time offset", "start included", "end included"))


class Compiled:
    """An expression ready to be evaluated. Immutable, safe to share between threads."""

    __slots__ = ("_evaluate", "text", "tree")

    def __init__(self, text: str, tree: syntax.Node, evaluate: Evaluate) -> None:
        """Made by `compile_expression` and `compile_unary_tests`."""
        self.text = text
        self.tree = tree
        self._evaluate = evaluate

    def evaluate(self, environment: Environment) -> Any:
        """The value; null where it cannot be computed, with a note in the session. Raises `Fault` at a limit."""
        try:
            return self._evaluate(environment)
        except RecursionError:
            raise Fault("feel.call_depth", "functions call each other too deep") from None


@lru_cache(maxsize=64)
def _known(names: frozenset[str]) -> Names:
    """The names of a scope; kept, since many expressions of a model have the same ones."""
    return Names(sorted(names), _PROPERTIES)


def syntax_tree(
    text: str, names: Iterable[str] = (), *, unary_tests: bool = False, place: Place = NOWHERE
) -> syntax.Node:
    """What a text says in a scope where `names` are known. Raises `InvalidError` for what cannot be read."""
    read = parse_unary_tests if unary_tests else parse
    return read(TextPlaces(text, place), _known(frozenset(names)), FUNCTION_NAMES, standard=True)


def compile_expression(
    text: str, names: Iterable[str] = (), types: TypeNames | None = None, *, place: Place = NOWHERE
) -> Compiled:
    """An expression in a scope where `names` are known. Raises `InvalidError` for what cannot be read."""
    tree = syntax_tree(text, names, place=place)
    return Compiled(text, tree, _Compiler(text, types or TypeNames()).build(tree))


def compile_unary_tests(
    text: str, names: Iterable[str] = (), types: TypeNames | None = None, *, place: Place = NOWHERE
) -> Compiled:
    """A table's cell: a condition about the variable `?`. Raises `InvalidError` for what cannot be read."""
    tree = syntax_tree(text, names, unary_tests=True, place=place)
    return Compiled(text, tree, _Compiler(text, types or TypeNames()).build(tree))


class _Compiler:
    """Builds the functions for one text."""

    def __init__(self, text: str, types: TypeNames) -> None:
        self.text = text
        self.types = types

    def build(self, node: syntax.Node) -> Evaluate:
        make: Callable[[_Compiler, Any], Evaluate] = _BY_NODE[type(node)]
        return make(self, node)

    def guarded(self, node: syntax.Node, evaluate: Evaluate) -> Evaluate:
        """`evaluate` with its faults noted and made null."""
        text = self.text[node.span[0] : node.span[1]]

        def guarded(environment: Environment) -> Any:
            try:
                return evaluate(environment)
            except Fault as fault:
                environment.session.note(fault, text)
                return None

        return guarded

    def fault(self, node: syntax.Node, fault: Fault) -> Evaluate:
        """Null, with the same note every time."""

        def failing(_: Environment) -> Any:
            raise fault

        return self.guarded(node, failing)

    # -- leaves

    def literal(self, node: syntax.Literal) -> Evaluate:
        value = node.value
        return lambda _: value

    def at_literal(self, node: syntax.AtLiteral) -> Evaluate:
        try:
            value = temporal.temporal_from(node.text)
        except Fault as fault:
            return self.fault(node, fault)
        return lambda _: value

    def name(self, node: syntax.Name) -> Evaluate:
        name = node.name
        builtin = BUILTINS.get(name)

        def find(environment: Environment) -> Any:
            value = environment.find(name)
            if value is not MISSING:
                return value
            if builtin is None:
                raise Fault("feel.unknown_name", f"there is no `{name}` here")
            return builtin

        return self.guarded(node, find)

    def path(self, node: syntax.Path) -> Evaluate:
        base, name = self.build(node.base), node.name

        def path(environment: Environment) -> Any:
            value = base(environment)
            return None if value is None else STANDARD.member(value, name)

        return self.guarded(node, path)

    # -- operators

    def binary(self, node: syntax.Binary) -> Evaluate:
        left, right, op = self.build(node.left), self.build(node.right), node.op
        compute = STANDARD.arithmetic.get(op)
        if compute is None:
            return self.guarded(node, lambda e: metered(e.session, compare, op, left(e), right(e)))

        return self.guarded(node, lambda e: metered(e.session, compute, left(e), right(e)))

    def logic(self, node: syntax.Logic) -> Evaluate:
        items = [self.build(item) for item in node.items]
        decisive = node.op == "or"

        def logic(environment: Environment) -> Any:
            unknown = False
            for item in items:
                value = item(environment)
                if value is decisive:
                    return decisive
                unknown = unknown or value is not (not decisive)
            return None if unknown else not decisive

        return logic

    def negative(self, node: syntax.Negative) -> Evaluate:
        operand = self.build(node.operand)

        return self.guarded(node, lambda e: STANDARD.negate(operand(e)))

    def between(self, node: syntax.Between) -> Evaluate:
        value, low, high = self.build(node.value), self.build(node.low), self.build(node.high)

        def between(environment: Environment) -> Any:
            given = value(environment)
            return all_of([compare(">=", given, low(environment)), compare("<=", given, high(environment))])

        return self.guarded(node, between)

    def belongs(self, node: syntax.In) -> Evaluate:
        value = self.build(node.value)
        tests = [self.condition(test) for test in node.tests]

        def belongs_(environment: Environment) -> Any:
            given = value(environment)
            return any_of([test(given, environment) for test in tests])

        return self.guarded(node, belongs_)

    def condition(self, node: syntax.Node) -> Callable[[Any, Environment], Any]:
        """One of the tests after `in`, as a function of the value."""
        if isinstance(node, syntax.Test):
            operand, op = self.build(node.operand), node.op

            def test(value: Any, environment: Environment) -> Any:
                other = operand(environment)
                if isinstance(other, Range) and op in {"=", "!="} and not isinstance(value, Range):
                    found = STANDARD.in_range(value, other)
                    return found if op == "=" or found is None else not found
                return compare(op, value, other)

            return test
        evaluate = self.build(node)

        def member_of(value: Any, environment: Environment) -> Any:
            other = evaluate(environment)
            if isinstance(other, Unequal):
                return compare("!=", value, other.value)
            if other is None and isinstance(node, syntax.Interval):
                return None  # no range, so nothing is known
            if isinstance(other, list | tuple):
                environment.session.spend(len(other) // 16)
            return STANDARD.belongs(value, other)

        return member_of

    def test(self, node: syntax.Test) -> Evaluate:
        operand, op = self.build(node.operand), node.op

        def test(environment: Environment) -> Any:
            value = operand(environment)
            match op:
                case "=":
                    return Range(value, value)
                case "!=":
                    return Unequal(value)
                case "<" | "<=":
                    return Range(None, value, low_closed=False, high_closed=op == "<=")
            return Range(value, None, low_closed=op == ">=", high_closed=False)

        return self.guarded(node, test)

    def interval(self, node: syntax.Interval) -> Evaluate:
        low, high = self.build(node.low), self.build(node.high)

        def interval(environment: Environment) -> Any:
            return range_of(low(environment), high(environment), node.low_closed, node.high_closed)

        return self.guarded(node, interval)

    # -- choices and loops

    def if_(self, node: syntax.If) -> Evaluate:
        condition, yes, no = self.build(node.condition), self.build(node.yes), self.build(node.no)
        return lambda e: (yes if condition(e) is True else no)(e)

    def domains(self, iterations: Sequence[syntax.Iteration]) -> list[tuple[str, Callable[[Environment], Any]]]:
        found = []
        for each in iterations:
            start = self.build(each.domain)
            if each.end is None:
                found.append((each.name, self.domain_of(start)))
            else:
                found.append((each.name, self.counted(start, self.build(each.end))))
        return found

    def domain_of(self, evaluate: Evaluate) -> Evaluate:
        return lambda e: STANDARD.domain_of(e.session, evaluate(e))

    def counted(self, start: Evaluate, end: Evaluate) -> Evaluate:
        return lambda e: STANDARD.counted(e.session, start(e), end(e))

    def for_(self, node: syntax.For) -> Evaluate:
        domains, result = self.domains(node.iterations), self.build(node.result)

        def loop(environment: Environment) -> Any:
            found: list[Any] = []

            def go(at: int, inner: Environment) -> None:
                if at == len(domains):
                    found.append(result(inner.child({"partial": tuple(found)}) if uses_partial else inner))
                    if len(found) > MAX_LIST_ITEMS:
                        list_limit(tuple(found))
                    return
                name, domain = domains[at]
                for item in domain(inner):
                    go(at + 1, inner.child({name: item}))

            go(0, environment)
            return tuple(found)

        uses_partial = _mentions(node.result, "partial")
        return self.guarded(node, loop)

    def quantified(self, node: syntax.Quantified) -> Evaluate:
        domains, condition = self.domains(node.iterations), self.build(node.condition)
        decisive = node.kind == "some"

        def quantified(environment: Environment) -> Any:
            results: list[Any] = []

            def go(at: int, inner: Environment) -> bool:
                if at == len(domains):
                    results.append(condition(inner))
                    return results[-1] is decisive
                name, domain = domains[at]
                return any(go(at + 1, inner.child({name: item})) for item in domain(inner))

            go(0, environment)
            return any_of(results) if decisive else all_of(results)

        return self.guarded(node, quantified)

    def filter(self, node: syntax.Filter) -> Evaluate:
        base, predicate = self.build(node.base), self.build(node.predicate)

        def filter_(environment: Environment) -> Any:
            value = base(environment)
            return filtered(as_list(value), predicate, environment)

        return self.guarded(node, filter_)

    # -- functions

    def function(self, node: syntax.FunctionDefinition) -> Evaluate:
        try:
            parameters = tuple(
                (each.name, self.types.resolve(each.type) if each.type else ANY) for each in node.parameters
            )
        except Fault as fault:
            return self.fault(node, fault)
        body = self.build(node.body)
        if node.external:
            return self.guarded(node, lambda e: java_method(body(e), tuple(name for name, _ in parameters)))

        def function(environment: Environment) -> Any:
            return Defined(parameters, lambda session, bound: body(Environment(bound, session, environment)))

        return function

    def invocation(self, node: syntax.Invocation) -> Evaluate:
        callee = self.build(node.callee)
        arguments = [self.build(argument) for argument in node.arguments]
        names = node.names

        def invoke(environment: Environment) -> Any:
            function = callee(environment)
            values = [argument(environment) for argument in arguments]
            return call(function, environment.session, values, names)

        return self.guarded(node, invoke)

    # -- structures

    def list_(self, node: syntax.ListLiteral) -> Evaluate:
        items = [self.build(item) for item in node.items]
        return lambda e: tuple(item(e) for item in items)

    def context(self, node: syntax.ContextLiteral) -> Evaluate:
        entries = [(entry.key, self.build(entry.value)) for entry in node.entries]

        def context(environment: Environment) -> Any:
            made: dict[str, Any] = {}
            inner = environment.child(made)
            for key, evaluate in entries:
                made[key] = evaluate(inner)
            return dict(made)

        return context

    def instance_of(self, node: syntax.InstanceOf) -> Evaluate:
        value = self.build(node.value)
        try:
            tested = self.types.resolve(node.type)
        except Fault as fault:
            return self.fault(node, fault)
        return self.guarded(node, lambda e: is_instance(value(e), tested))

    # -- cells

    def unary_tests(self, node: syntax.UnaryTests) -> Evaluate:
        if not node.tests:
            return lambda _: True
        tests = [self.cell_test(test) for test in node.tests]

        def matches(environment: Environment) -> Any:
            subject = environment.find("?")
            found = any_of([test(subject, environment) for test in tests])
            return (None if found is None else not found) if node.negated else found

        return self.guarded(node, matches)

    def cell_test(self, node: syntax.Node) -> Callable[[Any, Environment], Any]:
        if _mentions(node, "?"):
            evaluate = self.build(node)
            return lambda _, environment: evaluate(environment) is True
        condition = self.condition(node)
        # A cell `true` is compared: of an unknown input it must not be true because it says so itself.
        plain = None if isinstance(node, syntax.Test | syntax.Interval | syntax.Literal) else self.build(node)

        def test(value: Any, environment: Environment) -> Any:
            try:
                found = condition(value, environment)
            except Fault as fault:
                environment.session.note(fault)
                found = None
            if found is not True and plain is not None and not isinstance(value, bool):
                # A condition that does not name `?`, as cells of older models are written.
                return plain(environment) is True
            return found is True

        return test


def call(function: Any, session: Session, values: Sequence[Any], names: Sequence[str] = ()) -> Any:
    """Invoke a function value. Raises `Fault`."""
    if not hasattr(function, "positional"):
        raise Fault("feel.wrong_type", f"a {kind_of(function)} cannot be called")
    if not names:
        return function.positional(session, values)
    if len(set(names)) != len(names):
        raise Fault("feel.wrong_arguments", "two arguments have one name")
    return function.named(session, dict(zip(names, values, strict=True)))


def range_of(low: Any, high: Any, low_closed: bool, high_closed: bool) -> Range:  # noqa: FBT001  # as the range itself
    """A range whose two ends are of one ordered kind. Raises `Fault`."""
    if low is None or high is None or compare("<=", low, high) is None:
        raise Fault("feel.wrong_type", "the two ends of a range must be of one ordered kind", "for instance `[1..10)`")
    return Range(low, high, low_closed, high_closed)


def filtered(items: Sequence[Any], predicate: Evaluate, environment: Environment) -> Any:
    """`items[predicate]`: one item by its position, or those for which the predicate is true. Raises `Fault`."""
    session = environment.session
    session.spend(len(items))
    found: list[Any] = []
    for at, item in enumerate(items):
        result = predicate(_item_scope(item, environment))
        if at == 0 and isinstance(result, Decimal):
            return STANDARD.item_at(items, result)
        if result is True:
            found.append(item)
    if not items and isinstance(predicate(environment.child({"item": None})), Decimal):
        return None
    return tuple(found)


def _item_scope(item: Any, environment: Environment) -> Environment:
    if isinstance(item, Mapping):
        return environment.child({"item": item, **item})
    return environment.child({"item": item})


def _mentions(node: object, name: str) -> bool:
    """Whether a name stands anywhere below a node."""
    if isinstance(node, syntax.Name):
        return node.name == name
    if isinstance(node, syntax.Node):
        parts: tuple[str, ...] = type(node).__match_args__
        return any(_mentions(getattr(node, part), name) for part in parts)
    return isinstance(node, tuple) and any(_mentions(part, name) for part in node)


_BY_NODE: Final[Mapping[type[syntax.Node], Callable[[_Compiler, Any], Evaluate]]] = {
    syntax.Literal: _Compiler.literal,
    syntax.AtLiteral: _Compiler.at_literal,
    syntax.Name: _Compiler.name,
    syntax.Path: _Compiler.path,
    syntax.Binary: _Compiler.binary,
    syntax.Logic: _Compiler.logic,
    syntax.Negative: _Compiler.negative,
    syntax.Between: _Compiler.between,
    syntax.In: _Compiler.belongs,
    syntax.Test: _Compiler.test,
    syntax.Interval: _Compiler.interval,
    syntax.If: _Compiler.if_,
    syntax.For: _Compiler.for_,
    syntax.Quantified: _Compiler.quantified,
    syntax.FunctionDefinition: _Compiler.function,
    syntax.Invocation: _Compiler.invocation,
    syntax.Filter: _Compiler.filter,
    syntax.ListLiteral: _Compiler.list_,
    syntax.ContextLiteral: _Compiler.context,
    syntax.InstanceOf: _Compiler.instance_of,
    syntax.UnaryTests: _Compiler.unary_tests,
}
