"""The columns of a table as runs of positions, and which rows are true where.

A row's cell is the runs of positions at which it is true; equal cells are looked at once. Bit masks over the rows say
which rows are true at a position, and, for a stretch of positions, at some or at all of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_

from engine.feel.clauses import constants
from engine.feel.domains import ANYTHING
from engine.feel.positions import Positions, Runs, speaks_only_of
from engine.feel.values import Value
from engine.tables.analysis.finding import Analysed
from engine.tables.cell import Cell

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: for each row the number of its cell, for each cell its runs (None if it cannot be seen through).

    `before[p]` counts the positions below `p` that some value has.
    """

    label: str
    positions: Positions
    cell_of: tuple[int, ...]
    runs: tuple[Runs | None, ...]
    before: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many positions there are, null among them."""
        return len(self.positions.values)

    @property
    def known(self) -> Span:
        """All positions but null."""
        return (0, self.size if self.positions.null is None else self.positions.null)

    @property
    def says_something(self) -> bool:
        """Whether any cell tells values apart, or may do so."""
        return any(runs != ((0, self.size),) for runs in self.runs)

    def of(self, row: int) -> Runs | None:
        """A row's runs."""
        return self.runs[self.cell_of[row]]

    def count(self, runs: Runs) -> int:
        """How many positions with a value there are in the runs."""
        return sum(self.before[end] - self.before[start] for start, end in runs)

    def first(self, runs: Runs) -> int | None:
        """The first position in the runs that some value has; null only when nothing else is there."""
        return _pick(self.positions, runs, 0)

    def last(self, runs: Runs) -> int | None:
        """The last one."""
        return _pick(self.positions, runs, -1)


def _pick(positions: Positions, runs: Runs, which: int) -> int | None:
    possible, null = positions.possible, positions.null
    for start, end in runs if which == 0 else reversed(runs):
        low, high = bisect_left(possible, start), bisect_left(possible, end)
        if high > low and possible[high - 1] == null:
            high -= 1
        if low < high:
            return possible[low if which == 0 else high - 1]
    return null if any(null is not None and start <= null < end for start, end in runs) else None


def columns_of(table: Analysed) -> list[Column]:
    """The columns of a table."""
    return [_column(table, at) for at in range(len(table.subjects))]


def _column(table: Analysed, at: int) -> Column:
    subject = table.subjects[at]
    numbers: dict[int, int] = {}
    cells: list[Cell] = []
    cell_of = []
    for row in table.matrix:
        cell = row[at]
        number = numbers.setdefault(id(cell), len(cells))
        if number == len(cells):
            cells.append(cell)
        cell_of.append(number)
    clear = [cell.outline is not None or speaks_only_of(cell.node, subject) for cell in cells]
    named: set[Value] = set()
    for cell, good in zip(cells, clear, strict=True):
        if good:
            named.update(constants(cell.node) if cell.outline is None else cell.outline[0])
    positions = Positions.of(subject, named, table.domains.get(subject.name, ANYTHING))
    runs = tuple(_runs(positions, cell) if good else None for cell, good in zip(cells, clear, strict=True))
    before = [0] * (len(positions.values) + 1)
    for position in positions.possible:
        before[position + 1] = 1
    for position in range(len(positions.values)):
        before[position + 1] += before[position]
    return Column(table.labels[at], positions, tuple(cell_of), runs, tuple(before))


def _runs(positions: Positions, cell: Cell) -> Runs:
    return positions.runs(cell.node) if cell.outline is None else positions.runs_of(cell.outline)


_STEP = 32


class Masks:
    """Which rows are true where in one column, as bit masks over the rows. Made for one column at a time: it is large.

    Positions that no value has tell nothing, so positions are counted by those below them that some value has. Where
    every row is true on one stretch, the rows that began before a place and have not ended answer every question. Else
    a stretch is answered from blocks of positions and blocks of blocks, so that its cost hardly follows its length.
    """

    def __init__(self, column: Column, rows: int) -> None:
        """Make the masks; cells that cannot be seen through are true nowhere."""
        by_cell = [0] * len(column.runs)
        for row, cell in enumerate(column.cell_of):
            by_cell[cell] |= 1 << row
        self._before = column.before
        self._everything = (1 << rows) - 1
        counted = [self._counted(runs or ()) for runs in column.runs]
        self._is_simple = all(len(runs) < 2 for runs in counted)  # one stretch at most
        size = column.before[-1]
        starts, ends = [0] * (size + 1), [0] * (size + 1)
        for mask, runs in zip(by_cell, counted, strict=True):
            for start, end in runs:
                starts[start] ^= mask
                ends[end] ^= mask
        if self._is_simple:
            self._begun, self._left = [0], [self._everything]
            for start, end in zip(starts, ends, strict=True):
                self._begun.append(self._begun[-1] | start)
                self._left.append(self._left[-1] & ~end)
            return
        at, now = [], 0
        for start, end in zip(starts[:-1], ends[:-1], strict=True):
            now ^= start ^ end
            at.append(now)
        self._some, self._all = _levels(at, or_), _levels(at, and_)

    def _counted(self, runs: Runs) -> Runs:
        """The runs by how many positions with a value lie below; those that meet then are one."""
        found: list[tuple[int, int]] = []
        for start, end in runs:
            low, high = self._before[start], self._before[end]
            if low == high:
                continue
            if found and found[-1][1] == low:
                found[-1] = (found[-1][0], high)
            else:
                found.append((low, high))
        return tuple(found)

    def of(self, runs: Runs, first: int, last: int) -> tuple[int, int, int, int]:
        """The rows that are true at some and at every position of the runs, and at their first and last position.

        The two positions are the first and the last one of the runs that some value has.
        """
        counted = self._counted(runs)
        low, high = self._before[first], self._before[last]
        if self._is_simple:
            begun, left = self._begun, self._left
            ((start, end),) = counted
            return (
                begun[end] & left[start + 1],
                begun[start + 1] & left[end],
                begun[low + 1] & left[low + 1],
                begun[high + 1] & left[high + 1],
            )
        some = reduce(or_, (mask for run in counted for mask in _parts(self._some, run)), 0)
        every = reduce(and_, (mask for run in counted for mask in _parts(self._all, run)), self._everything)
        return some, every, self._some[0][low], self._some[0][high]


def _levels(masks: list[int], combine: Callable[[int, int], int]) -> list[list[int]]:
    levels = [masks]
    while len(levels[-1]) > _STEP:
        below = levels[-1]
        levels.append([reduce(combine, below[at : at + _STEP]) for at in range(0, len(below), _STEP)])
    return levels


def _parts(levels: Sequence[list[int]], span: Span) -> list[int]:
    """Masks, of as high a level as possible, that together are those of the span's positions."""
    found: list[int] = []
    start, end = span
    for at, level in enumerate(levels):
        if at + 1 == len(levels):
            return found + level[start:end]
        inner, outer = -(-start // _STEP), end // _STEP
        if inner >= outer:
            return found + level[start:end]
        found += level[start : inner * _STEP] + level[outer * _STEP : end]
        start, end = inner, outer
    return found
