"""Records for which no row matches, where the result then is nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engine.tables.analysis.boxes import (
    Entry,
    OutOfStepsError,
    Space,
    Steps,
    entries_of,
    grown,
    search,
    space_of_known,
    uncovered,
)
from engine.tables.analysis.cell_text import cell_text
from engine.tables.analysis.finding import Finding, Severity
from engine.tables.analysis.study import MAX_TOLD, Study, bits

GAP_STEPS: Final = 1_500_000
"""Rows looked at in boxes by the search for gaps; beyond, the rest of the space is said not to have been looked at."""


def find_gaps(study: Study) -> list[Finding]:
    """Gaps among records whose columns all have values, as boxes that are as large as they can be and apart.

    Where there are none, those that only a record without some value shows. They are hints: rules often mean to say
    nothing where something is not known.
    """
    look = _Look(study, list(bits(study.pairs.clear)), Steps(GAP_STEPS))
    known = space_of_known(study.columns)
    found: list[Finding] = []
    try:
        look.into(known, found, MAX_TOLD)
        if found:
            return found
        nullable = [at for at, column in enumerate(study.columns) if column.positions.null is not None]
        with_null: list[Finding] = []
        for at in nullable:
            null = study.columns[at].size - 1
            space = Space((*known.spans[:at], (null, null + 1), *known.spans[at + 1 :]), known.before)
            look.into(space, with_null, 1, at)
        if nullable and not with_null:
            everywhere = Space(tuple((0, column.size) for column in study.columns), known.before)
            look.into(everywhere, with_null, 1, nullable[0])
    except OutOfStepsError:
        study.unseen.append("the search for gaps was cut short")
        return found
    return with_null


@dataclass(frozen=True, slots=True)
class _Look:
    """A search for gaps that the rows leave."""

    study: Study
    rows: Sequence[int]
    steps: Steps

    def into(self, space: Space, found: list[Finding], most: int, null: int | None = None) -> None:
        """Add gaps of a space to those found, at most so many; `null` is the column whose value is absent."""
        entries = entries_of(self.study.columns, self.rows, space, self.steps)
        verdict = uncovered(self.study.pairs.meets)
        told = 0
        for _ in range(2 * most):  # a place that cannot be proved takes a turn too
            point = search(space, entries, verdict, self.steps)
            if point is None:
                return
            if told == most:
                if null is None:
                    self.study.unseen.append(f"there are more gaps than the {most} that are told")
                return
            box = grown(space, point, entries)
            finding = _finding(self.study, point, box, null)
            if finding is None:
                self.study.unproved += 1
            else:
                told += 1
                found.append(finding)
            entries.append(Entry(-1, tuple((span,) for span in box), Space(box, space.before).sizes))


def _finding(
    study: Study, point: tuple[int, ...], box: tuple[tuple[int, int], ...], null: int | None
) -> Finding | None:
    record = study.records.record(point)
    if record is None or not study.records.matches(record).none_of(range(len(study.table.rows))):
        return None
    shown = study.records.shown(point)
    cells = [
        f"{column.label} `{text}`"
        for column, span in zip(study.columns, box, strict=True)
        if column.says_something and (text := cell_text(column, (span,))) not in {None, "-", "!= null"}
    ]
    help_text = "add a row" + (f" with {', '.join(cells)}" if cells else "") + ", or give the outputs a default"
    if null is None:
        return Finding("table.gap", f"no row matches {shown}", (), record, help_text)
    what = f"no row matches where {study.columns[null].label} is not known, for instance {shown}"
    return Finding("table.null_gap", what, (), record, help_text, Severity.HINT)
