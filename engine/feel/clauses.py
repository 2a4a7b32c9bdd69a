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
_LOGIC: Final = (ir.And, ir.Or, ir.Not)
Position = int | bool | None


def indexable(node: ir.Node, ordered: frozenset[Type] = INDEXED_ORDERED) -> ir.Fact | None:
    """The one fact a clause is about, when its truth depends on where that fact lies among constants.

    `ordered` are the types whose order may be asked.
    """
    facts = ir.facts_of(node)
    if len(facts) != 1:
        return None
    fact = facts[0]
    if fact.type not in ordered and fact.type not in {STRING, BOOLEAN}:
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


def _all(items: Sequence[bool | None]) -> bool | None:
    return False if False in items else None if None in items else True


def _not(value: Value) -> bool | None:
    return None if value is None else not value
