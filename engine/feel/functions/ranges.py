"""The functions that relate points and ranges to each other, as the standard's table defines them, and `range`.

A point is any ordered value. An end that is null is open to that side without end, so that `(< 10)` begins before
everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.feel.functions.range_text import range_from
from engine.feel.functions.signature import Builtin, form, function, one_order
from engine.feel.operations import Operations, article
from engine.feel.types import ANY, RangeType
from engine.feel.values import Fault, Range

_POINTS: Final = ("point1, point2", "range1, range2", "point, range", "range, point")
FORMS: Final[Mapping[str, tuple[str, ...]]] = {
    "before": _POINTS,
    "after": _POINTS,
    "meets": ("range1, range2",),
    "met by": ("range1, range2",),
    "overlaps": ("range1, range2",),
    "overlaps before": ("range1, range2",),
    "overlaps after": ("range1, range2",),
    "finishes": ("point, range", "range1, range2"),
    "finished by": ("range, point", "range1, range2"),
    "includes": ("range, point", "range1, range2"),
    "during": ("point, range", "range1, range2"),
    "starts": ("point, range", "range1, range2"),
    "started by": ("range, point", "range1, range2"),
    "coincides": ("point1, point2", "range1, range2"),
}
"""Each relation with the names that its two arguments may be given by."""


def ranges(operations: Operations) -> tuple[Builtin, ...]:
    """The functions of this module over a mode's values."""
    relations = _Relations(operations)
    calls: Mapping[str, Callable[[Any, Any], bool]] = {
        "before": relations.before,
        "after": _turned(relations.before),
        "meets": relations.meets,
        "met by": _turned(relations.meets),
        "overlaps": relations.overlaps,
        "overlaps before": relations.overlaps_before,
        "overlaps after": relations.overlaps_after,
        "finishes": relations.finishes,
        "finished by": _turned(relations.finishes),
        "includes": relations.includes,
        "during": _turned(relations.includes),
        "starts": relations.starts,
        "started by": _turned(relations.starts),
        "coincides": relations.coincides,
    }
    return (
        function("range", "from: string", RangeType(ANY), lambda text: range_from(text, operations)),
        *(
            Builtin(name, tuple(form(_typed(names), one_order, calls[name]) for names in forms))
            for name, forms in FORMS.items()
        ),
    )


def _typed(names: str) -> str:
    return ", ".join(f"{name}: {'range' if 'range' in name else 'point'}" for name in names.split(", "))


def _turned(call: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda a, b: call(b, a)


def _as_range(value: Any) -> Range:
    return value if isinstance(value, Range) else Range(value, value)


class _Relations:
    """The relations over one mode's order. Each raises `Fault` for what has no order."""

    def __init__(self, operations: Operations) -> None:
        self.operations = operations

    def less(self, left: Any, right: Any) -> bool:
        found = self.operations.order("<", left, right)
        if found is None:
            kinds = " and ".join(article(self.operations.kind_of(value)) for value in (left, right))
            raise Fault("feel.wrong_type", f"{kinds} have no order")
        return found

    def by_value(self, left: Any, right: Any) -> int:
        return -1 if self.less(left, right) else int(self.less(right, left))

    def by_start(self, a: Range, b: Range) -> int:
        """Below 0 when `a` begins first, 0 when both begin at the same point."""
        if a.low is None or b.low is None:
            return (a.low is not None) - (b.low is not None)
        return self.by_value(a.low, b.low) or b.low_closed - a.low_closed

    def by_end(self, a: Range, b: Range) -> int:
        """Below 0 when `a` ends first, 0 when both end at the same point."""
        if a.high is None or b.high is None:
            return (a.high is None) - (b.high is None)
        return self.by_value(a.high, b.high) or a.high_closed - b.high_closed

    def before(self, a: Any, b: Any) -> bool:
        """Whether `a` ends before `b` begins."""
        one, two = _as_range(a), _as_range(b)
        if one.high is None or two.low is None:
            return False
        apart = self.by_value(one.high, two.low)
        return apart < 0 or (apart == 0 and not (one.high_closed and two.low_closed))

    def meets(self, a: Range, b: Range) -> bool:
        """Whether `a` ends where `b` begins, both including that point."""
        if a.high is None or b.low is None:
            return False
        return self.by_value(a.high, b.low) == 0 and a.high_closed and b.low_closed

    def overlaps(self, a: Range, b: Range) -> bool:
        """Whether the two have a point in common."""
        return not self.before(a, b) and not self.before(b, a)

    def overlaps_before(self, a: Range, b: Range) -> bool:
        """Whether `a` begins first and ends within `b`."""
        return self.by_start(a, b) < 0 and not self.before(a, b) and self.by_end(a, b) <= 0

    def overlaps_after(self, a: Range, b: Range) -> bool:
        """Whether `a` begins within `b` and ends last."""
        return self.by_start(b, a) <= 0 and not self.before(b, a) and self.by_end(b, a) < 0

    def finishes(self, a: Any, b: Range) -> bool:
        """Whether `a` ends where `b` ends, and begins no earlier."""
        one = _as_range(a)
        return self.by_end(one, b) == 0 and self.by_start(b, one) <= 0

    def includes(self, a: Range, b: Any) -> bool:
        """Whether everything in `b` lies in `a`."""
        inner = _as_range(b)
        return self.by_start(a, inner) <= 0 and self.by_end(inner, a) <= 0

    def starts(self, a: Any, b: Range) -> bool:
        """Whether `a` begins where `b` begins, and ends no later."""
        one = _as_range(a)
        return self.by_start(one, b) == 0 and self.by_end(one, b) <= 0

    def coincides(self, a: Any, b: Any) -> bool:
        """Whether the two are the same point or the same range."""
        one, two = _as_range(a), _as_range(b)
        return self.by_start(one, two) == 0 and self.by_end(one, two) == 0
