"""The search for the nearest change: iterative deepening over the number of facts, best first within a number.

For each number of facts, combinations of values come from one queue in the order of the measure (positions crossed,
then distance, then the order of facts and values), so the first that gives what is wanted is the nearest. Combinations
of facts that a bound of the rule kind rules out are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import heapify, heappop, heappush
from itertools import combinations
from typing import Any

from engine.whatif.axes import Axis, Candidate, Facts


class Options:
    """Some of an axis' candidates, nearest first, judged one by one when they are asked for.

    `first` is the place of the first that is accepted, where that is known already; it must accept it.
    """

    __slots__ = ("_accepts", "_candidates", "_found", "_next")

    def __init__(
        self, candidates: Sequence[Candidate], accepts: Callable[[Candidate], bool] | None = None, first: int = 0
    ) -> None:
        self._candidates = candidates
        self._accepts = accepts
        self._found: list[Candidate] = []
        self._next = first

    def at(self, place: int) -> Candidate | None:
        """The candidate at a place among the accepted, None behind the last."""
        if self._accepts is None:
            return self._candidates[place] if place < len(self._candidates) else None
        while len(self._found) <= place and self._next < len(self._candidates):
            candidate = self._candidates[self._next]
            self._next += 1
            if self._accepts(candidate):
                self._found.append(candidate)
        return self._found[place] if place < len(self._found) else None


Box = Sequence[Options]
"""For each of some axes, the candidates that are combined."""
Narrow = Callable[[Sequence[int]], Iterable[Box]]
"""The boxes worth searching where just these axes change. They must hold every combination that could do."""


@dataclass(frozen=True, slots=True)
class Found:
    """`changes` are the axes' indices with their candidates; empty if there was none. `cut`: steps ran out."""

    changes: tuple[tuple[int, Candidate], ...]
    facts: Mapping[str, Any]
    cut: bool
    tried: int


def search(
    axes: Sequence[Axis],
    facts: Facts,
    reaches: Callable[[Facts], bool],
    *,
    most: int,
    steps: int,
    narrow: Narrow,
) -> Found:
    """The nearest change of up to `most` facts for which `reaches` is true.

    `steps` limits what is tried for each number of facts; when they run out the next number is searched all the same,
    so a result after a cut is the best found.
    """
    tried, cut = 0, False
    for count in range(1, min(most, len(axes)) + 1):
        queue = _Queue(axes, count, narrow)
        for step, change in enumerate(queue):
            if step == steps:
                cut = True
                break
            tried += 1
            other = dict(facts)
            for index, candidate in change:
                other = axes[index].change(other, candidate.value)
            if reaches(other):
                return Found(change, other, cut, tried)
    return Found((), facts, cut, tried)


class _Queue:
    """All combinations of one candidate for each of `count` axes, nearest first."""

    def __init__(self, axes: Sequence[Axis], count: int, narrow: Narrow) -> None:
        chosen_boxes = ((chosen, box) for chosen in combinations(range(len(axes)), count) for box in narrow(chosen))
        self._boxes = list(chosen_boxes)

    def __iter__(self) -> Iterator[tuple[tuple[int, Candidate], ...]]:
        queue: list[_Entry] = []
        for at, (chosen, box) in enumerate(self._boxes):
            picked = [options.at(0) for options in box]
            if None not in picked:
                queue.append(_entry(at, (0,) * len(chosen), 0, picked))
        heapify(queue)
        while queue:
            _, _, at, picks, last = heappop(queue)
            chosen, box = self._boxes[at]
            picked = [options.at(pick) for options, pick in zip(box, picks, strict=True)]
            yield tuple((index, each) for index, each in zip(chosen, picked, strict=True) if each is not None)
            # Each combination is made once: from the one before it in the last place that has moved.
            for place in range(last, len(picks)):
                following = box[place].at(picks[place] + 1)
                if following is not None:
                    after = (*picks[:place], picks[place] + 1, *picks[place + 1 :])
                    heappush(queue, _entry(at, after, place, [*picked[:place], following, *picked[place + 1 :]]))


_Entry = tuple[int, Fraction, int, tuple[int, ...], int]


def _entry(at: int, picks: tuple[int, ...], last: int, picked: Sequence[Candidate | None]) -> _Entry:
    known = [each for each in picked if each is not None]
    return sum(each.crossed for each in known), sum((each.distance for each in known), Fraction(0)), at, picks, last
