"""Rows that one row could replace: they give the same and differ in one column, whose two cells are one cell together.

Found by hashing the rows without one column at a time, so that only rows that may be joined are ever compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.feel.expression import check_unary_tests
from engine.feel.positions import Runs
from engine.feel.types import Field
from engine.problems import InvalidError
from engine.tables.analysis.cell_text import cell_text
from engine.tables.analysis.columns import Column
from engine.tables.analysis.finding import Finding, Severity
from engine.tables.analysis.study import MAX_TOLD, Study, bits
from engine.tables.model import HitPolicy

_COMMUTES = frozenset({HitPolicy.COLLECT_SUM, HitPolicy.COLLECT_MIN, HitPolicy.COLLECT_MAX, HitPolicy.COLLECT_COUNT})
"""Policies that count all rows without an order: joining rows that do not meet changes nothing."""
_NAMED = 4


def mergeable_rows(study: Study) -> list[Finding]:
    """Groups of rows that could be one; a row is told once."""
    policy = study.table.policy
    if not policy.is_single and policy not in _COMMUTES:
        return []
    if not study.all_clear:
        study.unseen.append("rows that could be joined were not looked for, since some cells cannot be seen through")
        return []
    found: list[Finding] = []
    number = 0
    used = study.gone
    for at in range(len(study.columns)):
        for rows in _alike(study, at):
            for chain, text in _chains(study, at, [row for row in rows if not used >> row & 1]):
                number += 1
                finding = _finding(study, at, chain, text) if len(found) < MAX_TOLD else None
                if finding is not None:
                    found.append(finding)
                for row in chain:
                    used |= 1 << row
    study.too_many(len(found), number, "groups of rows that could be one")
    return found


def _alike(study: Study, at: int) -> Iterator[list[int]]:
    """Rows, somewhere true and with known outputs, that are alike in everything but one column."""
    groups: dict[object, list[int]] = {}
    cells = [column.cell_of for place, column in enumerate(study.columns) if place != at]
    for row, (key, *rest) in enumerate(zip(study.keys, *cells, strict=True)):
        if key is not None and study.pairs.meets[row]:
            groups.setdefault((key, *rest), []).append(row)
    return (rows for rows in groups.values() if len(rows) > 1)


def _chains(study: Study, at: int, rows: Sequence[int]) -> Iterator[tuple[list[int], str]]:
    """Those of the rows that one cell can join, with that cell."""
    column = study.columns[at]
    chain: list[int] = []
    joined: Runs = ()
    text = ""
    for row in sorted(rows, key=lambda each: (column.of(each) or (), each)):
        runs = column.of(row) or ()
        union = _union(joined, runs)
        longer = cell_text(column, union)
        if chain and longer is not None and _may_join(study, [*chain, row]):
            chain.append(row)
            joined, text = union, longer
            continue
        if len(chain) > 1 and _says(study, column, at, text, joined):
            yield chain, text
        chain, joined, text = [row], runs, ""
    if len(chain) > 1 and _says(study, column, at, text, joined):
        yield chain, text


def _may_join(study: Study, chain: Sequence[int]) -> bool:
    """Whether one row at the place of the first decides as they do: no other outputs come between."""
    first, meets = min(chain), study.pairs.meets
    for row in chain:
        if not study.table.policy.is_single:
            if any(meets[row] >> other & 1 for other in chain if other != row):
                return False
            continue
        between = meets[row] & ((1 << row) - 1) & ~((1 << first) - 1) & ~study.gone
        if study.table.policy in {HitPolicy.FIRST, HitPolicy.PRIORITY} and any(
            study.keys[other] != study.keys[row] for other in bits(between)
        ):
            return False
    return True


def _union(left: Runs, right: Runs) -> Runs:
    found: list[tuple[int, int]] = []
    for start, end in sorted((*left, *right)):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return tuple(found)


def _says(study: Study, column: Column, at: int, text: str, runs: Runs) -> bool:
    """Whether the text, read as a cell, is true just where the runs are."""
    fact = column.positions.fact
    node = study.table.inputs[at]
    try:
        cell = check_unary_tests(text, Field(fact.type, node.nullable, fact.enum), study.table.scope)
        read = column.positions.runs(cell.ir)
    except (InvalidError, LookupError):  # such as a bound that is no constant of the column
        return False
    return column.count(read) == column.count(runs) == column.count(_union(read, runs))


def _finding(study: Study, at: int, chain: Sequence[int], text: str) -> Finding | None:
    point = study.low_point(chain[-1])
    record = study.records.record(point)
    if record is None or not study.records.matches(record).row(chain[-1]):
        study.unproved += 1
        return None
    names = tuple(study.table.rows[row] for row in chain)
    listed = ", ".join(f"`{name}`" for name in names[:_NAMED]) + (
        f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    )
    column = study.columns[at]
    message = (
        f"the rows {listed} give the same and differ only in {column.label}; they could be one, "
        f"which then holds with {study.records.shown(point)} too"
    )
    return Finding("table.mergeable_rows", message, names, record, f"write `{text}` for {column.label}", Severity.HINT)
