"""The functions that relate points and ranges to each other: `before`, `meets`, `overlaps` and the like.

They are as the standard's table defines them. A point is any ordered value; both arguments must be of one kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.feel.standard.operations import compare, kind_of
from engine.feel.values import Fault, Range


def _less(left: Any, right: Any) -> bool:
    found = compare("<", left, right)
    if found is None:
        raise Fault("feel.wrong_type", f"a {kind_of(left)} and a {kind_of(right)} have no order")
    return found


def _equal(left: Any, right: Any) -> bool:
    return not _less(left, right) and not _less(right, left)


def _ranges(*values: Any) -> None:
    if not all(isinstance(value, Range) for value in values):
        raise Fault("feel.wrong_type", "the function takes ranges")


def before(a: Any, b: Any) -> bool:
    """Whether `a` ends before `b` begins."""
    end, end_closed = (a.high, a.high_closed) if isinstance(a, Range) else (a, True)
    start, start_closed = (b.low, b.low_closed) if isinstance(b, Range) else (b, True)
    return _less(end, start) or (not (end_closed and start_closed) and _equal(end, start))


def after(a: Any, b: Any) -> bool:
    """Whether `a` begins after `b` ends."""
    return before(b, a)


def meets(a: Any, b: Any) -> bool:
    """Whether `a` ends where `b` begins, both including that point."""
    _ranges(a, b)
    return a.high_closed and b.low_closed and _equal(a.high, b.low)


def met_by(a: Any, b: Any) -> bool:
    """`meets` the other way round."""
    return meets(b, a)


def overlaps(a: Any, b: Any) -> bool:
    """Whether the two have a point in common."""
    _ranges(a, b)
    return not before(a, b) and not before(b, a)


def _starts_first(a: Range, b: Range) -> bool:
    return _less(a.low, b.low) or (_equal(a.low, b.low) and a.low_closed and not b.low_closed)


def _ends_first_or_with(a: Range, b: Range) -> bool:
    return _less(a.high, b.high) or (_equal(a.high, b.high) and (not a.high_closed or b.high_closed))


def overlaps_before(a: Any, b: Any) -> bool:
    """Whether `a` begins first and ends within `b`."""
    _ranges(a, b)
    return _starts_first(a, b) and not before(a, b) and _ends_first_or_with(a, b)


def overlaps_after(a: Any, b: Any) -> bool:
    """Whether `a` begins within `b` and ends last."""
    _ranges(a, b)
    ends_last = _less(b.high, a.high) or (_equal(b.high, a.high) and a.high_closed and not b.high_closed)
    starts_within = _less(b.low, a.low) or (_equal(b.low, a.low) and (b.low_closed or not a.low_closed))
    return starts_within and not before(b, a) and ends_last


def finishes(a: Any, b: Any) -> bool:
    """Whether `a` ends where `b` ends, and begins no earlier."""
    _ranges(b)
    if not isinstance(a, Range):
        return b.high_closed and _equal(a, b.high)
    ends = a.high_closed == b.high_closed and _equal(a.high, b.high)
    return ends and (_less(b.low, a.low) or (_equal(a.low, b.low) and (not a.low_closed or b.low_closed)))


def finished_by(a: Any, b: Any) -> bool:
    """`finishes` the other way round."""
    return finishes(b, a)


def includes(a: Any, b: Any) -> bool:
    """Whether everything in `b` lies in `a`."""
    _ranges(a)
    low, low_closed, high, high_closed = (
        (b.low, b.low_closed, b.high, b.high_closed) if isinstance(b, Range) else (b, True, b, True)
    )
    starts = _less(a.low, low) or (_equal(a.low, low) and (a.low_closed or not low_closed))
    return starts and (_less(high, a.high) or (_equal(a.high, high) and (a.high_closed or not high_closed)))


def during(a: Any, b: Any) -> bool:
    """`includes` the other way round."""
    return includes(b, a)


def starts(a: Any, b: Any) -> bool:
    """Whether `a` begins where `b` begins, and ends no later."""
    _ranges(b)
    if not isinstance(a, Range):
        return b.low_closed and _equal(a, b.low)
    return a.low_closed == b.low_closed and _equal(a.low, b.low) and _ends_first_or_with(a, b)


def started_by(a: Any, b: Any) -> bool:
    """`starts` the other way round."""
    return starts(b, a)


def coincides(a: Any, b: Any) -> bool:
    """Whether the two are the same point or the same range."""
    if isinstance(a, Range) != isinstance(b, Range):
        raise Fault("feel.wrong_type", "the function takes two points or two ranges")
    if not isinstance(a, Range):
        return _equal(a, b)
    closed = (a.low_closed, a.high_closed) == (b.low_closed, b.high_closed)
    return closed and _equal(a.low, b.low) and _equal(a.high, b.high)


RELATIONS: Final[Mapping[str, tuple[tuple[str, ...], Callable[[Any, Any], bool]]]] = {
    "before": (("point1, point2", "range1, range2", "point, range", "range, point"), before),
    "after": (("point1, point2", "range1, range2", "point, range", "range, point"), after),
    "meets": (("range1, range2",), meets),
    "met by": (("range1, range2",), met_by),
    "overlaps": (("range1, range2",), overlaps),
    "overlaps before": (("range1, range2",), overlaps_before),
    "overlaps after": (("range1, range2",), overlaps_after),
    "finishes": (("point, range", "range1, range2"), finishes),
    "finished by": (("range, point", "range1, range2"), finished_by),
    "includes": (("range, point", "range1, range2"), includes),
    "during": (("point, range", "range1, range2"), during),
    "starts": (("point, range", "range1, range2"), starts),
    "started by": (("range, point", "range1, range2"), started_by),
    "coincides": (("point1, point2", "range1, range2"), coincides),
}
"""Each relation with the names that its two arguments may be given by."""
