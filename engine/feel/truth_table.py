"""Every truth that conditions can have: their simple parts' facts at every position, what cannot be seen through free.

A condition is taken apart at `and`, `or` and `not`. A part about one fact and constants (`clauses.indexable`) depends
on that fact's position; any other part is a variable of its own that may have any truth. So more is held possible
than is: what no point of the table shows cannot be, while what one shows has yet to be evaluated on a record.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import reduce
from math import prod
from operator import and_, or_
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
        self._variables: dict[ir.Node, tuple[Hashable, ...]] = {}
        self._truths: dict[ir.Node, tuple[bool | None, ...]] = {}
        named: dict[tuple[str, ...], set[Value]] = {}
        facts: dict[tuple[str, ...], ir.Fact] = {}
        for condition in conditions:
            for part in _parts(condition):
                fact = indexable(part)
                self._keys[part] = id(part) if fact is None else fact.path
                if fact is not None:
                    facts.setdefault(fact.path, fact)
                    named.setdefault(fact.path, set()).update(constants(part))
        self.positions = {
            path: Positions.of(fact, named[path], domains.get(fact.name, ANYTHING)) for path, fact in facts.items()
        }

    def variables(self, condition: ir.Node) -> tuple[Hashable, ...]:
        """What a condition depends on: paths of facts, and parts that cannot be seen through."""
        found = self._variables.get(condition)
        if found is None:
            found = self._variables[condition] = tuple(dict.fromkeys(self.variable(part) for part in _parts(condition)))
        return found

    def variable(self, part: ir.Node) -> Hashable:
        """The variable that a part, which stands in some condition, is about."""
        key = self._keys.get(part)
        if key is None:
            fact = indexable(part)
            key = self._keys[part] = id(part) if fact is None else fact.path
        return key

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

    def points(self, variables: Sequence[Hashable]) -> Points:
        """All of them."""
        return Points(self, variables)

    def truths(self, part: ir.Node) -> tuple[bool | None, ...]:
        """A part's truth for each choice of its variable."""
        found = self._truths.get(part)
        if found is None:
            variable = self.variable(part)
            known = self.positions.get(variable)  # type: ignore[call-overload]  # as above
            choices = self.choices(variable)
            # a part that cannot be seen through has the truth that is chosen
            found = tuple(choices) if known is None else tuple([known.truth(part, choice) for choice in choices])  # type: ignore[arg-type]  # truths, not positions
            self._truths[part] = found
        return found

    def values(self, point: Point) -> dict[tuple[str, ...], Value]:
        """A value of each fact that has a position at the point."""
        return {
            path: known.values[position]
            for path, known in self.positions.items()
            if (position := point.get(path)) is not None
        }


class Points:
    """The points of some variables in a fixed order, in which the last variable changes fastest.

    Sets of points are bit masks: bit `i` is the `i`-th point. So a condition is found true or false at all points with
    a few operations for each of its parts.
    """

    __slots__ = ("_choices", "_strides", "_table", "everything", "size")

    def __init__(self, table: TruthTable, variables: Sequence[Hashable]) -> None:
        """See `TruthTable.points`."""
        self._table = table
        self._choices = {variable: table.choices(variable) for variable in variables}
        self.size = prod(map(len, self._choices.values()))
        self.everything = (1 << self.size) - 1
        self._strides: dict[Hashable, int] = {}
        stride = self.size
        for variable, choices in self._choices.items():
            stride //= max(1, len(choices))
            self._strides[variable] = stride

    def point(self, number: int) -> Point:
        """One of them."""
        return {
            variable: choices[number // self._strides[variable] % len(choices)]
            for variable, choices in self._choices.items()
        }

    def first(self, points: int) -> Point | None:
        """The first point of a set."""
        return self.point((points & -points).bit_length() - 1) if points else None

    def true(self, condition: ir.Node) -> int:
        """Where a condition, whose variables are all among these, is true."""
        return self._where(condition, wanted=True)

    def known(self) -> int:
        """Where some fact has a value."""
        found = 0
        for variable, choices in self._choices.items():
            positions = self._table.positions.get(variable)  # type: ignore[call-overload]  # other keys are not there
            if positions is not None:
                found |= self._chosen(variable, [positions.values[choice] is not None for choice in choices])
        return found

    def _where(self, condition: ir.Node, *, wanted: bool) -> int:
        """Where it is true, or where it is false; at the other points it is null."""
        if isinstance(condition, ir.And | ir.Or):
            join = and_ if isinstance(condition, ir.And) is wanted else or_
            return reduce(join, [self._where(item, wanted=wanted) for item in condition.items])
        if isinstance(condition, ir.Not):
            return self._where(condition.operand, wanted=not wanted)
        if isinstance(condition, ir.Const):
            return self.everything if condition.value is wanted else 0
        truths = self._table.truths(condition)
        return self._chosen(self._table.variable(condition), [truth is wanted for truth in truths])

    def _chosen(self, variable: Hashable, wanted: Sequence[bool]) -> int:
        """Where a variable has one of the wanted choices."""
        if not self.size or not any(wanted):
            return 0
        stride = self._strides[variable]
        block = (1 << stride) - 1
        period = sum([block << at * stride for at, is_wanted in enumerate(wanted) if is_wanted])
        length = stride * len(wanted)
        return period if length == self.size else period * (self.everything // ((1 << length) - 1))


def _parts(condition: ir.Node) -> Iterator[ir.Node]:
    if isinstance(condition, ir.And | ir.Or | ir.Not):
        for child in ir.children(condition):
            yield from _parts(child)
    elif not isinstance(condition, ir.Const):
        yield condition
