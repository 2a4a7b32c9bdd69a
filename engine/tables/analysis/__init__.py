"""What can be said about a table before it meets a record, each finding with a record of facts that proves it.

Each column's values fall into finitely many positions, at and between the constants of its cells; within one position
all values behave alike (`engine.feel.positions`). So a table over numbers, dates, texts, booleans and nulls is a finite
thing: rows are boxes in a grid of points. Pairs of rows are compared with bit masks (`pairs`), and what several rows
do together is found by cutting boxes and counting points (`boxes`). Nothing is told that the reference interpreter does
not confirm on the record that is shown with it (`proof`).

Rows with a cell that cannot be seen through (one that reads other facts or calls functions) are opaque: nothing is
claimed about them. What was not looked at, because of them or of the table's size, is told as a finding of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from engine.tables.analysis.cells import idle_cells
from engine.tables.analysis.columns import columns_of
from engine.tables.analysis.conflicts import contradictions, overlaps
from engine.tables.analysis.finding import Analysed, Finding, Severity
from engine.tables.analysis.gaps import find_gaps
from engine.tables.analysis.idle_rows import masked_rows, redundant_rows
from engine.tables.analysis.mergeable import mergeable_rows
from engine.tables.analysis.pairs import Pairs, pairs_of
from engine.tables.analysis.proof import Records
from engine.tables.analysis.slips import cells_for_ranges
from engine.tables.analysis.study import Study, output_key
from engine.tables.model import HitPolicy

MAX_PAIRS: Final = 400_000_000
"""Pairs of rows that are compared (50 MB for each mask of them); beyond, only cells are looked at."""
MAX_MASK_BITS: Final = 800_000_000
"""Positions times rows of one column (100 MB); beyond, only cells are looked at."""


def analyse(table: Analysed) -> list[Finding]:
    """The findings: errors first, then warnings, then hints, the last of which say what was not looked at."""
    if table.policy is HitPolicy.PRIORITY:
        table = _by_rank(table)
    columns = tuple(columns_of(table))
    rows = len(table.rows)
    is_small = rows * rows <= MAX_PAIRS and all(column.size * rows <= MAX_MASK_BITS for column in columns)
    nothing = (0,) * rows
    pairs = pairs_of(columns, rows) if is_small else Pairs(0, nothing, nothing, nothing, nothing)
    if table.ranks:  # a row whose rank is not known may go before or after any other
        known = sum(1 << row for row, rank in enumerate(table.ranks) if rank is not None)
        pairs = replace(pairs, clear=pairs.clear & known)
    keys = tuple(output_key(outputs) for outputs in table.outputs)
    study = Study(table, columns, pairs, Records(table, columns), keys)
    found = cells_for_ranges(study) + idle_cells(study)
    if is_small:
        found += _about_rows(study)
    else:
        study.unseen.append(
            f"with {rows:,} rows only single cells were looked at, neither gaps nor rows beside each other"
        )
    order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.HINT: 2}
    found.sort(key=lambda finding: order[finding.severity])
    return found + _unseen(study)


def _about_rows(study: Study) -> list[Finding]:
    policy, found = study.table.policy, []
    if policy is HitPolicy.UNIQUE:
        found += overlaps(study)
    if policy is HitPolicy.ANY:
        found += contradictions(study)
    if policy in {HitPolicy.FIRST, HitPolicy.PRIORITY}:
        found += masked_rows(study)
    if policy.is_single and not study.table.has_default:
        found += find_gaps(study)
    if any(finding.severity is Severity.ERROR for finding in found):
        return found  # what could be simpler is another matter while the table is wrong
    if policy in {HitPolicy.FIRST, HitPolicy.PRIORITY, HitPolicy.ANY}:
        found += redundant_rows(study)
    return found + mergeable_rows(study)


def _unseen(study: Study) -> list[Finding]:
    sentences = list(study.unseen)
    opaque = (~study.pairs.clear & ((1 << len(study.table.rows)) - 1)).bit_count()
    if opaque and study.pairs.meets and any(study.pairs.meets):
        sentences.append(f"{opaque:,} rows have a cell, or an output that ranks them, which only a record tells")
    if study.unproved:
        sentences.append(f"{study.unproved:,} findings were left out, since no record was found that proves them")
    help_text = "what is found holds; what is said here may hide more"
    return [Finding("table.partly_analysed", sentence, (), {}, help_text, Severity.HINT) for sentence in sentences]


def _by_rank(table: Analysed) -> Analysed:
    """The table with its rows in the order of precedence; those without a known rank last."""
    order = sorted(range(len(table.rows)), key=lambda row: (table.ranks[row] is None, table.ranks[row] or (), row))
    return replace(
        table,
        rows=tuple(table.rows[row] for row in order),
        matrix=tuple(table.matrix[row] for row in order),
        outputs=tuple(table.outputs[row] for row in order),
        ranks=tuple(table.ranks[row] for row in order),
    )


__all__ = ["Analysed", "Finding", "Severity", "analyse"]
