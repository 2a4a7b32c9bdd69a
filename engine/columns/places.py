"""Where the values of a column lie among the constants that clauses compare it with, and what each place decides.

The values of a fact fall into few places: at and between constants for what is ordered, one for each named text. For
each place a row of 64-bit words tells the rules that the fact leaves true, and those it leaves not false. Deciding all
rules for a record is then one look-up and one `and` for each fact, however many rules there are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.columns.constants import exact_bound
from engine.columns.encoding import INT64_HIGH, INT64_LOW, Bools, Coded, Codes, Ints, Scaled
from engine.columns.operation import Stretch
from engine.feel import ir
from engine.feel.clauses import constants, truth_at
from engine.feel.types import BOOLEAN
from engine.feel.values import Value

Words = NDArray[np.uint64]

WORD: Final = 64
DIRECT: Final = 65_536
"""Span of a column's whole numbers, or size of its dictionary, up to which a value itself is the place."""
BUCKETS: Final = 4_096
MOST_IN_A_BUCKET: Final = 3
"""Comparisons after which a bisection is quicker."""


@dataclass(frozen=True, slots=True, eq=False)
class Placing:
    """`find` gives each row's place; `true` and `maybe` have for each place the rules it leaves true, or not false."""

    find: Callable[[Stretch], NDArray[Any]]
    true: Words
    maybe: Words

    @property
    def has_unknown(self) -> bool:
        """Whether some place leaves a rule neither true nor false."""
        return not np.array_equal(self.true, self.maybe)


