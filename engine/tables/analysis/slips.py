"""Cells that look like a range and are a number: `[1-5]` is a list with the one number -4."""

from __future__ import annotations

from typing import Any

from engine.feel.domains import ANYTHING, allows
from engine.feel.slips import MeantRange, meant_ranges
from engine.tables.analysis.finding import Finding
from engine.tables.analysis.study import MAX_TOLD, Study


def cells_for_ranges(study: Study) -> list[Finding]:
    """Each different cell of a column once, with the first row that has it and a record that it does not match."""
    found: list[Finding] = []
    number = 0
    for at, column in enumerate(study.columns):
        first_rows = dict(zip(reversed(column.cell_of), reversed(range(len(column.cell_of))), strict=True))
        for cell, first in sorted(first_rows.items()):
            for meant in meant_ranges(study.table.matrix[first][at].expression):
                record = _not_matching(study, at, first, meant)
                if record is None:
                    continue
                number += 1
                if len(found) < MAX_TOLD:
                    rows = [row for row, each in enumerate(column.cell_of) if each == cell]
                    found.append(_finding(study, at, rows, meant, record))
    study.too_many(len(found), number, "cells that look like a range")
    return found


def _not_matching(study: Study, at: int, row: int, meant: MeantRange) -> dict[str, Any] | None:
    """A record with one of the two ends, which the row's cell does not match."""
    subject = study.table.subjects[at]
    domain = study.table.domains.get(subject.name, ANYTHING)
    for value in (meant.low, meant.high):
        if allows(domain, value) and (subject.enum is None or value in subject.enum):
            record = study.records.record_with(at, value)
            if record is not None and study.records.matches(record).cell(row, at) is False:
                return record
    return None


def _finding(study: Study, at: int, rows: list[int], meant: MeantRange, record: dict[str, Any]) -> Finding:
    names = tuple(study.table.rows[row] for row in rows)
    more = f" and {len(rows) - 1:,} more" if len(rows) > 1 else ""
    message = f"the cell `{meant.text}` of {study.columns[at].label} in the row `{names[0]}`{more} {meant.said}"
    return Finding("table.no_range", message, names, record, meant.help)
