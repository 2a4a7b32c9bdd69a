"""What is left of an event's points after some time, exactly rounded."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
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
    share = _DIGITS.power(Decimal(2), _DIGITS.divide(Decimal(-ticks), Decimal(half)))
    left = _DIGITS.multiply(Decimal(points), share)
    return int(left.to_integral_value(ROUND_HALF_EVEN, _DIGITS))
