"""What can be said about a table before it meets a record: overlaps, gaps, rows that can never decide.

Each column's values fall into finitely many positions, at and between the constants of its cells; within one position
all values behave alike. So a table over numbers, dates, texts, booleans and nulls is a finite thing, and every finding
comes with a witness: one value for each column that shows it. Columns with cells that cannot be seen through (those
that read other facts or call functions) make their rows opaque: nothing is claimed about these.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any, Final, cast

from engine.feel import ir
from engine.feel.matching import constants, indexable, truth_at
from engine.feel.text import at_literal
from engine.feel.types import BOOLEAN, STRING
from engine.feel.values import Value, YearMonthDuration
from engine.problems import NOWHERE, Place, Problem
from engine.tables.model import HitPolicy

MAX_FINDINGS: Final = 20
"""Findings of one kind that are told; a table with more needs another look anyway."""
GAP_STEPS: Final = 50_000
"""Steps the search for gaps may take; beyond, it says nothing."""


MAX_BITS: Final = 400_000_000
"""Positions times rows that are looked at (50 MB of masks); a larger table is compiled but not analysed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a table, with values (by column label) that show it. `rows` are the ids concerned."""

    code: str
    message: str
    rows: tuple[str, ...]
    witness: Mapping[str, Value]
    help: str = ""
    is_error: bool = False
    place: Place = NOWHERE

    def problem(self) -> Problem:
        """The finding as a problem."""
        return Problem(self.code, self.message, self.place, self.help)


@dataclass(frozen=True, slots=True)
class Analysed:
    """What the analysis needs of a table. `outputs` are None where they are computed."""

    rows: tuple[str, ...]
    subjects: tuple[ir.Fact, ...]
    labels: tuple[str, ...]
    matrix: tuple[tuple[ir.Node, ...], ...]
    outputs: tuple[Mapping[str, Value] | None, ...]
    policy: HitPolicy
    has_default: bool


@dataclass(slots=True)
class _Axis:
    """A column: a value for each position, and for each cell the runs of positions where it is true.

    `possible` are the positions some value has (between two neighbouring days there is none), `null` is the position of
    null. A row's runs are half-open and sorted; None for a cell that cannot be seen through.
    """

    values: list[Value]
    possible: list[int]
    null: int | None
    runs: list[list[tuple[int, int]] | None]
    masks: list[int] = field(default_factory=list)
    _started: list[int] = field(default_factory=list)
    _ended: list[int] = field(default_factory=list)
    _scattered: list[int] = field(default_factory=list)

    def prepare(self) -> None:
        """Make the masks: per position the rows true there, those begun by then and those ended before."""
        size = len(self.values)
        starts, ends = [0] * (size + 1), [0] * (size + 1)
        flips = [0] * (size + 1)
        for row, runs in enumerate(self.runs):
            bit = 1 << row
            for start, end in runs or ():
                flips[start] ^= bit
                flips[end] ^= bit
            if runs and len(runs) == 1:
                starts[runs[0][0]] |= bit
                ends[runs[0][1]] |= bit
            elif runs:
                self._scattered.append(row)
        now = begun = ended = 0
        for position in range(size):
            now ^= flips[position]
            begun |= starts[position]
            ended |= ends[position]
            self.masks.append(now)
            self._started.append(begun)
            self._ended.append(ended)

    def touching(self, row: int) -> int:
        """The rows that are true at some position where this one is."""
        found = 0
        for start, end in self.runs[row] or ():
            found |= self.masks[start] | (self._started[end - 1] & ~self._started[start])
        for other in self._scattered:
            if _shared(self.runs[row] or (), self.runs[other] or ()):
                found |= 1 << other
        return found

    def covering(self, row: int) -> int:
        """The rows that are true wherever this one is."""
        found = -1
        for start, end in self.runs[row] or ():
            found &= self.masks[start] & ~(self._ended[end - 1] & ~self._ended[start])
        for other in self._scattered:
            found &= ~(1 << other)
            if all(
                any(a <= start and end <= b for a, b in self.runs[other] or ()) for start, end in self.runs[row] or ()
            ):
                found |= 1 << other
        return found

    def witness(self, runs: Sequence[tuple[int, int]]) -> int | None:
        """A position in the runs that some value has; null only when nothing else is there."""
        last: int | None = None
        for start, end in runs:
            at = bisect_left(self.possible, start)
            for position in self.possible[at : bisect_left(self.possible, end)]:
                if position != self.null:
                    return position
                last = position
        return last


def _shared(left: Sequence[tuple[int, int]], right: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(max(a, c), min(b, d)) for a, b in left for c, d in right if max(a, c) < min(b, d)]


def analyse(table: Analysed) -> list[Finding] | None:
    """The findings about a table, overlaps first; None for a table too large to look at."""
    axes = [_axis(table, column) for column in range(len(table.subjects))]
    if sum(len(axis.values) for axis in axes) * len(table.rows) > MAX_BITS:
        return None
    for axis in axes:
        axis.prepare()
    clear = sum(1 << row for row in range(len(table.rows)) if all(axis.runs[row] is not None for axis in axes))
    found: list[Finding] = []
    if table.policy in {HitPolicy.UNIQUE, HitPolicy.ANY}:
        found += _overlaps(table, axes, clear)
    if table.policy is HitPolicy.FIRST:
        found += _masked(table, axes, clear)
    if table.policy.is_single and not table.has_default and clear == (1 << len(table.rows)) - 1:
        found += _gaps(table, axes)
    return found


def _axis(table: Analysed, column: int) -> _Axis:
    subject = table.subjects[column]
    cells = [row[column] for row in table.matrix]
    readable = [_readable(cell, subject) for cell in cells]
    own = [constants(cell) if good else set() for cell, good in zip(cells, readable, strict=True)]
    values, places, tests = _positions(subject, set().union(*own))
    possible = [at for at, value in enumerate(values) if value is not None]
    null = None
    if subject.nullable:
        null = len(values)
        possible.append(null)
        values.append(None)
        tests.append(None)
    ordered = subject.type not in {BOOLEAN, STRING} and subject.enum is None
    runs: list[list[tuple[int, int]] | None] = []
    known: dict[int, list[tuple[int, int]]] = {}
    for cell, good, named in zip(cells, readable, own, strict=True):
        if not good:
            runs.append(None)
        elif id(cell) in known:
            runs.append(known[id(cell)])
        else:
            spots: Sequence[int] = range(len(values))
            if ordered:
                edges = {edge for constant in named for edge in (places[constant], places[constant] + 1)}
                spots = sorted({0, *edges} | ({null} if null is not None else set()))
            elif subject.type == STRING and subject.enum is None and len(named) < len(values) - 1:
                spots = sorted(
                    {edge for constant in named for edge in (places[constant], places[constant] + 1)}
                    | {0, len(values) - (1 if null is None else 2), len(values) - 1}
                )
            runs.append(_runs(cell, spots, tests, places, len(values)))
    return _Axis(values, possible, null, runs)


def _runs(
    cell: ir.Node, spots: Sequence[int], tests: Sequence[Any], places: Mapping[Value, int], size: int
) -> list[tuple[int, int]]:
    """Where a cell is true. Between two spots nothing changes."""
    found: list[tuple[int, int]] = []
    for at, spot in enumerate(spots):
        if truth_at(cell, tests[spot], places) is True:
            end = spots[at + 1] if at + 1 < len(spots) else size
            if found and found[-1][1] == spot:
                found[-1] = (found[-1][0], end)
            else:
                found.append((spot, end))
    return found


def _readable(cell: ir.Node, subject: ir.Fact) -> bool:
    if isinstance(cell, ir.Const):
        return True
    about = indexable(cell)
    return about is not None and about.path == subject.path


def _positions(subject: ir.Fact, named: set[Value]) -> tuple[list[Value], Mapping[Value, int], list[object]]:
    """A value for each position of a column, the constants' places, and the positions as `truth_at` wants them."""
    if subject.type == BOOLEAN:
        return [True, False], {True: 1, False: 0}, [True, False]
    if subject.enum is not None or subject.type == STRING:
        texts: list[Value] = sorted(cast("set[Any]", named))
        places = {text: at for at, text in enumerate(texts)}
        if subject.enum is not None:
            listed: list[Value] = list(subject.enum)
            return listed, places, [places.get(value, -1) for value in listed]
        return [*texts, _other_text(named)], places, [*range(len(texts)), -1]
    bounds: list[Any] = sorted(cast("set[Any]", named))
    places = {bound: 2 * at + 1 for at, bound in enumerate(bounds)}
    values: list[Value] = []
    tests: list[object] = []
    for spot in range(2 * len(bounds) + 1):
        if spot % 2:
            value = bounds[spot // 2]
        else:
            at = spot // 2
            value = _between(bounds[at - 1] if at else None, bounds[at] if at < len(bounds) else None)
        values.append(value)
        tests.append(spot)
    return values, places, tests


_WIDE: Final = Context(prec=200)


def _between(low: Any, high: Any) -> Value:
    """Some value between two bounds, None where there is none; a bound of None is open."""
    if low is None and high is None:
        return None
    known = high if low is None else low
    if isinstance(known, Decimal):
        if low is None:
            return cast("Decimal", high - 1)
        if high is None:
            return cast("Decimal", low + 1)
        middle = _WIDE.divide(_WIDE.add(low, high), Decimal(2))
        for digits in range(1, 200):
            short = Context(prec=digits).plus(middle)
            if low < short < high:
                return short
        return None
    if isinstance(known, YearMonthDuration):
        if low is None or high is None:
            return YearMonthDuration(known.months + (1 if high is None else -1))
        return YearMonthDuration((low.months + high.months) // 2) if high.months - low.months > 1 else None
    step = dt.timedelta(days=1) if isinstance(known, dt.date) else dt.timedelta(microseconds=1)
    try:
        value = known + (step if high is None or low is not None else -step)
    except OverflowError:
        return None
    if low is not None and high is not None and not low < value < high:
        return None
    return cast("Value", value)


def _other_text(named: set[Value]) -> str:
    other = "something else"
    while other in named:
        other += " still"
    return other


def _witness(
    table: Analysed, axes: Sequence[_Axis], runs: Sequence[Sequence[tuple[int, int]]]
) -> dict[str, Value] | None:
    """A value for each column that says something; None when the runs hold no value at all."""
    found: dict[str, Value] = {}
    for label, axis, some in zip(table.labels, axes, runs, strict=True):
        if len(axis.values) == 1 and axis.null is None:
            continue  # no cell of this column says anything
        position = axis.witness(some)
        if position is None:
            return None
        found[label] = axis.values[position]
    return found


def _shown(witness: Mapping[str, Value]) -> str:
    return ", ".join(f"{label} {at_literal(value)}" for label, value in witness.items())


def _overlaps(table: Analysed, axes: Sequence[_Axis], clear: int) -> list[Finding]:
    found: list[Finding] = []
    plain = all(not subject.path[0].startswith("?") for subject in table.subjects)
    for row in range(len(table.rows)):
        if not clear >> row & 1:
            continue
        together = clear & ~((1 << (row + 1)) - 1)
        for axis in axes:
            together &= axis.touching(row)
        while together and len(found) < MAX_FINDINGS:
            low = together & -together
            together ^= low
            other = low.bit_length() - 1
            if table.policy is HitPolicy.ANY and _agree(table.outputs[row], table.outputs[other]):
                continue
            witness = _witness(table, axes, [_shared(axis.runs[row] or (), axis.runs[other] or ()) for axis in axes])
            if witness is None:
                continue
            names = table.rows[row], table.rows[other]
            what = "both match" if table.policy is HitPolicy.UNIQUE else "both match with different outputs"
            found.append(
                Finding(
                    "table.overlap",
                    f"the rows `{names[0]}` and `{names[1]}` {what}, for instance with {_shown(witness)}",
                    names,
                    witness,
                    "narrow one of them (`[10..20)` leaves 20 out), or use FIRST",
                    is_error=plain,
                )
            )
    return found


def _agree(left: Mapping[str, Value] | None, right: Mapping[str, Value] | None) -> bool:
    return left is None or right is None or dict(left) == dict(right)


def _masked(table: Analysed, axes: Sequence[_Axis], clear: int) -> list[Finding]:
    found: list[Finding] = []
    for row in range(len(table.rows)):
        if not clear >> row & 1 or len(found) >= MAX_FINDINGS:
            continue
        if any(not axis.runs[row] for axis in axes):
            continue  # a cell that is never true is another matter
        before = clear & ((1 << row) - 1)
        for axis in axes:
            before &= axis.covering(row)
        witness = _witness(table, axes, [axis.runs[row] or () for axis in axes]) if before else None
        if witness is not None:
            first = (before & -before).bit_length() - 1
            names = table.rows[first], table.rows[row]
            found.append(
                Finding(
                    "table.masked_row",
                    f"the row `{names[1]}` can never decide: `{names[0]}` always matches first, "
                    f"for instance with {_shown(witness)}",
                    names,
                    witness,
                    "move it up, or remove it",
                )
            )
    return found


def _gaps(table: Analysed, axes: Sequence[_Axis]) -> list[Finding]:
    """The first place in the space of all non-null values where no row matches."""
    steps = 0
    seen: set[tuple[int, int]] = set()
    chosen: list[int] = []

    def search(column: int, rows: int) -> bool:
        nonlocal steps
        steps += 1
        if steps > GAP_STEPS or (column, rows) in seen:
            return False
        seen.add((column, rows))
        if column == len(axes):
            return not rows
        axis = axes[column]
        tried: set[int] = set()
        for position in axis.possible or range(len(axis.values)):
            left = rows & axis.masks[position]
            if position == axis.null or left in tried:
                continue
            steps += 1
            tried.add(left)
            chosen.append(position)
            if search(column + 1, left):
                return True
            chosen.pop()
        return False

    if not search(0, (1 << len(table.rows)) - 1):
        return []
    witness = _witness(table, axes, [[(position, position + 1)] for position in chosen]) or {}
    return [
        Finding(
            "table.gap",
            f"no row matches {_shown(witness)}",
            (),
            witness,
            "add a row, or give the outputs a default",
        )
    ]
