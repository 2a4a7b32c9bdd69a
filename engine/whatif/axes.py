"""The values a fact may take in a nearest change: one for each position that the conditions divide its values into.

`docs/nearest-change.md` states the measure. Of the values in a position the nearest to the fact's own one stands for
all: they behave alike, so no other can be a smaller change.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, cast

from engine.feel.types import BOOLEAN, DATE, DATE_TIME, STRING, Type
from engine.feel.values import Value
from engine.whatif.scales import SCALED, Scale, distance

PROBES: Final = 44
"""Doublings that a probe takes to each side of a fact's value."""
INFINITE: Final = 10**400
"""Farther than any grid point."""
MAX_PROBED: Final = 12
"""Changes that are followed to each side."""

Facts = Mapping[str, Any]
Signature = Callable[[Facts], Hashable]


@dataclass(frozen=True, slots=True)
class Subject:
    """A fact that may be changed, as its schema describes it."""

    path: tuple[str, ...]
    type: Type
    whole: bool = False
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    enum: tuple[Any, ...] | None = None

    @property
    def name(self) -> str:
        """The dotted path."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Another value of a fact: `crossed` positions away, at a `distance` from 0 to 1; lower is nearer."""

    crossed: int
    distance: Fraction
    value: Any


@dataclass(frozen=True, slots=True)
class Axis:
    """One fact with the values that it may take, nearest first. `exact`: no nearer value behaves otherwise."""

    name: str
    before: Any
    candidates: tuple[Candidate, ...]
    change: Callable[[Facts, Any], dict[str, Any]]
    exact: bool = True


def at_path(facts: Facts, path: Sequence[str]) -> Any:
    """The value at a path, None where there is none."""
    value: Any = facts
    for step in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def changed(facts: Facts, path: Sequence[str], value: Any) -> dict[str, Any]:
    """The facts with another value at a path whose groups exist."""
    if len(path) == 1:
        return {**facts, path[0]: value}
    return {**facts, path[0]: changed(facts[path[0]], path[1:], value)}


def axis(
    subject: Subject, facts: Facts, constants: set[Value], signature: Signature | None, at: dt.datetime
) -> Axis | None:
    """The axis of a fact; None for one that cannot be changed.

    `signature` tells how the conditions that compute with the fact come out; None where there are none. `at` is the
    instant of the decision.
    """
    path = subject.path
    if len(path) > 1 and not isinstance(at_path(facts, path[:-1]), Mapping):
        return None  # a fact of a group that is not given
    before = at_path(facts, path)
    values: Iterator[tuple[int, Any]]
    if subject.type == BOOLEAN:
        values = ((1, value) for value in (True, False))
    elif subject.enum is not None:
        values = ((1, value) for value in subject.enum)
    elif subject.type == STRING:
        values = ((1, value) for value in sorted(cast("set[str]", constants)))
    elif subject.type in SCALED:
        values = _Line(subject, facts, before, constants=constants, signature=signature, at=at).values()
    else:
        return None
    found: dict[Any, Candidate] = {}
    for crossed, value in values:
        if value != before and value not in found:
            found[value] = Candidate(crossed if before is not None else 1, distance(before, value), value)
    ordered = sorted(found.values(), key=lambda each: (each.crossed, each.distance))

    def change(given: Facts, value: Any) -> dict[str, Any]:
        return changed(given, path, value)

    return Axis(subject.name, before, tuple(ordered), change, exact=signature is None or subject.type not in SCALED)


