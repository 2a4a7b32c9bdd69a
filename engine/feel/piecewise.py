"""Numbers that are a straight line between thresholds, as one look-up and one multiplication with addition.

Banded rates are written as sums of bands, `(if amount > 10000 then (min(amount, 25000) - 10000) * 0.03 else 0) + ...`:
one number is read, compared with constants, and only added, subtracted and multiplied by constants. Between two
neighbouring thresholds such an expression is `slope * x + constant`, and both are known when the rule is loaded.

The answer must be the one of the interpreter, digit for digit, which rounds every step to 34 digits. It is when no step
rounds, and that is decided like this. A value `v` written with the exponent `e` has `|v| < 10^(digits + e)`. Slopes and
constants are folded with the operators' own decimals, so `slope * x + constant` gets the exponent `E = min(e + a, b)`
that the steps together give (`e`, `a`, `b` those of x, slope and constant), and a step `i` has `E_i = min(e + a_i,
b_i)`, hence `E_i - E >= min(a_i - a, b_i - b)`. With `q_i` the largest quotient of the step's size by the result's on
the piece, a result that fits in `p <= 34 + min(a_i - a, b_i - b) - log10(q_i)` digits proves that the step fits in 34.
So each piece is computed in a context of that many digits which traps any rounding; what is trapped, a zero (whose sign
depends on the steps) and amounts beyond `LIMIT` take the steps one by one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import (
    ROUND_HALF_EVEN,
    Clamped,
    Context,
    Decimal,
    DecimalException,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    Rounded,
    Subnormal,
    Underflow,
)
from fractions import Fraction
from typing import Final, NamedTuple

from engine.feel import ir
from engine.feel.clauses import constants, indexable, truth_at
from engine.feel.limits import NUMBER_DIGITS
from engine.feel.types import NUMBER
from engine.feel.values import Value

LIMIT: Final = Decimal(10) ** 24
"""Larger numbers take the steps one by one."""
LEAST_STEPS: Final = 3
"""Fewer operators than these cost no more than the look-up."""
MOST_BOUNDS: Final = 64
MOST_NODES: Final = 1_000
LEAST_DIGITS: Final = 18
"""A piece that is only proved for shorter numbers takes the steps one by one."""

_TRAPS: Final = [
    Clamped,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    Rounded,
    Subnormal,
    Underflow,
]
_FOLDING: Final = Context(prec=10 * NUMBER_DIGITS, rounding=ROUND_HALF_EVEN, Emin=-999, Emax=999, traps=_TRAPS)
_EXACTLY: Final[Mapping[int, Context]] = {
    digits: Context(prec=digits, rounding=ROUND_HALF_EVEN, Emin=-999, Emax=999, traps=_TRAPS)
    for digits in range(LEAST_DIGITS, NUMBER_DIGITS + 1)
}
_NOTHING: Final = Decimal("0E+999")
"""Added to a product it changes neither its value nor its exponent."""

Plain = Callable[[Decimal], Decimal]


class _Line(NamedTuple):
    """`slope * x + constant`; None where there is no such part, which a zero is not: zeros have exponents."""

    slope: Decimal | None
    constant: Decimal | None


class _Piece(NamedTuple):
    """The line of one piece, and up to how many digits it is proved; without digits it is a constant or not proved."""

    slope: Decimal | None
    constant: Decimal | None
    context: Context | None


_UNPROVED: Final = _Piece(None, None, None)


class _NotStraightError(Exception):
    """The expression is no line here."""


def straight_pieces(node: ir.Node) -> tuple[ir.Fact, Callable[[Plain], Plain]] | None:
    """The number an expression reads, and what makes its quick form out of its plain one; None where it has none."""
    nodes = list(_up_to(ir.walk(node), MOST_NODES + 1))
    facts = {found.path: found for found in nodes if isinstance(found, ir.Fact)}
    steps = sum(isinstance(found, ir.Arithmetic | ir.If | ir.Call) for found in nodes)
    if len(nodes) > MOST_NODES or steps < LEAST_STEPS or len(facts) != 1 or node.type != NUMBER:
        return None
    (fact,) = facts.values()
    if fact.type != NUMBER or fact.nullable:
        return None
    bounds = sorted({bound for found in nodes for bound in _thresholds(found)})
    if not 1 <= len(bounds) <= MOST_BOUNDS:
        return None
    places: dict[Value, int] = {bound: 2 * at + 1 for at, bound in enumerate(bounds)}
    try:
        folded = [_folded(node, spot, places) for spot in range(2 * len(bounds) + 1)]
    except (_NotStraightError, DecimalException):
        return None
    ends = [-LIMIT, *bounds, LIMIT]
    if ends != sorted(ends):
        return None
    pieces = []
    for spot, (line, made) in enumerate(folded):
        low, high = (ends[spot // 2], ends[spot // 2 + 1]) if spot % 2 == 0 else (bounds[spot // 2],) * 2
        pieces.append(_proved(line, made, Fraction(low), Fraction(high)))
    if all(piece is _UNPROVED for piece in pieces):
        return None
    return fact, lambda plain: _quick(ends, pieces, plain)


def _up_to(nodes: Iterator[ir.Node], count: int) -> Iterator[ir.Node]:
    for node, _ in zip(nodes, range(count), strict=False):
        yield node


def _thresholds(node: ir.Node) -> set[Decimal]:
    if isinstance(node, ir.If) and indexable(node.condition):
        return {bound for bound in constants(node.condition) if isinstance(bound, Decimal)}
    if isinstance(node, ir.Call) and node.name in {"min", "max"}:
        return {part.value for part in node.arguments if isinstance(part, ir.Const) and isinstance(part.value, Decimal)}
    return set()


def _folded(node: ir.Node, spot: int, places: Mapping[Value, int]) -> tuple[_Line, list[_Line]]:
    """The line where x lies at `spot`, and those of all steps that compute it."""
    steps: list[_Line] = []

    def fold(node: ir.Node) -> _Line:
        if isinstance(node, ir.Const) and isinstance(node.value, Decimal):
            return _Line(None, node.value)
        if isinstance(node, ir.Fact):
            return _Line(Decimal(1), None)
        if isinstance(node, ir.If) and indexable(node.condition):
            return fold(node.yes if truth_at(node.condition, spot, places) is True else node.no)
        if isinstance(node, ir.Call) and node.name in {"min", "max"} and len(node.arguments) > 1:
            return fold(_extreme(node, spot, places))
        if isinstance(node, ir.Arithmetic) and node.op in {"+", "-", "*"}:
            left, right = fold(node.left), fold(node.right)
            steps.append(_product(left, right) if node.op == "*" else _sum(left, right, node.op))
            return steps[-1]
        raise _NotStraightError

    return fold(node), steps


def _extreme(node: ir.Call, spot: int, places: Mapping[Value, int]) -> ir.Node:
    """The argument that `min` or `max` takes: x itself or a constant; of equal ones the first."""

    def lies(part: ir.Node) -> int:
        if isinstance(part, ir.Fact):
            return spot
        if isinstance(part, ir.Const) and part.value is not None:
            return places[part.value]
        raise _NotStraightError

    return (min if node.name == "min" else max)(node.arguments, key=lies)


def _sum(left: _Line, right: _Line, op: str) -> _Line:
    compute = _FOLDING.add if op == "+" else _FOLDING.subtract

    def part(a: Decimal | None, b: Decimal | None) -> Decimal | None:
        if b is None:
            return a
        if a is None:
            return b if op == "+" else b.copy_negate()
        return compute(a, b)

    return _Line(part(left.slope, right.slope), part(left.constant, right.constant))


def _product(left: _Line, right: _Line) -> _Line:
    line, factor = (left, right.constant) if right.slope is None else (right, left.constant)
    if factor is None or (left.slope is not None and right.slope is not None):
        raise _NotStraightError
    slope, constant = (None if part is None else _FOLDING.multiply(part, factor) for part in line)
    return _Line(slope, constant)


def _proved(line: _Line, steps: Sequence[_Line], low: Fraction, high: Fraction) -> _Piece:
    if line.slope is None:
        if any(step.slope is not None or not _fits(step.constant) for step in (line, *steps)):
            return _UNPROVED
        return _Piece(None, line.constant, None)
    digits = NUMBER_DIGITS
    for step in steps:
        quotient = _largest_quotient(step, line, low, high)
        if quotient is None:
            return _UNPROVED
        finer = 0
        for own, whole in zip(step, line, strict=True):
            if own is not None:
                if whole is None:
                    return _UNPROVED
                finer = max(finer, _exponent(whole) - _exponent(own))
        digits = min(digits, NUMBER_DIGITS - finer - _magnitude(quotient))
    if digits < LEAST_DIGITS:
        return _UNPROVED
    return _Piece(line.slope, _NOTHING if line.constant is None else line.constant, _EXACTLY[digits])


def _fits(constant: Decimal | None) -> bool:
    return constant is None or len(constant.as_tuple().digits) <= NUMBER_DIGITS


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise TypeError("rules have no infinite numbers")
    return exponent


def _magnitude(quotient: Fraction) -> int:
    """The smallest `n >= 0` with `quotient <= 10^n`."""
    found = 0
    while quotient > 10**found:
        found += 1
    return found


def _largest_quotient(step: _Line, line: _Line, low: Fraction, high: Fraction) -> Fraction | None:
    """The largest |step / line| for x from low to high; None where the line crosses zero before the step does.

    A quotient of two straight lines is monotonic where the divisor is not zero, so it is largest at an end.
    """
    own_slope, own_constant, slope, constant = (Fraction(part or 0) for part in (*step, *line))
    if own_slope * constant == own_constant * slope:
        whole = slope or constant
        return abs((own_slope or own_constant) / whole) if whole else None
    ends = [(own_slope * x + own_constant, slope * x + constant) for x in (low, high)]
    if ends[0][1] * ends[1][1] <= 0:
        return None
    return max(abs(own / whole) for own, whole in ends)


def _quick(ends: Sequence[Decimal], pieces: Sequence[_Piece], plain: Plain) -> Plain:
    """The function of x. `pieces` are those between and at the thresholds within the ends, in turn."""
    below = _joined(pieces[0::2], [*pieces[1::2], None])
    above = _joined(pieces[0::2], [None, *pieces[1::2]])
    find: Callable[[Sequence[Decimal], Decimal], int]
    if below is not None:
        find, parts = bisect_left, [_UNPROVED, *below, _UNPROVED]
    elif above is not None:
        find, parts = bisect_right, [_UNPROVED, *above, _UNPROVED]
    else:
        find, parts = _between_and_at, [_UNPROVED, _UNPROVED, *pieces, _UNPROVED, _UNPROVED]

    def value(x: Decimal) -> Decimal:
        try:
            slope, constant, context = parts[find(ends, x)]
            if context is not None:
                return x.fma(slope, constant, context) or plain(x)  # type: ignore[arg-type]  # both are there then
        except DecimalException:
            return plain(x)
        return plain(x) if constant is None else constant

    return value


def _between_and_at(ends: Sequence[Decimal], x: Decimal) -> int:
    return bisect_left(ends, x) + bisect_right(ends, x)


def _joined(between: Sequence[_Piece], at: Sequence[_Piece | None]) -> list[_Piece] | None:
    """The pieces together with the thresholds at one of their ends, where the lines are the same."""
    joined = []
    for piece, end in zip(between, at, strict=True):
        if end is None:
            joined.append(piece)
        elif [_shape(part) for part in piece[:2]] == [_shape(part) for part in end[:2]]:
            joined.append(min(piece, end, key=lambda each: each.context.prec if each.context else 0))
        else:
            return None
    return joined


def _shape(part: Decimal | None) -> object:
    return None if part is None else part.as_tuple()
