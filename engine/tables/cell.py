"""A table's cells as conditions about the facts of their columns."""

from __future__ import annotations

from engine.feel import ir
from engine.feel.clauses import Outline, indexable
from engine.feel.expression import Expression
from engine.feel.types import BOOLEAN

SUBJECT = ("?",)
"""The path of the value that a cell is about, before it is that of its column."""

SEVERAL = ir.Fact((), type=BOOLEAN)
"""Stands for what a cell is about that is not about one fact and constants only."""


class Cell:
    """A cell of a column, one for all equal texts of it. `subject` is the fact that stands for the column's value.

    The typed form of nearly all cells is made only when somebody asks for it: the index and the analysis of a large
    table go by outlines.
    """

    __slots__ = ("_node", "expression", "subject")

    def __init__(self, expression: Expression, subject: ir.Fact) -> None:
        """`expression` is about `?`."""
        self.expression, self.subject = expression, subject
        self._node: ir.Node | None = None

    @property
    def text(self) -> str:
        """As it is written."""
        return self.expression.text

    @property
    def outline(self) -> Outline | None:
        """What it says about its column, where that is known without its typed form."""
        return self.expression.outline

    @property
    def node(self) -> ir.Node:
        """The condition about the column's fact."""
        if self._node is None:
            self._node = ir.substitute(self.expression.ir, SUBJECT, self.subject)
        return self._node

    @property
    def fact(self) -> ir.Fact | None:
        """The one fact it is about, None if it is always true; `SEVERAL` if it is about more than one and constants."""
        if self.outline is not None:
            return self.subject
        node = self.node
        return None if type(node) is ir.Const and node.value is True else indexable(node) or SEVERAL
