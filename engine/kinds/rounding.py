"""Money is exact until it is paid: one context that refuses to round, and the one place where rounding happens."""

from __future__ import annotations

from decimal import (
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)
from typing import Literal

from engine.records import MINOR_UNITS

Mode = Literal["half_up", "half_even"]

MODES: dict[str, str] = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN}
"""Both are symmetric about zero: a reversal rounds as its original did, with the other sign."""

EXACT = Context(prec=2_000, Emax=9_000, Emin=-9_000, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""Sums and products of amounts, rates and shares. A result that does not fit raises `Inexact`.

Read only: contexts carry flags, so code that computes takes a copy through `decimal.localcontext(EXACT)`.
"""

ATTAINMENT_PLACES = Decimal("0.000001")
"""An attainment is shown to a millionth, half to even; deciding uses the exact fraction."""


LARGEST_AMOUNT = Decimal(10) ** 15
"""No deal, quota or limit is larger, so that every sum and product stays exact within `EXACT`."""


def minor_unit(currency: str) -> Decimal:
    """The smallest amount that can be paid: `0.01` for USD, `1` for JPY, `0.001` for KWD."""
    return Decimal(1).scaleb(-MINOR_UNITS[currency])


def round_money(value: Decimal, unit: Decimal, mode: Mode = "half_up") -> Decimal:
    """The multiple of `unit` nearest to an exact amount; a tie goes away from zero (`half_up`) or to the even one."""
    return value.quantize(unit, rounding=MODES[mode], context=_WIDE)


def is_payable(value: Decimal, unit: Decimal) -> bool:
    """Whether an amount is a whole number of minor units."""
    return not value or int(value.normalize(_WIDE).as_tuple().exponent) >= int(unit.as_tuple().exponent)


def ratio(part: Decimal, whole: Decimal) -> Decimal:
    """`part / whole` for showing, to six places half-even. `whole` is not zero."""
    return Context(prec=60).divide(part, whole).quantize(ATTAINMENT_PLACES, rounding=ROUND_HALF_EVEN, context=_WIDE)


_WIDE = Context(prec=2_000, Emax=9_000, Emin=-9_000)
