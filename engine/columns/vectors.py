"""What a node of the intermediate form gives for a stretch of rows, and the three-valued logic over it.

`null` is true where the value is null, `unsure` where the column operations cannot vouch for it: the node may fail
there, or a number left 64 bits. Unsure rows are computed again by the code for single records, which gives the value or
the problem; what their vectors hold meanwhile means nothing. None stands for a mask without a true row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns.encoding import Bools, Ints
from engine.feel.types import Type
from engine.feel.values import Value

Mask = Bools | None


@dataclass(frozen=True, slots=True, eq=False)
class Truths:
    """Truth values; `true` is false where the value is null."""

    true: Bools
    null: Mask = None
    unsure: Mask = None

    @property
    def false(self) -> Bools:
        """True where the value is false."""
        return ~self.true if self.null is None else ~(self.true | self.null)


@dataclass(frozen=True, slots=True, eq=False)
class Wholes:
    """Whole numbers as in a `Scaled` column; what the scale is, the operation knows."""

    values: Ints
    null: Mask = None
    unsure: Mask = None


@dataclass(frozen=True, slots=True, eq=False)
class Picks:
    """Places in a dictionary that the operation knows; null is the place behind its end."""

    codes: NDArray[Any]
    unsure: Mask = None


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """The values themselves, computed row by row."""

    values: Sequence[Value]
    unsure: Mask = None


Vector = Truths | Wholes | Picks | Objects


def either(*masks: Mask) -> Mask:
    """The rows that any of the masks marks."""
    found: Mask = None
    for mask in masks:
        if mask is not None:
            found = mask if found is None else found | mask
    return found


def within(mask: Mask, rows: Bools) -> Mask:
    """The rows of a mask that are among `rows`; None when there are none."""
    if mask is None:
        return None
    found = mask & rows
    return found if found.any() else None


def conjunction(items: Sequence[Truths]) -> Truths:
    """Three-valued `and`, left to right: what stands behind a false item is not looked at."""
    false = items[0].false
    unsure, null, true = items[0].unsure, items[0].null, items[0].true
    for item in items[1:]:
        if item.unsure is not None:
            unsure = either(unsure, within(item.unsure, ~false))
        null = either(null, item.null)
        false = false | item.false
        true = true & item.true
    return Truths(true, None if null is None else null & ~false, unsure)


def disjunction(items: Sequence[Truths]) -> Truths:
    """Three-valued `or`, left to right: what stands behind a true item is not looked at."""
    unsure, null, true = items[0].unsure, items[0].null, items[0].true
    for item in items[1:]:
        if item.unsure is not None:
            unsure = either(unsure, within(item.unsure, ~true))
        null = either(null, item.null)
        true = true | item.true
    return Truths(true, None if null is None else null & ~true, unsure)


def negation(item: Truths) -> Truths:
    """Three-valued `not`."""
    return Truths(item.false, item.null, item.unsure)


def everywhere(count: int, value: bool | None, unsure: Mask = None) -> Truths:  # noqa: FBT001  # the value itself
    """One truth value for all rows."""
    null = np.ones(count, np.bool_) if value is None else None
    return Truths(np.full(count, value is True, np.bool_), null, unsure)


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of an operation's vectors before any is made.

    `low` and `high` bound the whole numbers of rows that are not unsure; `scale` is theirs; `dictionary` is what picks
    are places in. `objects` says that the vectors hold the values themselves.
    """

    type: Type
    scale: int = 0
    low: int = 0
    high: int = 0
    dictionary: tuple[Value, ...] = ()
    objects: bool = False


def as_truths(vector: Vector) -> Truths:
    """A vector that stands where a condition is asked: what is neither true nor false counts as null."""
    if isinstance(vector, Truths):
        return vector
    if isinstance(vector, Objects):
        count = len(vector.values)
        true = np.fromiter((value is True for value in vector.values), np.bool_, count)
        null = np.fromiter((value is not True and value is not False for value in vector.values), np.bool_, count)
        return Truths(true, null, vector.unsure)
    count = len(vector.values if isinstance(vector, Wholes) else vector.codes)
    return everywhere(count, None, vector.unsure)


def some(mask: Bools) -> Mask:
    """The mask, None where no row is in it."""
    return mask if mask.any() else None
