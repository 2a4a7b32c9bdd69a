"""What all parts of the checker share: problems, names, folding, and what type is expected where."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from engine.feel import ir, syntax
from engine.feel.checking.wording import (
    CONDITION_HELP,
    a_type,
    condition_help,
    expected_help,
    looks_alike,
    name_help,
    shown_names,
)
from engine.feel.conform import type_of
from engine.feel.interpret import interpret
from engine.feel.limits import MAX_PROBLEMS
from engine.feel.operations import Run
from engine.feel.places import TextPlaces
from engine.feel.suggest import closest
from engine.feel.types import (
    ANY,
    BOOLEAN,
    FunctionType,
    Scope,
    Type,
    fits,
)
from engine.feel.values import Fault
from engine.problems import InvalidError, Problem

SUBJECT: Final = "?"
"""The name of the value that a table's cell is about."""


class CheckerBase:
    """One expression's check: its scope, the problems found, and the variables in sight."""

    def __init__(self, scope: Scope, places: TextPlaces) -> None:
        self.scope = scope
        self.places = places
        self.problems: list[Problem] = []
        self.frames: list[dict[str, ir.Node]] = []
        self.made = 0
        self.looping = 0
        """How many loops, filters and functions stand around what is checked."""

    def problem(self, code: str, message: str, span: syntax.Span, help: str = "") -> None:
        """Note a problem at a place of the text."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(self.places.problem(code, message, span, help))

    def raise_if_any(self) -> None:
        """Raises `InvalidError` with what was noted, if anything was."""
        if self.problems:
            raise InvalidError(self.problems)

    def broken(self, span: syntax.Span) -> ir.Node:
        """Stands for what could not be checked; it fits everywhere, so that one mistake is told once."""
        return ir.Const(None, type=ANY, nullable=True, span=span)

    def local(self, name: str, type_: Type, span: syntax.Span, *, nullable: bool = True) -> ir.Local:
        """A new variable, whose name in the typed form is unique."""
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
        """The node, with a problem noted where it is not of the wanted type."""
        if not fits(node.type, wanted):
            if wanted == BOOLEAN:
                message = f"a condition is expected here, which is true or false; this is {a_type(node.type)}"
                help_ = CONDITION_HELP
            else:
                message = f"{a_type(wanted)} is expected here; this is {a_type(node.type)}"
                help_ = expected_help(node, wanted)
            self.problem("feel.unexpected_type", message, node.span, help_)
        return self.require(node, wanted)

    def condition(self, tree: syntax.Node, where: str) -> ir.Node:
        """The typed form of an operand of `where`, which must be true or false."""
        node = self.check(tree)
        return self.as_condition(node, where)

    def as_condition(self, node: ir.Node, where: str) -> ir.Node:
        """The node, with a problem noted where it is no condition."""
        if not fits(node.type, BOOLEAN):
            self.problem(
                "feel.wrong_type",
                f"{where} takes conditions, which are true or false; this is {a_type(node.type)}",
                node.span,
                condition_help(node, where, in_cell=SUBJECT in self.scope.fields),
            )
            return self.broken(node.span)
        return self.require(node, BOOLEAN)

    def check(self, tree: syntax.Node) -> ir.Node:
        """The typed form of a node. The checker that is put together gives it."""
        raise NotImplementedError

    def own_type(self, tree: syntax.FunctionDefinition) -> FunctionType:
        """The type of a function as its own body sees it. The checker that is put together gives it."""
        raise NotImplementedError

    # -- names

    def lookup(self, name: str, span: syntax.Span) -> ir.Node | None:
        """What a name means here, the innermost variable first, then the facts."""
        for frame in reversed(self.frames):
            if name in frame:
                return replace(frame[name], span=span)
        given = self.scope.fields.get(name)
        if given is None:
            return None
        return ir.Fact((name,), given.enum, type=given.type, nullable=given.optional, span=span)

    def visible(self) -> set[str]:
        """All names that mean something here."""
        return {name for frame in self.frames for name in frame} | set(self.scope.fields)

    def meant(self, name: str) -> str:
        """Help for a misspelt name."""
        visible = self.visible() - {SUBJECT}
        near = closest(name, visible)
        if near is not None:
            return f"did you mean `{near}`?{looks_alike(name, near)}"
        if known := name_help(name):
            return known
        values = {str(value): each for each in self.scope.fields.values() for value in each.enum or ()}
        if (value := closest(name, values)) is not None:
            return f'texts stand in double quotes: `"{value}"`'
        if name == SUBJECT:
            return "`?` is the value of a table's column and has no meaning here"
        return (
            f"known here: {shown_names(visible)}"
            if visible
            else "no facts are known here; texts stand in double quotes"
        )
