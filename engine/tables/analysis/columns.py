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

    A stretch is answered from blocks of positions and blocks of blocks, so that its cost hardly follows its length.
    """

    def __init__(self, column: Column, rows: int) -> None:
        """Make the masks; cells that cannot be seen through are true nowhere."""
        by_cell = [0] * len(column.runs)
        for row, cell in enumerate(column.cell_of):
            by_cell[cell] |= 1 << row
        flips = [0] * (column.size + 1)
        for mask, runs in zip(by_cell, column.runs, strict=True):
            for start, end in runs or ():
                flips[start] ^= mask
                flips[end] ^= mask
        self.at: list[int] = []
        now = 0
        for flip in flips[:-1]:
            now ^= flip
            self.at.append(now)
        # A position that no value has tells nothing: it neither adds to some nor takes from all.
        everything = (1 << rows) - 1
        possible = set(column.positions.possible)
        self._some = _levels([mask if p in possible else 0 for p, mask in enumerate(self.at)], or_)
        self._all = _levels([mask if p in possible else everything for p, mask in enumerate(self.at)], and_)
        self._everything = everything

    def some(self, runs: Runs) -> int:
        """The rows that are true at some position of the runs."""
        return reduce(or_, (mask for run in runs for mask in _parts(self._some, run)), 0)

    def all(self, runs: Runs) -> int:
        """The rows that are true at every position of the runs."""
        return reduce(and_, (mask for run in runs for mask in _parts(self._all, run)), self._everything)


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
