"""A table under study: its columns, its pairs of rows, what its rows give, and what was not looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from engine.feel.text import literal
from engine.feel.values import Value
from engine.tables.analysis.columns import Column
from engine.tables.analysis.finding import Analysed
from engine.tables.analysis.pairs import Pairs
from engine.tables.analysis.proof import Records

MAX_TOLD: Final = 20
"""Findings of one kind that are told; a table with more needs another look anyway."""

OutputKey = tuple[str, ...] | None
"""Equal for rows that give the same; None where outputs are computed."""


@dataclass(slots=True)
class Study:
    """What every part of the analysis looks at.

    Rows stand in the order of precedence: where several match and one decides, it is the first. `keys` tell outputs
    apart; `gone` are the rows that are found to be of no use, which later parts leave out; `unseen` are sentences about
    what was not looked at.
    """

    table: Analysed
    columns: tuple[Column, ...]
    pairs: Pairs
    records: Records
    keys: tuple[OutputKey, ...]
    gone: int = 0
    unseen: list[str] = field(default_factory=list)
    unproved: int = 0

    @property
    def all_clear(self) -> bool:
        """Whether every row can be seen through."""
        return self.pairs.clear == (1 << len(self.table.rows)) - 1

    def low_point(self, row: int) -> tuple[int, ...]:
        """The first point of a row that is true somewhere."""
        return tuple(column.first(column.of(row) or ()) or 0 for column in self.columns)

    def high_point(self, row: int) -> tuple[int, ...]:
        """The last one."""
        return tuple(column.last(column.of(row) or ()) or 0 for column in self.columns)

    def shared_point(self, row: int, other: int) -> tuple[int, ...] | None:
        """A point at which both rows are true."""
        point = []
        for column in self.columns:
            shared = tuple(
                (max(a, c), min(b, d))
                for a, b in column.of(row) or ()
                for c, d in column.of(other) or ()
                if max(a, c) < min(b, d)
            )
            position = column.first(shared)
            if position is None:
                return None
            point.append(position)
        return tuple(point)

    def too_many(self, told: int, number: int, what: str) -> None:
        """Say that not all of what was found is told."""
        if number > told:
            self.unseen.append(f"only {told} of {number:,} {what} are told")


def bits(mask: int) -> Iterator[int]:
    """The numbers of the bits, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def output_key(outputs: Mapping[str, Value] | None) -> OutputKey:
    """The outputs as texts that are equal for equal values."""
    return None if outputs is None else tuple(_text(value) for value in outputs.values())


def _text(value: Value) -> str:
    text = literal(value)
    # 1.0 and 1.00 are one number
    return text.rstrip("0").rstrip(".") if "." in text and text.replace(".", "").lstrip("-").isdigit() else text
