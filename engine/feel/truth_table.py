"""Every truth that conditions can have: their simple parts' facts at every position, what cannot be seen through free.

A condition is taken apart at `and`, `or` and `not`. A part about one fact and constants (`clauses.indexable`) depends
on that fact's position; any other part is a variable of its own that may have any truth. So more is held possible
than is: what no point of the table shows cannot be, while what one shows has yet to be evaluated on a record.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Final

from engine.feel import ir
from engine.feel.clauses import constants, indexable
from engine.feel.domains import ANYTHING, Domains
from engine.feel.positions import Positions
from engine.feel.values import Value

MAX_POINTS: Final = 50_000
"""Points of one table that are looked at."""

Point = Mapping[Hashable, int | bool | None]
"""For each fact's path its position, for each part that cannot be seen through its truth."""


class TruthTable:
    """The points of some conditions together."""

    def __init__(self, conditions: Sequence[ir.Node], domains: Domains) -> None:
        """See the module."""
        self._keys: dict[ir.Node, Hashable] = {}
        named: dict[tuple[str, ...], set[Value]] = {}
        facts: dict[tuple[str, ...], ir.Fact] = {}
        for condition in conditions:
            for part in _parts(condition):
                fact = indexable(part)
                if fact is not None:
                    facts.setdefault(fact.path, fact)
                    named.setdefault(fact.path, set()).update(constants(part))
        self.positions = {
            path: Positions.of(fact, named[path], domains.get(fact.name, ANYTHING)) for path, fact in facts.items()
        }

    def variables(self, condition: ir.Node) -> tuple[Hashable, ...]:
        """What a condition depends on: paths of facts, and parts that cannot be seen through."""
        return tuple(dict.fromkeys(self._key(part) for part in _parts(condition)))

    def sees_through(self, condition: ir.Node) -> bool:
        """Whether it depends on positions of facts alone."""
        return all(key in self.positions for key in self.variables(condition))

    def choices(self, variable: Hashable) -> Sequence[int | bool | None]:
        """What a variable can be."""
        known = self.positions.get(variable)  # type: ignore[call-overload]  # other keys are not there
        return (True, False, None) if known is None else known.possible

    def size(self, variables: Sequence[Hashable]) -> int:
        """How many points they have together."""
        return prod(len(self.choices(variable)) for variable in variables)

    def points(self, variables: Sequence[Hashable]) -> Iterator[Point]:
        """All of them, in a fixed order."""
        for chosen in product(*(self.choices(variable) for variable in variables)):
            yield dict(zip(variables, chosen, strict=True))

    def truth(self, condition: ir.Node, point: Point) -> bool | None:
        """A condition's truth at a point that has all of its variables."""
        if isinstance(condition, ir.And | ir.Or):
            deciding = isinstance(condition, ir.Or)
            found: bool | None = not deciding
            for item in condition.items:
                truth = self.truth(item, point)
                if truth is deciding:
                    return deciding
                found = None if truth is None else found
            return found
        if isinstance(condition, ir.Not):
            truth = self.truth(condition.operand, point)
            return None if truth is None else not truth
        if isinstance(condition, ir.Const):
            return condition.value if isinstance(condition.value, bool) else None
        key = self._key(condition)
        position = point[key]
        known = self.positions.get(key)  # type: ignore[call-overload]  # as above
        if known is None or position is None:
            return None if position is None else bool(position)
        found_truth: bool | None = known.truth(condition, position)
        return found_truth

    def _key(self, part: ir.Node) -> Hashable:
        """The variable that a part is about: found once, since every point asks."""
        key = self._keys.get(part)
        if key is None:
            fact = indexable(part)
            key = self._keys[part] = id(part) if fact is None else fact.path
        return key

    def values(self, point: Point) -> dict[tuple[str, ...], Value]:
        """A value of each fact that has a position at the point."""
        return {
            path: known.values[position]
            for path, known in self.positions.items()
            if (position := point.get(path)) is not None
        }


def _parts(condition: ir.Node) -> Iterator[ir.Node]:
    if isinstance(condition, ir.And | ir.Or | ir.Not):
        for child in ir.children(condition):
            yield from _parts(child)
    elif not isinstance(condition, ir.Const):
        yield condition
