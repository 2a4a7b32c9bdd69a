"""Where a fact lies among constants: what the truth of simple conditions depends on.

The constants a clause compares one fact with cut its values into finitely many positions: 0, 2, 4, ... between the
sorted constants, 1, 3, 5, ... at them. Everywhere in one position the clause has one truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from engine.feel import ir
from engine.feel.operations import ORDERS
from engine.feel.types import (
    BOOLEAN,
    DATE,
    DAYS_TIME_DURATION,
    NUMBER,
    STRING,
    YEARS_MONTHS_DURATION,
    Type,
)
from engine.feel.values import Value

INDEXED_ORDERED: Final = frozenset({NUMBER, DATE, DAYS_TIME_DURATION, YEARS_MONTHS_DURATION})
"""Types whose comparisons with constants are about where a value lies among them."""
_NAMED: Final = frozenset({STRING, BOOLEAN})
"""Types of which only equality is asked."""
_EQUALITY: Final = frozenset({"=", "!="})
_LOGIC: Final = (ir.And, ir.Or, ir.Not)
Position = int | bool | None


def indexable(node: ir.Node, ordered: frozenset[Type] = INDEXED_ORDERED) -> ir.Fact | None:
    """The one fact a clause is about, when its truth depends on where that fact lies among constants.

    `ordered` are the types whose order may be asked.
    """
    if type(node) is ir.Compare and type(node.left) is ir.Fact and type(node.right) is ir.Const:
        fact, constant = node.left, node.right
        is_alike = constant.value is None or constant.type == fact.type
        is_asked = fact.type in ordered or (node.op in _EQUALITY and fact.type in _NAMED)
        return fact if is_alike and is_asked else None
    if isinstance(node, ir.And | ir.Or):
        about = [indexable(item, ordered) for item in node.items]
        last = about[-1]
        if last is not None and all(each is not None and each.path == last.path for each in about):
            return last
    facts = ir.facts_of(node)
    if len(facts) != 1:
        return None
    fact = facts[0]
    if fact.type not in ordered and fact.type not in _NAMED:
        return None
    return fact if _simple(node, fact.type, ordered) else None


def _simple(node: ir.Node, type_: Type, ordered: frozenset[Type]) -> bool:
    if isinstance(node, _LOGIC):
        return all(_simple(child, type_, ordered) for child in ir.children(node))
    if isinstance(node, ir.Fact):
        return type_ == BOOLEAN
    if isinstance(node, ir.Const):
        return node.type == BOOLEAN or node.value is None
    if not isinstance(node, ir.Compare):
        return False
    if type_ not in ordered and node.op not in {"=", "!="}:
        return False
    sides = (node.left, node.right)
    return all(
        isinstance(s, ir.Fact) or (isinstance(s, ir.Const) and (s.value is None or s.type == type_)) for s in sides
    )


def constants(node: ir.Node) -> set[Value]:
    """The constants an indexable clause compares with."""
    if type(node) is ir.Compare and type(node.right) is ir.Const and type(node.left) is ir.Fact:
        return set() if node.right.value is None else {node.right.value}
    if isinstance(node, ir.And | ir.Or):
        return set().union(*map(constants, node.items))
    return {
        side.value
        for each in ir.walk(node)
        if isinstance(each, ir.Compare)
        for side in (each.left, each.right)
        if isinstance(side, ir.Const) and side.value is not None
    }


def truth_at(node: Any, position: Position, places: Mapping[Value, int]) -> bool | None:
    """An indexable clause's truth where its fact lies at `position`; `places` gives the constants' positions."""
    kind = type(node)
    if kind is ir.Compare:
        left = position if type(node.left) is ir.Fact else None if node.left.value is None else places[node.left.value]
        right = (
            position if type(node.right) is ir.Fact else None if node.right.value is None else places[node.right.value]
        )
        if node.op == "=":
            return left == right
        if node.op == "!=":
            return left != right
        return None if left is None or right is None else ORDERS[node.op](left, right)
    if kind is ir.And:
        return _all([truth_at(item, position, places) for item in node.items])
    if kind is ir.Or:
        return _not(_all([_not(truth_at(item, position, places)) for item in node.items]))
    if kind is ir.Not:
        return _not(truth_at(node.operand, position, places))
    truth = position if kind is ir.Fact else node.value
    return cast("bool | None", truth)


Outline = tuple[tuple[Any, ...], tuple[bool, ...], bool]
"""A condition's constants in order; whether it is true below, at, between, ..., above them; and whether of null."""

_OUTLINES: Final[Mapping[str, tuple[tuple[bool, ...], bool]]] = {
    "=": ((False, True, False), False),
    "!=": ((True, False, True), True),
    "<": ((True, False, False), False),
    "<=": ((True, True, False), False),
    ">": ((False, False, True), False),
    ">=": ((False, True, True), False),
}


def outline(node: ir.Node) -> Outline | None:
    """The outline of a comparison of a fact of ordered values with a constant, or of an interval; else None."""
    if isinstance(node, ir.Compare):
        bound = _bound(node)
        return None if bound is None else outline_of(node.op, bound)
    if not isinstance(node, ir.And) or len(node.items) != 2:  # both ends
        return None
    first, last = node.items
    if not (isinstance(first, ir.Compare) and isinstance(last, ir.Compare)):
        return None
    low, high = _bound(first), _bound(last)
    if low is None or high is None or first.op not in {">", ">="} or last.op not in {"<", "<="} or low > high:
        return None
    return outline_of(first.op, low, last.op, high)


def outline_of(first: str, low: Any, last: str = "", high: Any = None) -> Outline | None:
    """The outline of `first low`, or of the interval that `first low` and `last high` are; None for a single point."""
    if not last:
        return ((low,), *_OUTLINES[first])
    return ((low, high), (False, first == ">=", True, last == "<=", False), False) if low < high else None


def _bound(node: ir.Compare) -> Any:
    return node.right.value if type(node.left) is ir.Fact and type(node.right) is ir.Const else None


def stretches(
    bounds: Sequence[Any], truths: Sequence[bool], places: Mapping[Any, int], last: int
) -> list[tuple[int, int]]:
    """Where an outline is true, as half-open stretches of the positions among more bounds; `last` is the end of all."""
    found: list[tuple[int, int]] = []
    began: int | None = 0 if truths[0] else None
    for at, truth in enumerate(truths[1:]):
        place = places[bounds[at // 2]] + at % 2
        if truth and began is None:
            began = place
        elif not truth and began is not None:
            found.append((began, place))
            began = None
    if began is not None:
        found.append((began, last))
    return found


def _all(items: Sequence[bool | None]) -> bool | None:
    return False if False in items else None if None in items else True


def _not(value: Value) -> bool | None:
    return None if value is None else not value
