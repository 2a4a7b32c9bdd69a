"""Finding a point of a box that rows leave free, by cutting the box in two again and again.

A box is a product of stretches of positions, one for each column. What rows take of a box is a number of points, so
counting decides most boxes without a further cut: rows that together take fewer points than the box has leave one
free, and rows of which no two meet and that take as many leave none. Without overlaps the search therefore goes
straight to a free point; what is left is exponential in the worst case (the problem is that of a formula's
satisfiability), so steps are counted and the search gives up beyond a number of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from engine.feel.positions import Runs
from engine.tables.analysis.columns import Column, Span


class OutOfStepsError(Exception):
    """The search has taken as many steps as it may."""


@dataclass(slots=True)
class Steps:
    """How many steps are left: one for each row looked at in a box."""

    left: int

    def take(self, number: int) -> None:
        """Raises `OutOfStepsError` when there are not so many left."""
        self.left -= number
        if self.left < 0:
            raise OutOfStepsError


@dataclass(frozen=True, slots=True)
class Space:
    """Where to search: for each column the stretch, and how many points count below each position."""

    spans: tuple[Span, ...]
    before: tuple[Sequence[int], ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many positions count in each column."""
        return tuple(before[end] - before[start] for before, (start, end) in zip(self.before, self.spans, strict=True))


class Entry(NamedTuple):
    """A row within a box: how many positions it takes of each column. `runs` are those of its cells."""

    row: int
    runs: tuple[Runs, ...]
    taken: tuple[int, ...]


Verdict = Callable[[Sequence[Entry], tuple[int, ...]], bool | None]
"""Given the rows that meet a box and the box's sizes: no point of it is sought (True), all are (False), or cut (None).

At a single point, where every entry takes all there is, it must not be None.
"""


def space_of_known(columns: Sequence[Column]) -> Space:
    """All points without null."""
    return Space(tuple(column.known for column in columns), tuple(column.before for column in columns))


def space_of_row(columns: Sequence[Column], row: int) -> Space:
    """The points of a row. Its cells may have several runs: positions between them count nothing."""
    spans, before = [], []
    for column in columns:
        runs = column.of(row) or ()
        spans.append((runs[0][0], runs[-1][1]) if runs else (0, 0))
        before.append(column.before if len(runs) < 2 else _within(column, runs))  # one run is a stretch
    return Space(tuple(spans), tuple(before))


def _within(column: Column, runs: Runs) -> list[int]:
    counts = [0] * (column.size + 1)
    for start, end in runs:
        for position in range(start, end):
            counts[position + 1] = column.before[position + 1] - column.before[position]
    for position in range(column.size):
        counts[position + 1] += counts[position]
    return counts


def entries_of(columns: Sequence[Column], rows: Sequence[int], space: Space, steps: Steps) -> list[Entry]:
    """Those of the rows that take something of the space."""
    steps.take(len(rows))
    axes = [
        (column.runs, column.cell_of, low, high, before)
        for column, (low, high), before in zip(columns, space.spans, space.before, strict=True)
    ]
    found = []
    for row in rows:
        own: list[Runs] = []
        taken: list[int] = []
        for runs_of, cell_of, low, high, before in axes:
            runs = runs_of[cell_of[row]] or ()
            number = _taken(runs, low, high, before)
            if not number:
                break
            own.append(runs)
            taken.append(number)
        else:
            found.append(Entry(row, tuple(own), tuple(taken)))
    return found


def search(space: Space, entries: Sequence[Entry], verdict: Verdict, steps: Steps) -> tuple[int, ...] | None:
    """The first point for which the verdict is False; None if there is none. Raises `OutOfStepsError`."""
    pending = [(space.spans, space.sizes, list(entries))]
    while pending:
        spans, sizes, inside = pending.pop()
        steps.take(1 + len(inside))
        if not all(sizes):
            continue
        decided = verdict(inside, sizes)
        if decided is None:
            pending.extend(_halves(space, spans, sizes, inside))
        elif not decided:
            return tuple(
                bisect_right(before, before[start]) - 1 for before, (start, _) in zip(space.before, spans, strict=True)
            )
    return None


