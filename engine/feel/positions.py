"""A fact's values as finitely many positions: at and between the constants that conditions compare it with.

Within one position all values behave alike for every indexable condition over these constants (`clauses.indexable`),
so whatever holds at one value of each position holds for all values. Positions no value has, because of the fact's
domain (`engine.feel.domains`), are known as such: between 10 and 11 lies no whole number.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any, Final, cast

from engine.feel import ir
from engine.feel.clauses import INDEXED_ORDERED, Outline, constants, indexable, outline, stretches, truth_at
from engine.feel.domains import ANYTHING, Domain, allows, sample, text_beside
from engine.feel.limits import NUMBER_DIGITS
from engine.feel.types import BOOLEAN, STRING
from engine.feel.values import Value, YearMonthDuration

Runs = tuple[tuple[int, int], ...]
"""Half-open stretches of positions, ascending and apart."""

_WIDE: Final = Context(prec=200)
_ROUNDINGS: Final = tuple(Context(prec=digits) for digits in range(1, NUMBER_DIGITS + 1))


@dataclass(frozen=True, slots=True)
class Positions:
    """The positions of one fact.

    `values` has a value for each position; those that no value has are not among `possible`, which ascends. `null`,
    where the fact may be null, is the last one. `bounds` are the constants in order; where `is_ordered`, position
    `2 * i + 1` is at `bounds[i]` and the even ones lie between, else position `i` is at `bounds[i]` unless the fact has
    an enum, whose values the positions then are.
    """

    fact: ir.Fact
    bounds: tuple[Value, ...]
    is_ordered: bool
    values: tuple[Value, ...]
    possible: tuple[int, ...]
    null: int | None
    _tests: tuple[Any, ...]
    _places: Mapping[Value, int]

    @classmethod
    def of(cls, fact: ir.Fact, named: set[Value], domain: Domain = ANYTHING) -> Positions:
        """The positions of a fact that is compared with the `named` constants."""
        is_ordered = False
        places: Mapping[Value, int]
        values: list[Value]
        tests: list[Any]
        if fact.type == BOOLEAN:
            values, tests, places = [True, False], [True, False], {True: 1, False: 0}
            possible = [0, 1]
        elif fact.type == STRING:
            values, places, tests = _texts(fact, named, domain)
            possible = [at for at, value in enumerate(values) if value is not None and allows(domain, value)]
        elif fact.type not in INDEXED_ORDERED:  # no condition about it can be seen through, so its values are all alike
            values, tests, places, possible = [sample(fact.type, domain)], [0], {}, [0]
        else:
            is_ordered = True
            values, places = _ordered(fact, named, domain)
            tests = list(range(len(values)))
            possible = [at for at, value in enumerate(values) if value is not None]
        null = None
        if fact.nullable:
            null = len(values)
            possible.append(null)
            values, tests = [*values, None], [*tests, None]
        bounds = tuple(sorted(places, key=places.__getitem__)) if fact.type != BOOLEAN else ()
        return cls(fact, bounds, is_ordered, tuple(values), tuple(possible), null, tuple(tests), places)

    def truth(self, node: ir.Node, position: int) -> bool | None:
        """The truth of an indexable condition about this fact, over constants given to `of`, at a position."""
        return truth_at(node, self._tests[position], self._places)

    def runs(self, node: ir.Node) -> Runs:
        """Where such a condition is true."""
        if self.is_ordered and (drawn := outline(node)) is not None:
            return self.runs_of(drawn)
        size = len(self.values)
        named = constants(node)
        edges: Sequence[int] = range(size)
        if self.is_ordered:
            spots = {edge for constant in named for edge in (self._places[constant], self._places[constant] + 1)}
            edges = sorted({0, *spots} | ({self.null} if self.null is not None else set()))
        elif self.fact.type == STRING and self.fact.enum is None and len(named) < size - 1:
            spots = {edge for constant in named for edge in (self._places[constant], self._places[constant] + 1)}
            edges = sorted(spots | {0, size - (1 if self.null is None else 2), size - 1})
        found: list[tuple[int, int]] = []
        for at, spot in enumerate(edges):
            if self.truth(node, spot) is True:
                end = edges[at + 1] if at + 1 < len(edges) else size
                if found and found[-1][1] == spot:
                    found[-1] = (found[-1][0], end)
                else:
                    found.append((spot, end))
        return tuple(found)

    def runs_of(self, drawn: Outline) -> Runs:
        """Where a condition with this outline is true."""
        bounds, truths, of_null = drawn
        known = len(self.values) if self.null is None else self.null
        runs = stretches(bounds, truths, self._places, known)
        if of_null and self.null is not None:
            if runs and runs[-1][1] == known:
                runs[-1] = (runs[-1][0], known + 1)
            else:
                runs.append((known, known + 1))
        return tuple(runs)


def speaks_only_of(node: ir.Node, fact: ir.Fact) -> bool:
    """Whether a condition's truth depends on nothing but the fact's position."""
    if isinstance(node, ir.Const):
        return True
    about = indexable(node)
    return about is not None and about.path == fact.path


def _texts(fact: ir.Fact, named: set[Value], domain: Domain) -> tuple[list[Value], Mapping[Value, int], list[Any]]:
    texts: list[Value] = sorted(cast("set[Any]", named))
    places = {text: at for at, text in enumerate(texts)}
    if fact.enum is not None:
        return list(fact.enum), places, [places.get(value, -1) for value in fact.enum]
    return [*texts, text_beside(cast("set[str]", named), domain)], places, [*range(len(texts)), -1]


def _ordered(fact: ir.Fact, named: set[Value], domain: Domain) -> tuple[list[Value], Mapping[Value, int]]:
    """None stands where there is no value."""
    bounds: list[Any] = sorted(cast("set[Any]", named))
    values: list[Value] = []
    for spot in range(2 * len(bounds) + 1):
        at = spot // 2
        if spot % 2:
            value: Value = bounds[at] if allows(domain, bounds[at]) else None
            if fact.enum is not None and bounds[at] not in fact.enum:
                value = None
        else:
            low, high = bounds[at - 1] if at else None, bounds[at] if at < len(bounds) else None
            if fact.enum is not None:
                value = next((each for each in fact.enum if _is_between(low, each, high)), None)
            elif not bounds:
                value = sample(fact.type, domain)
            else:
                value = _between(low, high, domain)
        values.append(value)
    return values, {bound: 2 * at + 1 for at, bound in enumerate(bounds)}


def _is_between(low: Any, value: Any, high: Any) -> bool:
    return (low is None or low < value) and (high is None or value < high)


def _between(low: Any, high: Any, domain: Domain) -> Value:
    """Some value of the domain strictly between two bounds, None where there is none; a bound of None is open."""
    known = high if low is None else low
    if isinstance(known, Decimal):
        return _number_between(low, high, domain)
    if isinstance(known, YearMonthDuration):
        if low is None or high is None:
            return YearMonthDuration(known.months + (1 if high is None else -1))
        return YearMonthDuration((low.months + high.months) // 2) if high.months - low.months > 1 else None
    step = dt.timedelta(days=1) if isinstance(known, dt.date) else dt.timedelta(microseconds=1)
    try:
        value = known - step if low is None else known + step
    except OverflowError:
        return None
    return cast("Value", value) if _is_between(low, value, high) else None


def _number_between(low: Decimal | None, high: Decimal | None, domain: Domain) -> Decimal | None:
    if not domain.whole:
        if low is not None and high is None and domain.maximum is not None and low < domain.maximum:
            return _number_between(low, domain.maximum, domain) or domain.maximum
        if high is not None and low is None and domain.minimum is not None and domain.minimum < high:
            return domain.minimum
    some = _candidates(low, high, domain)
    return next((each for each in some if _is_between(low, each, high) and allows(domain, each)), None)


def _candidates(low: Decimal | None, high: Decimal | None, domain: Domain) -> Iterator[Decimal]:
    """Numbers that may lie between two bounds, the ones with the fewest digits first."""
    if low is None and high is not None:
        yield _WIDE.subtract(high, Decimal(1))
    elif high is None and low is not None:
        yield _WIDE.add(low, Decimal(1))
    elif low is not None and high is not None:
        middle = _WIDE.divide(_WIDE.add(low, high), Decimal(2))
        for rounding in _ROUNDINGS:
            yield rounding.plus(middle)
    yield from (bound for bound in (domain.minimum, domain.maximum) if bound is not None)
    if domain.whole and low is not None:
        yield _WIDE.add(low.to_integral_value("ROUND_FLOOR", _WIDE), Decimal(1))
    if domain.whole and high is not None:
        yield _WIDE.subtract(high.to_integral_value("ROUND_CEILING", _WIDE), Decimal(1))
