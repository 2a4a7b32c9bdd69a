"""Functions on numbers, and truth and identity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Decimal,
    DecimalException,
)
from typing import Any, Final

from engine.feel.functions.signature import Builtin, first, form, function
from engine.feel.limits import NUMBER_DIGITS
from engine.feel.operations import Operations, number
from engine.feel.types import BOOLEAN, NUMBER
from engine.feel.values import NUMBERS, Fault

ROUNDINGS: Final[Mapping[str, str]] = {
    "floor": ROUND_FLOOR,
    "ceiling": ROUND_CEILING,
    "decimal": ROUND_HALF_EVEN,
    "round up": ROUND_UP,
    "round down": ROUND_DOWN,
    "round half up": ROUND_HALF_UP,
    "round half down": ROUND_HALF_DOWN,
}
"""The functions that round to decimal places, and how."""
_SCALE_OPTIONAL: Final = {"floor", "ceiling"}


def numbers(operations: Operations) -> tuple[Builtin, ...]:
    """The functions of this module over a mode's values."""

    def absolute(value: Any) -> Any:
        nothing = operations.subtract(value, value)
        return operations.negate(value) if operations.order("<", value, nothing) else value

    def identical(left: Any, right: Any) -> bool:
        kind = operations.kind_of(left)
        if kind in {"time", "date and time"} and kind == operations.kind_of(right):
            return operations.calendar.text_of(left) == operations.calendar.text_of(right)
        return operations.same(left, right)

    return (
        function("not", "negand: boolean", BOOLEAN, lambda value: not value, total=True),
        function("is", "value1: any?, value2: any?", BOOLEAN, identical, total=True),
        Builtin(
            "abs",
            (
                form("n: number", NUMBER, lambda n: n.copy_abs(), total=True),
                form("n: days and time duration|years and months duration", first, absolute),
            ),
        ),
        *(
            function(
                name, f"n: number, scale{'?' if name in _SCALE_OPTIONAL else ''}: number", NUMBER, _rounder(rounding)
            )
            for name, rounding in ROUNDINGS.items()
        ),
        function("modulo", "dividend: number, divisor: number", NUMBER, _modulo),
        function("sqrt", "number: number", NUMBER, _sqrt),
        function("log", "number: number", NUMBER, _log),
        function("exp", "number: number", NUMBER, lambda n: number(NUMBERS.exp, n)),
        function("odd", "number: number", BOOLEAN, lambda n: _modulo(n, Decimal(2)) == 1),
        function("even", "number: number", BOOLEAN, lambda n: _modulo(n, Decimal(2)) == 0),
    )


def _rounder(rounding: str) -> Callable[..., Decimal]:
    def rounded(value: Decimal, scale: Decimal | None = None) -> Decimal:
        places = Decimal(0) if scale is None else scale
        if places != places.to_integral_value() or not -6111 <= places <= 6176:  # decimal128's exponents
            raise Fault(
                "feel.wrong_arguments",
                f"`{places}` is not a number of decimal places",
                "a whole number from -6111 to 6176",
            )
        if -value.as_tuple().exponent <= int(places):  # type: ignore[operator]  # numbers here are finite
            return value
        wide = NUMBERS.copy()
        wide.prec = max(NUMBER_DIGITS, value.adjusted() + int(places) + 2)
        return number(NUMBERS.plus, value.quantize(Decimal((0, (1,), -int(places))), rounding=rounding, context=wide))

    return rounded


def rounder_to(name: str, scale: Decimal, rounded: Callable[..., Decimal]) -> Callable[[Decimal], Decimal] | None:
    """The rounding function of that name for one scale: it gives what `rounded` gives, mostly without asking it."""
    if name not in ROUNDINGS or scale != scale.to_integral_value() or not 0 <= scale < NUMBER_DIGITS:
        return None
    exponent = -int(scale)
    unit = Decimal((0, (1,), exponent))
    quick = NUMBERS.copy()
    quick.rounding = ROUNDINGS[name]
    quantize = quick.quantize

    def quickly(value: Decimal) -> Decimal:
        try:
            found = quantize(value, unit)
        except DecimalException:  # needs more than all digits on the way
            return rounded(value, scale)
        if not found:  # a small negative number gives zero without a sign
            return rounded(value, scale)
        if found == value and value.as_tuple().exponent > exponent:  # type: ignore[operator]  # numbers are finite
            return value  # places are not filled up
        return found

    return quickly


def _modulo(dividend: Decimal, divisor: Decimal) -> Decimal:
    """`dividend - divisor * floor(dividend / divisor)`, exact."""
    if divisor == 0:
        raise Fault("feel.division_by_zero", "division by zero")
    if dividend and dividend.adjusted() - divisor.adjusted() > 6_200:  # would compute thousands of digits
        raise Fault("feel.number_range", "the numbers are too far apart for a remainder")
    wide = NUMBERS.copy()
    lowest = min(int(side.as_tuple().exponent) for side in (dividend, divisor))
    wide.prec = max(NUMBER_DIGITS, dividend.adjusted() - lowest + 40)
    rest = number(wide.remainder, dividend, divisor)
    if rest and (rest < 0) != (divisor < 0):
        rest = wide.add(rest, divisor)
    return number(NUMBERS.plus, rest)


def _sqrt(value: Decimal) -> Decimal:
    if value < 0:
        raise Fault("feel.undefined_number", f"`{value}` has no square root", "guard it with `if x >= 0`")
    return number(NUMBERS.sqrt, value)


def _log(value: Decimal) -> Decimal:
    if value <= 0:
        raise Fault("feel.undefined_number", f"`{value}` has no logarithm", "guard it with `if x > 0`")
    return number(NUMBERS.ln, value)
