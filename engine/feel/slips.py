"""What is valid and surely meant otherwise: a difference of two numbers where a range is looked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.feel import syntax
from engine.feel.expression import Expression
from engine.feel.text import literal
from engine.feel.values import NUMBERS

_DIFFERENCE: Final = re.compile(r"[0-9]\s*-\s*[-.0-9]")
"""Without this there is no difference of numbers, and the tree need not be looked at."""


@dataclass(frozen=True, slots=True)
class MeantRange:
    """`[1-5]` or `1-5` as a test, which is the number -4. `difference` is where the difference stands, as in the tree.

    `text` is how it is written, with the brackets of a list that holds nothing else.
    """

    text: str
    difference: syntax.Span
    span: syntax.Span
    low: Decimal
    high: Decimal
    in_list: bool

    @property
    def said(self) -> str:
        """What it is instead."""
        number = literal(NUMBERS.subtract(self.low, self.high))
        return (
            f"is a list with the one number {number}, no range" if self.in_list else f"is the number {number}, no range"
        )

    @property
    def help(self) -> str:
        """What to write."""
        return f"a range is written `[{literal(self.low)}..{literal(self.high)}]`"


def meant_ranges(expression: Expression) -> Iterator[MeantRange]:
    """The tests of an expression or a cell that look like a range and are a difference of its two ends."""
    if expression.outline is not None or _DIFFERENCE.search(expression.text) is None:
        return
    for test in _tests(expression.tree):
        parts = test.items if isinstance(test, syntax.ListLiteral) else (test,)
        for part in parts:
            ends = _ends(part)
            if ends is not None:
                shown = test if len(parts) == 1 else part
                text = " ".join(expression.part(shown.span).split())
                yield MeantRange(text, part.span, shown.span, *ends, in_list=isinstance(test, syntax.ListLiteral))


def _tests(tree: syntax.Node) -> Iterator[syntax.Node]:
    pending: list[object] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, tuple):
            pending.extend(reversed(node))
        elif isinstance(node, syntax.Node):
            if isinstance(node, syntax.In | syntax.UnaryTests):
                yield from node.tests
            pending.extend(getattr(node, name) for name in reversed(list(node.__dataclass_fields__)))


def _ends(tree: syntax.Node) -> tuple[Decimal, Decimal] | None:
    """The two numbers of a difference, the smaller one first as a range has it; None for anything else."""
    if not isinstance(tree, syntax.Binary) or tree.op != "-":
        return None
    low, high = _number(tree.left), _number(tree.right)
    return (low, high) if low is not None and high is not None and low < high else None


def _number(tree: syntax.Node) -> Decimal | None:
    if isinstance(tree, syntax.Negative):
        number = _number(tree.operand)
        return None if number is None else -number
    return tree.value if isinstance(tree, syntax.Literal) and isinstance(tree.value, Decimal) else None
