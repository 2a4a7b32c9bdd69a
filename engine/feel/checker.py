"""From the untyped tree to the typed intermediate form: what names mean, whether types fit, what calls are which.

The checker goes on after a problem, so that an author sees all of an expression's mistakes at once. Parts without
facts are computed here, so a wrong date in a literal is a load-time problem too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.feel import ir, syntax
from engine.feel.checking.base import SUBJECT
from engine.feel.checking.calls import CallChecks
from engine.feel.checking.conditions import ConditionChecks
from engine.feel.checking.structure import StructureChecks
from engine.feel.places import TextPlaces
from engine.feel.types import (
    Field,
    Scope,
    Type,
)


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
    checker = _Checker(scope.child({SUBJECT: subject}), places)
    node = checker.cell(
        tree, ir.Fact((SUBJECT,), subject.enum, type=subject.type, nullable=subject.optional, span=tree.span)
    )
    checker.raise_if_any()
    return node


class _Checker(ConditionChecks, StructureChecks, CallChecks):
    """The parts put together."""

    def check(self, tree: syntax.Node) -> ir.Node:
        return _CHECKS[type(tree)](self, tree)


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
