"""Runs of positions as the text of a cell that is true there and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.feel.positions import Positions, Runs
from engine.feel.text import at_literal
from engine.feel.types import BOOLEAN, STRING
from engine.tables.analysis.columns import Column

MAX_VALUES: Final = 12
"""Values that a cell lists; a longer list is no cell that somebody wants to read."""


def cell_text(column: Column, runs: Runs) -> str | None:
    """The text, `-` where the runs are all there is; None where one plain cell cannot say it."""
    positions = column.positions
    inside = [p for p in positions.possible if any(start <= p < end for start, end in runs)]
    if len(inside) == len(positions.possible):
        return "-"
    if positions.null is not None:
        if inside == [positions.null]:
            return "null"
        if positions.null in inside:
            return None
        if len(inside) == len(positions.possible) - 1:
            return "!= null"
    if not inside:
        return None
    if positions.fact.type == BOOLEAN:
        return at_literal(positions.values[inside[0]])
    return _ordered(positions, inside) if positions.is_ordered else _listed(positions, inside)


def _listed(positions: Positions, inside: Sequence[int]) -> str | None:
    known = [p for p in positions.possible if p != positions.null]
    other = None if positions.fact.enum is not None or positions.fact.type != STRING else len(positions.bounds)
    if other in inside:
        outside = [p for p in known if p not in inside]
        return f"not({_values(positions, outside)})" if len(outside) <= MAX_VALUES else None
    return _values(positions, inside) if len(inside) <= MAX_VALUES else None


def _values(positions: Positions, at: Sequence[int]) -> str:
    return ", ".join(at_literal(positions.values[position]) for position in at)


def _ordered(positions: Positions, inside: Sequence[int]) -> str | None:
    """A single stretch (over positions that no value has) as an interval, else a list of single values."""
    start, last = inside[0], inside[-1]
    possible = positions.possible
    if possible.index(last) - possible.index(start) + 1 != len(inside):
        points = [p for p in inside if p % 2]
        return _values(positions, points) if points == list(inside) and len(points) <= MAX_VALUES else None
    bounds = positions.bounds
    low = None if start == 0 else bounds[(start - 1) // 2]
    high = bounds[last // 2] if last // 2 < len(bounds) else None
    low_closed, high_closed = bool(start % 2), bool(last % 2)
    if low is None:
        return f"{'<=' if high_closed else '<'} {at_literal(high)}"
    if high is None:
        return f"{'>=' if low_closed else '>'} {at_literal(low)}"
    if low == high:
        return at_literal(low)
    return f"{'[' if low_closed else '('}{at_literal(low)}..{at_literal(high)}{']' if high_closed else ')'}"
