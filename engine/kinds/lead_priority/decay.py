"""What is left of an event's points after some time, exactly rounded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from math import isqrt
from typing import Final

PLACES: Final = 6
"""Digits after the point that a decayed contribution keeps."""

MICRO: Final = 10**PLACES
"""Scores are summed as whole millionths of a point: exact, and quick."""

_DIGITS: Final = Context(prec=60, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999)
"""Far more digits than the 12 to 18 that the result keeps, so that the one rounding at the end decides."""

_GONE_AFTER_HALF_LIVES: Final = 100
"""After so many half-lives even a million points are below half a millionth: 10**6 / 2**100 < 10**-24."""

_TICK: Final = timedelta(microseconds=1)


def micro(points: Decimal) -> int:
    """Points as whole millionths. Raises `ValueError` for points with more than six digits after the point."""
    scaled = points.scaleb(PLACES, _DIGITS)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{points} is finer than a millionth of a point")
    return int(scaled)


@lru_cache(maxsize=16_384)
def from_micro(millionths: int) -> Decimal:
    """Points for whole millionths: 48_550_855 is 48.550855. Kept, since the same few values come again."""
    whole, part = divmod(abs(millionths), MICRO)
    made = Decimal(whole) if not part else Decimal(f"{whole}.{part:06d}".rstrip("0"))
    return -made if millionths < 0 else made


def decayed(points: int, age: timedelta, half_life: timedelta) -> int:
    """`points * 2 ** (-age / half_life)` in millionths, rounded half-even; `age` is zero or more."""
    ticks, half = age // _TICK, half_life // _TICK
    if ticks >= half * _GONE_AFTER_HALF_LIVES:
        return 0
    # Whole numbers of 128 bits decide nearly always, and forty times faster; where their error could turn the rounding,
    # the decimals do.
    whole, rest = divmod(ticks, half)
    left = abs(points) * _share((rest << _BITS) // half)
    places = _BITS + whole
    found, over = left >> places, left & ((1 << places) - 1)
    beyond = over - (1 << (places - 1))
    if abs(beyond) <= abs(points) * _ERROR:
        return decayed_in_decimals(points, ticks, half)
    found += beyond > 0
    return found if points > 0 else -found


def decayed_in_decimals(points: int, ticks: int, half: int) -> int:
    """The definition: `points * 2 ** (-ticks / half)` with sixty digits, rounded half-even."""
    share = _DIGITS.power(Decimal(2), _DIGITS.divide(Decimal(-ticks), Decimal(half)))
    left = _DIGITS.multiply(Decimal(points), share)
    return int(left.to_integral_value(ROUND_HALF_EVEN, _DIGITS))


# -- 2 ** -x for 0 <= x < 1 in binary fractions of 128 bits

_BITS: Final = 128
_ERROR: Final = 64
"""A generous bound of what `_share` may be off by, in units of its last bit: four tables and seven cut products."""


def _tables() -> Iterator[tuple[int, ...]]:
    """`2 ** (-i / 256 ** k)` for k = 1 to 4 and i = 0 to 255: a byte of the exponent each."""
    precise = 2 * _BITS
    root = 1 << (precise - 1)
    for _ in range(4):
        for _ in range(8):
            root = isqrt(root << precise)
        powers = [1 << precise]
        for _ in range(255):
            powers.append(powers[-1] * root >> precise)
        yield tuple(power >> _BITS for power in powers)


_FIRST, _SECOND, _THIRD, _FOURTH = _tables()
_LN_2: Final = int(_DIGITS.multiply(_DIGITS.ln(Decimal(2)), Decimal(1 << _BITS)))


def _share(exponent: int) -> int:
    """`2 ** -x` for `x` and result as binary fractions of 128 bits: four tables, then three terms of the series."""
    found = _FIRST[exponent >> 120] * _SECOND[exponent >> 112 & 255] >> _BITS
    found = found * _THIRD[exponent >> 104 & 255] >> _BITS
    found = found * _FOURTH[exponent >> 96 & 255] >> _BITS
    small = (exponent & ((1 << 96) - 1)) * _LN_2 >> _BITS
    square = small * small >> _BITS
    series = (1 << _BITS) - small + (square >> 1) - (square * small >> _BITS) // 6
    return found * series >> _BITS
