"""The nearest change of a decision that is one expression."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import Any, Final

from engine import feel
from engine.feel import ir
from engine.feel.operations import same
from engine.feel.types import BOOLEAN
from engine.nearest_change import NearestChange
from engine.problems import InvalidError, Problem
from engine.rulefile.question import Question
from engine.whatif.nearest import axes_of, check_target, meets, nearest
from engine.whatif.reading import Reading

RESULT: Final = "result"
"""The name of the outcome's one member, and the id of the one reason."""


def expression_nearest(expression: feel.Expression, question: Question, zone: tzinfo) -> NearestChange:
    """The nearest change that gives another value, or the target's.

    Raises `InvalidError` (`change.needs_target`) for an expression that computes with facts, where any change of a fact
    gives another value.
    """
    at, target = question.at, question.target
    if target is not None:
        check_target(target, (RESULT,))
    elif not _is_a_choice(expression.ir):
        message = "the result is computed from facts, so almost any change gives another one"
        raise InvalidError(Problem("change.needs_target", message, help=f'name the result wanted: {{"{RESULT}": ...}}'))
    before = expression.evaluate(question.facts, at=at, zone=zone)

    def judge(facts: Mapping[str, Any], *, reference: bool = False) -> tuple[Mapping[str, Any], bool]:
        value = (expression.interpret if reference else expression.evaluate)(facts, at=at, zone=zone)
        outcome = {RESULT: value}
        if target is not None:
            return outcome, meets(outcome, target)
        return outcome, value is not None and not same(value, before)

    reading = Reading(at, zone)
    reading.read(_conditions(expression.ir))
    if target is not None and not _is_a_choice(expression.ir):
        reading.computed(expression.ir, [target[RESULT]])
    return nearest(question, axes_of(question, reading), judge, compared=lambda _before, _after: (RESULT,))


def _conditions(node: ir.Node) -> Iterator[ir.Node]:
    """What chooses between values: the expression itself if it is true or false, else the conditions of its `if`s."""
    if node.type == BOOLEAN:
        yield node
    elif isinstance(node, ir.If):
        yield node.condition
        yield from _conditions(node.yes)
        yield from _conditions(node.no)


def _is_a_choice(node: ir.Node) -> bool:
    """Whether a value is one of some that the expression names."""
    if isinstance(node, ir.If):
        return _is_a_choice(node.yes) and _is_a_choice(node.no)
    return isinstance(node, ir.Const) or node.type == BOOLEAN
