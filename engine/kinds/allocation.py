"""Dividing whole minor units among parties so that the parts always add up to the whole.

Largest remainder (Hamilton's method): everybody gets the whole units of the exact part, and the units left over go one
each to the largest remainders. Equal remainders go by key, so the order in which parties are listed never matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction


def allocate(total: int, weights: Mapping[str, Decimal]) -> dict[str, int]:
    """Whole-unit parts of `total` in proportion to the weights, by key; they sum to `total` exactly.

    A negative total is the mirror image of the positive one. Raises `ValueError` when no weight is positive or one is
    negative: there is nothing to divide by.
    """
    sizes = {key: Fraction(weight) for key, weight in weights.items()}
    whole = sum(sizes.values())
    if whole <= 0 or min(sizes.values()) < 0:
        raise ValueError("weights must not be negative and must not all be zero")
    sign, units = (-1 if total < 0 else 1), abs(total)
    exact = {key: units * size / whole for key, size in sizes.items()}
    parts = {key: int(part) for key, part in exact.items()}
    left = units - sum(parts.values())
    by_remainder = sorted(exact, key=lambda key: (parts[key] - exact[key], key))
    for key in by_remainder[:left]:
        parts[key] += 1
    return {key: sign * part for key, part in parts.items()}
