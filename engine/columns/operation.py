"""A compiled node, and the rows that it is computed for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from engine.columns.vectors import Mask, Shape, Truths, Vector, Wholes
from engine.feel.values import Value


class Stretch:
    """Rows from `start` to before `stop`, with what has been computed for them."""

    __slots__ = ("made", "rows", "start", "stop")

    def __init__(self, start: int, stop: int) -> None:
        self.start, self.stop = start, stop
        self.rows = slice(start, stop)
        self.made: dict[int, Vector] = {}

    def __len__(self) -> int:
        return self.stop - self.start

    def cut(self, mask: Mask) -> Mask:
        """The stretch's part of a mask over all rows."""
        if mask is None:
            return None
        found = mask[self.rows]
        return found if found.any() else None


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A compiled node. `constant` holds its value where it is the same for all rows."""

    shape: Shape
    compute: Callable[[Stretch], Vector]
    constant: tuple[Value] | None = None
    by_row: bool = False

    @property
    def columnar(self) -> bool:
        """Whether operators in columns may go on from here."""
        return not self.by_row and not self.shape.objects

    def of(self, stretch: Stretch) -> Vector:
        """The vector for a stretch, computed at the first call."""
        found = stretch.made.get(id(self))
        if found is None:
            found = stretch.made[id(self)] = self.compute(stretch)
        return found

    def truths(self, stretch: Stretch) -> Truths:
        """The vector as truth values."""
        return cast("Truths", self.of(stretch))

    def wholes(self, stretch: Stretch) -> Wholes:
        """The vector as whole numbers."""
        return cast("Wholes", self.of(stretch))
