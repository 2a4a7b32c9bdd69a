"""Cells that no value of their column makes true, and cells that every value makes true."""

from __future__ import annotations

from engine.tables.analysis.columns import Column
from engine.tables.analysis.finding import Finding, Severity
from engine.tables.analysis.study import MAX_TOLD, Study


def idle_cells(study: Study) -> list[Finding]:
    """Both, each different cell of a column once, with the first row that has it."""
    never: list[Finding] = []
    always: list[Finding] = []
    numbers = [0, 0]
    for at, column in enumerate(study.columns):
        rows_of: dict[int, list[int]] = {}
        for row, cell in enumerate(column.cell_of):
            rows_of.setdefault(cell, []).append(row)
        everything = len(column.positions.possible)
        for cell, rows in rows_of.items():
            text = study.table.matrix[rows[0]][at].text.strip()
            runs = column.runs[cell]
            if runs is None or text == "-" or not everything:
                continue
            true = column.count(runs)
            if true not in {0, everything}:
                continue
            told = always if true else never
            numbers[bool(true)] += 1
            if len(told) < MAX_TOLD and (finding := _finding(study, at, rows, text, is_always=bool(true))) is not None:
                told.append(finding)
    study.too_many(len(never), numbers[0], "cells that are never true")
    study.too_many(len(always), numbers[1], "cells that are always true")
    return [*never, *always]


def _finding(study: Study, at: int, rows: list[int], text: str, *, is_always: bool) -> Finding | None:
    column = study.columns[at]
    point = [_some_position(each) for each in study.columns]
    record = None
    for position in (column.positions.possible[0], column.positions.possible[-1], _some_position(column)):
        # the interpreter agrees at both ends of what the column can be; the last record is the one that is shown
        point[at] = position
        record = study.records.record(point)
        if record is None or study.records.matches(record).cell(rows[0], at) is not is_always:
            study.unproved += 1
            return None
    name = study.table.rows[rows[0]]
    names = tuple(study.table.rows[row] for row in rows)
    more = f" and {len(rows) - 1:,} more" if len(rows) > 1 else ""
    value = study.records.shown(point) if column.says_something else "any facts"
    if is_always:
        message = f"the cell `{text}` of {column.label} in the row `{name}`{more} is true whatever the facts are"
        return Finding(
            "table.needless_cell",
            f"{message}, for instance with {value}",
            names,
            record or {},
            "write `-`",
            Severity.HINT,
        )
    message = f"the cell `{text}` of {column.label} in the row `{name}`{more} can never be true"
    help_text = "correct it, or remove the row; no value that the fact may have makes it true"
    return Finding(
        "table.impossible_cell", f"{message}: not with {value}, nor with another value", names, record or {}, help_text
    )


def _some_position(column: Column) -> int:
    position = column.first(((0, column.size),))
    return 0 if position is None else position