def words_for(count: int) -> int:
    """Words that hold so many bits."""
    return max(1, -(-count // WORD))


def bit(row: int) -> tuple[int, np.uint64]:
    """The word of a rule and its bit there."""
    return row // WORD, np.uint64(1 << (row % WORD))


def everything(count: int) -> Words:
    """The words with a bit for each of so many rules."""
    whole = (1 << count) - 1
    return np.array([whole >> (WORD * word) & (2**WORD - 1) for word in range(words_for(count))], np.uint64)


ByRow = Mapping[int, Sequence[ir.Node]]
"""The clauses about one fact, by the rule they belong to."""


def place_coded(column: Coded, by_row: ByRow, count: int) -> Placing:
    """Texts and truth values: a class for each value that a clause names, one for all others, one for null."""
    named: dict[Value, int] = {}
    for nodes in by_row.values():
        for node in nodes:
            for value in constants(node):
                named.setdefault(value, len(named))
    if column.type == BOOLEAN:
        named = {False: 0, True: 1}
    other, null = len(named), len(named) + 1
    true, maybe = np.tile(everything(count), (null + 1, 1)), np.tile(everything(count), (null + 1, 1))
    for row, nodes in by_row.items():
        word, own = bit(row)
        own_values = named if column.type == BOOLEAN else set().union(*map(constants, nodes))
        places: Mapping[Value, int] = {value: named[value] for value in own_values}
        usual = _truth([truth_at(node, -1, places) for node in nodes]) if column.type != BOOLEAN else True
        if usual is not True:
            true[: null + 1, word] &= ~own
            if usual is False:
                maybe[: null + 1, word] &= ~own
        for value in own_values:
            at = named[value]
            position = bool(value) if column.type == BOOLEAN else at
            found = _truth([truth_at(node, position, places) for node in nodes])
            _set(true, at, word, own, found is True)
            _set(maybe, at, word, own, found is not False)
        found = _truth([truth_at(node, None, places) for node in nodes])
        _set(true, null, word, own, found is True)
        _set(maybe, null, word, own, found is not False)
    classes = np.array([*(named.get(value, other) for value in column.dictionary), null], np.intp)
    if len(classes) <= DIRECT:  # the code itself is the place
        return Placing(lambda stretch: column.codes[stretch.rows], true[classes], maybe[classes])
    return Placing(lambda stretch: classes[column.codes[stretch.rows]], true, maybe)


def place_scaled(column: Scaled, by_row: ByRow, count: int) -> Placing | None:
    """What is ordered: places between the cuts at which some clause changes. None where a constant has no place."""
    edges: dict[Value, tuple[int, int]] = {}
    for nodes in by_row.values():
        for node in nodes:
            for value in constants(node):
                bound = exact_bound(column.type, value, column.scale)
                if bound is None:
                    return None
                edges[value] = (bound[0], bound[0] + 1) if bound[1] else (bound[0] + 1, bound[0] + 1)
    cuts = sorted({edge for pair in edges.values() for edge in pair if INT64_LOW < edge <= INT64_HIGH})
    flips_true = np.zeros((len(cuts) + 1, words_for(count)), np.uint64)
    flips_maybe = np.zeros_like(flips_true)
    null_true, null_maybe = everything(count), everything(count)
    for row, nodes in by_row.items():
        word, own = bit(row)
        own_values: list[Any] = sorted(set().union(*map(constants, nodes)))
        spots: Mapping[Value, int] = {value: 2 * at + 1 for at, value in enumerate(own_values)}
        starts = [(INT64_LOW, 0)]
        for value in own_values:
            at, above = edges[value]
            starts += [(at, spots[value]), (above, spots[value] + 1)]
        before = (True, True)
        for index, (start, spot) in enumerate(starts):
            if index + 1 < len(starts) and starts[index + 1][0] <= max(start, INT64_LOW):
                continue  # no whole number is there
            if start > INT64_HIGH:
                break
            truth = _truth([truth_at(node, spot, spots) for node in nodes])
            now = (truth is True, truth is not False)
            place = 0 if start <= INT64_LOW else bisect_right(cuts, start)
            if now[0] != before[0]:
                flips_true[place, word] ^= own
            if now[1] != before[1]:
                flips_maybe[place, word] ^= own
            before = now
        truth = _truth([truth_at(node, None, spots) for node in nodes])
        if truth is not True:
            null_true[word] &= ~own
            if truth is False:
                null_maybe[word] &= ~own
    true = np.bitwise_xor.accumulate(flips_true, axis=0) ^ everything(count)
    maybe = np.bitwise_xor.accumulate(flips_maybe, axis=0) ^ everything(count)
    kept = [0, *(at for at in range(1, len(true)) if flips_true[at].any() or flips_maybe[at].any())]
    edges_kept = np.array([cuts[at - 1] for at in kept[1:]], np.int64)
    return _placed(column, edges_kept, np.vstack([true[kept], null_true]), np.vstack([maybe[kept], null_maybe]))


def _placed(column: Scaled, cuts: Ints, true: Words, maybe: Words) -> Placing:
    """How places are found: by the value itself, by a bucket and a few comparisons, or by bisection."""
    low, high = column.bounds
    null = len(cuts) + 1
    if high - low < DIRECT and len(column) > high - low:
        places = np.searchsorted(cuts, np.arange(low, high + 1, dtype=np.int64), side="right")
        places = np.append(places, null)
        absent = high - low + 1

        def by_value(stretch: Stretch) -> NDArray[Any]:
            found = column.values[stretch.rows] - np.int64(low)
            return _emptied(found, column.nulls, stretch, absent)

        return Placing(by_value, true[places], maybe[places])
    find = _bucketed(cuts, low, high) or (lambda values: np.searchsorted(cuts, values, side="right"))

    def by_cut(stretch: Stretch) -> NDArray[Any]:
        return _emptied(find(column.values[stretch.rows]), column.nulls, stretch, null)

    return Placing(by_cut, true, maybe)


def _emptied(places: NDArray[Any], nulls: Bools | None, stretch: Stretch, null: int) -> NDArray[Any]:
    if nulls is not None:
        np.copyto(places, null, where=nulls[stretch.rows])
    return places


def _bucketed(cuts: Ints, low: int, high: int) -> Callable[[Ints], Codes] | None:
    """The number of cuts at or below a value: those before its bucket, and a comparison for each within."""
    if high == INT64_HIGH:
        return None
    shift = max(0, (high - low).bit_length() - BUCKETS.bit_length() + 1)
    starts = [low + (bucket << shift) for bucket in range(((high - low) >> shift) + 2)]
    listed = cuts.tolist()
    before = [bisect_right(listed, start) for start in starts[:-1]]
    most = max(
        (bisect_left(listed, end) - begun for begun, end in zip(before, starts[1:], strict=True)),
        default=0,
    )
    if most > MOST_IN_A_BUCKET:
        return None
    first = np.array(before, np.intp)
    bounds = np.append(cuts, INT64_HIGH)
    base, by = np.uint64(low % 2**WORD), np.uint64(shift)

    def find(values: Ints) -> Codes:
        found = first[((values.view(np.uint64) - base) >> by).astype(np.intp)]
        for _ in range(most):
            found += values >= bounds[found]
        return found

    return find


def _truth(items: Sequence[bool | None]) -> bool | None:
    return False if False in items else None if None in items else True


def _set(table: Words, place: int, word: int, own: np.uint64, value: bool) -> None:  # noqa: FBT001  # the bit itself
    if value:
        table[place, word] |= own
    else:
        table[place, word] &= ~own
