"""What can be said about a table before it meets a record: overlaps, gaps, rows that can never decide.

Each column's values fall into finitely many positions, at and between the constants of its cells; within one position
all values behave alike. So a table over numbers, dates, texts, booleans and nulls is a finite thing, and every finding
comes with a witness: one value for each column that shows it. Columns with cells that cannot be seen through (those
that read other facts or call functions) make their rows opaque: nothing is claimed about these.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any, Final, cast

from engine.feel import ir
from engine.feel.matching import constants, indexable, truth_at
from engine.feel.text import at_literal
from engine.feel.types import BOOLEAN, DATE, NUMBER, STRING
from engine.feel.values import Value, YearMonthDuration
from engine.problems import NOWHERE, Place, Problem
from engine.tables.model import HitPolicy

MAX_FINDINGS: Final = 20
"""Findings of one kind that are told; a table with more needs another look anyway."""
GAP_STEPS: Final = 200_000
"""Steps the search for gaps may take; beyond, it says nothing."""


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
    """A column: a value for each position, and for each cell the set of positions where it is true, as bits."""

    values: list[Value]
    null: int
    cells: list[int | None] = field(default_factory=list)
    masks: list[int] = field(default_factory=list)
    _known: dict[tuple[int, bool], int] = field(default_factory=dict)

    def rows_touching(self, positions: int) -> int:
        """The rows true at some of the positions."""
        return self._combined(positions, every=False)

    def rows_covering(self, positions: int) -> int:
        """The rows true at all of the positions."""
        return self._combined(positions, every=True)

    def _combined(self, positions: int, *, every: bool) -> int:
        found = self._known.get((positions, every))
        if found is None:
            found = -1 if every else 0
            rest = positions
            while rest:
                low = rest & -rest
                mask = self.masks[low.bit_length() - 1]
                found = found & mask if every else found | mask
                rest ^= low
            self._known[positions, every] = found
        return found


def analyse(table: Analysed) -> list[Finding]:
    """The findings about a table, overlaps first."""
    axes = [_axis(table, column) for column in range(len(table.subjects))]
    clear = sum(1 << row for row in range(len(table.rows)) if all(axis.cells[row] is not None for axis in axes))
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
    named: set[Value] = set()
    for cell, good in zip(cells, readable, strict=True):
        if good and not isinstance(cell, ir.Const):
            named |= constants(cell)
    values, places, tests = _positions(subject, named)
    axis = _Axis(values, null=0)
    if subject.nullable:
        axis.null = 1 << len(values)
        values.append(None)
        tests.append(None)
    for cell, good in zip(cells, readable, strict=True):
        if not good:
            axis.cells.append(None)
            continue
        axis.cells.append(
            sum(1 << at for at, test in enumerate(tests) if truth_at(cell, cast("Any", test), places) is True)
        )
    axis.masks = [0] * len(values)
    for row, positions in enumerate(axis.cells):
        rest = positions or 0
        while rest:
            low = rest & -rest
            axis.masks[low.bit_length() - 1] |= 1 << row
            rest ^= low
    return axis


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
    if subject.type not in {NUMBER, DATE} and not all(isinstance(v, YearMonthDuration | dt.timedelta) for v in named):
        return [], {}, []
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
        if value is not None:
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
            return high - 1
        if high is None:
            return low + 1
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


def _witness(table: Analysed, axes: Sequence[_Axis], positions: Sequence[int]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for label, axis, bits in zip(table.labels, axes, positions, strict=True):
        usual = bits & ~axis.null or bits
        if axis.values:
            found[label] = axis.values[(usual & -usual).bit_length() - 1]
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
            together &= axis.rows_touching(cast("int", axis.cells[row]))
        while together and len(found) < MAX_FINDINGS:
            low = together & -together
            together ^= low
            other = low.bit_length() - 1
            if table.policy is HitPolicy.ANY and _agree(table.outputs[row], table.outputs[other]):
                continue
            shared = [cast("int", axis.cells[row]) & cast("int", axis.cells[other]) for axis in axes]
            witness = _witness(table, axes, shared)
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
        if any(not axis.cells[row] for axis in axes):
            continue  # a cell that is never true is another matter
        before = clear & ((1 << row) - 1)
        for axis in axes:
            before &= axis.rows_covering(cast("int", axis.cells[row]))
        if before:
            first = (before & -before).bit_length() - 1
            witness = _witness(table, axes, [cast("int", axis.cells[row]) for axis in axes])
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
        for position, mask in enumerate(axis.masks):
            if axis.null >> position & 1 or rows & mask in tried:
                continue
            tried.add(rows & mask)
            chosen.append(1 << position)
            if search(column + 1, rows & mask):
                return True
            chosen.pop()
        return False

    if any(not axis.values for axis in axes) or not search(0, (1 << len(table.rows)) - 1):
        return []
    witness = _witness(table, axes, chosen)
    return [
        Finding(
            "table.gap",
            f"no row matches {_shown(witness)}",
            (),
            witness,
            "add a row, or give the outputs a default",
        )
    ]