def uncovered(meets: Sequence[int]) -> Verdict:
    """The verdict that seeks a point that no row takes; `meets` as in `Pairs`, or empty where it is not known.

    An entry with the row -1 is a box that meets no row.
    """

    def verdict(entries: Sequence[Entry], sizes: tuple[int, ...]) -> bool | None:
        if not entries:
            return False
        taken = [entry.taken for entry in entries]
        if sizes in taken:
            return True
        if sum(map(prod, taken)) == prod(sizes) and _apart(entries, meets):
            return True
        return None

    return verdict


def _apart(entries: Sequence[Entry], meets: Sequence[int]) -> bool:
    if not meets:
        return False
    mask = 0
    for entry in entries:
        if entry.row >= 0:
            if meets[entry.row] & mask:
                return False
            mask |= 1 << entry.row
    return True


def _halves(
    space: Space, spans: tuple[Span, ...], sizes: tuple[int, ...], entries: Sequence[Entry]
) -> list[tuple[tuple[Span, ...], tuple[int, ...], list[Entry]]]:
    """The box in two, the half that more surely has a free point last."""
    at, cut = _cut(space, spans, sizes, entries)
    before = space.before[at]
    start, end = spans[at]
    below: list[Entry] = []
    above: list[Entry] = []
    for entry in entries:
        row, runs, taken = entry
        low = _taken(runs[at], start, cut, before)
        high = taken[at] - low
        if not high:
            below.append(entry)
        elif not low:
            above.append(entry)
        else:
            below.append(Entry(row, runs, (*taken[:at], low, *taken[at + 1 :])))
            above.append(Entry(row, runs, (*taken[:at], high, *taken[at + 1 :])))
    halves = []
    for span, inside in (((start, cut), below), ((cut, end), above)):
        size = before[span[1]] - before[span[0]]
        halves.append(((*spans[:at], span, *spans[at + 1 :]), (*sizes[:at], size, *sizes[at + 1 :]), inside))
    halves.sort(key=lambda half: prod(half[1]) - sum([prod(entry.taken) for entry in half[2]]))
    return halves


def _cut(space: Space, spans: tuple[Span, ...], sizes: tuple[int, ...], entries: Sequence[Entry]) -> tuple[int, int]:
    """The column that tells most rows apart, and the middle one of the places where they begin or end in it."""
    taken = zip(*[entry.taken for entry in entries], strict=True)
    partial = [len(entries) - some.count(size) for some, size in zip(taken, sizes, strict=True)]
    at = partial.index(max(partial))
    start, end = spans[at]
    before = space.before[at]
    edges = sorted(
        edge
        for entry in entries
        if entry.taken[at] != sizes[at]
        for run in entry.runs[at]
        for edge in run
        # a cut that leaves nothing on one side would not end
        if start < edge < end and before[start] < before[edge] < before[end]
    )
    return at, edges[len(edges) // 2]


def _taken(runs: Runs, low: int, high: int, before: Sequence[int]) -> int:
    """How many positions that count runs have between two positions."""
    if len(runs) == 1:  # nearly always
        ((start, end),) = runs
        start = max(start, low)
        end = min(end, high)
        return before[end] - before[start] if start < end else 0
    return sum(before[min(end, high)] - before[max(start, low)] for start, end in runs if start < high and end > low)


def grown(space: Space, point: Sequence[int], taken: Sequence[Entry]) -> tuple[Span, ...]:
    """The largest box around a free point that nothing taken meets, grown column after column within the space."""
    box = [(position, position + 1) for position in point]
    for at, (low, high) in enumerate(space.spans):
        others = [each for each in range(len(box)) if each != at]
        for entry in taken:
            if all(_meets(entry.runs[each], box[each]) for each in others):
                for start, end in entry.runs[at]:
                    if end <= point[at]:
                        low = max(low, end)  # noqa: PLW2901  # the stretch narrows
                    elif start > point[at]:
                        high = min(high, start)  # noqa: PLW2901  # the same
        box[at] = (low, high)
    return tuple(box)


def _meets(runs: Runs, span: Span) -> bool:
    return any(start < span[1] and end > span[0] for start, end in runs)