class _Line:
    """An ordered fact's positions: at each constant, between neighbours, and beyond the ends."""

    def __init__(
        self,
        subject: Subject,
        facts: Facts,
        before: Any,
        *,
        constants: set[Value],
        signature: Signature | None,
        at: dt.datetime,
    ) -> None:
        known = [*constants, before]
        self.at = at
        self.subject, self.facts, self.before, self.signature = subject, facts, before, signature
        self.scale = Scale.of(subject.type, known, whole=subject.whole)
        self.bounds: list[Any] = sorted(cast("set[Any]", constants))
        self.lowest = None if subject.minimum is None else -self.scale.floor(-subject.minimum)
        self.highest = None if subject.maximum is None else self.scale.floor(subject.maximum)

    def values(self) -> Iterator[tuple[int, Any]]:
        """Positions away and value, for every other position that holds one."""
        for crossed, index in (*self._positions(), *self._probed()):
            inside = self.lowest is None or index >= self.lowest
            if inside and (self.highest is None or index <= self.highest):
                value = self.scale.value(index, self.before)
                if value is not None:
                    yield crossed, value

    def _position(self, value: Any) -> int:
        at = bisect_left(self.bounds, value)
        return 2 * at + (1 if at < len(self.bounds) and self.bounds[at] == value else 0)

    def _positions(self) -> Iterator[tuple[int, int]]:
        scale, bounds, last = self.scale, self.bounds, 2 * len(self.bounds)
        own = None if self.before is None else self._position(self.before)
        if own is None and not bounds:
            yield 1, self._start()  # that anything is known may matter
        for position in range(last + 1 if bounds else 0):
            at = position // 2
            if position == own:
                continue
            if position % 2:
                if scale.on_grid(bounds[at]):
                    yield abs(position - (own or 0)), scale.floor(bounds[at])
            elif position > (own if own is not None else 0):
                index = max(scale.above(bounds[at - 1]), self.lowest if self.lowest is not None else -INFINITE)
                value = scale.value(index)
                if value is not None and (position == last or value < bounds[at]):
                    yield abs(position - (own or 0)), index
            else:
                index = min(scale.below(bounds[at]), self.highest if self.highest is not None else INFINITE)
                value = scale.value(index)
                if value is not None and (position == 0 or value > bounds[at - 1]):
                    yield abs(position - (own or 0)), index

    def _probed(self) -> Iterator[tuple[int, int]]:
        """Where the conditions that compute with the fact begin to come out otherwise, to either side."""
        if self.signature is None:
            return
        start = self._start()
        if self.before is None:
            yield 1, start
        for sign in (1, -1):
            last, count = start, 0
            for doubling in range(PROBES):
                reach = start + sign * 2**doubling
                if self.lowest is not None:
                    reach = max(reach, self.lowest)
                if self.highest is not None:
                    reach = min(reach, self.highest)
                while count < MAX_PROBED and reach != last and self._signed(reach) != self._signed(last):
                    last = self._first_change(last, reach)
                    count += 1
                    crossed = count if self.before is None else abs(self._place(last) - self._place(start)) + count
                    yield crossed, last
                if reach == last or count == MAX_PROBED or self.scale.value(reach) is None:
                    break
                last = reach

    def _start(self) -> int:
        if self.before is not None:
            return self.scale.floor(self.before)
        if self.bounds:
            return self.scale.floor(self.bounds[0])
        if self.subject.type in {DATE, DATE_TIME}:
            return self.scale.floor(self.at if self.subject.type == DATE_TIME else self.at.date())
        start = max(0, self.lowest if self.lowest is not None else 0)
        return start if self.highest is None else min(start, self.highest)

    def _place(self, index: int) -> int:
        return self._position(self.scale.value(index, self.before)) if self.bounds else 0

    def _signed(self, index: int) -> Hashable:
        value = self.scale.value(index, self.before)
        if value is None or self.signature is None:
            return None
        return self.signature(changed(self.facts, self.subject.path, value))

    def _first_change(self, near: int, far: int) -> int:
        """The grid point nearest to `near` from which on it comes out otherwise; taken to change once."""
        same = self._signed(near)
        while abs(far - near) > 1:
            middle = (near + far) // 2
            if self._signed(middle) == same:
                near = middle
            else:
                far = middle
        return far
