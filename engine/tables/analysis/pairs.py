"""For every row of a table the rows that meet it, and those that hold it, found column by column with bit masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.tables.analysis.columns import Column, Masks


@dataclass(frozen=True, slots=True)
class Pairs:
    """Bit masks over the rows, for each row; opaque rows (with a cell that cannot be seen through) are in none.

    `meets[r]` are the rows that are true somewhere where `r` is, itself included; `holds[r]` those that are true
    everywhere where `r` is, itself included. `low[r]` and `high[r]` are the rows that are true at the row's first
    and last point, one position for each column. All are 0 for rows that are nowhere true.
    """

    clear: int
    meets: tuple[int, ...]
    holds: tuple[int, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]


def pairs_of(columns: Sequence[Column], rows: int) -> Pairs:
    """Look at every pair of rows at once: a few operations on whole masks for each row and column."""
    clear = sum(1 << row for row in range(rows) if all(column.of(row) is not None for column in columns))
    found = [[clear if clear >> row & 1 else 0 for row in range(rows)] for _ in range(4)]
    meets, holds, low, high = found
    for column in columns:
        if all(runs == ((0, column.size),) for runs in column.runs):
            continue
        masks = Masks(column, rows)
        by_cell: list[tuple[int, int, int, int]] = []
        for runs in column.runs:
            first, last = column.first(runs or ()), column.last(runs or ())
            if runs is None or first is None or last is None:
                by_cell.append((0, 0, 0, 0))
            else:
                by_cell.append(masks.of(runs, first, last))
        for row, cell in enumerate(column.cell_of):
            some, every, at_first, at_last = by_cell[cell]
            meets[row] &= some
            holds[row] &= every
            low[row] &= at_first
            high[row] &= at_last
    return Pairs(clear, tuple(meets), tuple(holds), tuple(low), tuple(high))
