"""Exact arithmetic with whole numbers of 64 bits: where a result leaves them, a row is unsure."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

import numpy as np

from engine.columns.constants import WHOLE_TYPES, constant
from engine.columns.encoding import INT64_HIGH, INT64_LOW, MAX_SCALE, MICROSECONDS_A_DAY
from engine.columns.operation import Operation, Stretch
from engine.columns.vectors import Shape, Vector, Wholes, either, some
from engine.feel.types import DAYS_TIME_DURATION, NUMBER, Type


def aligned(left: Operation, right: Operation) -> tuple[Operation, Operation, int] | None:
    """Both operations at the larger of their scales, which is the third; None where a constant leaves 64 bits."""
    scale = max(left.shape.scale, right.shape.scale)
    a, b = _at_scale(left, scale), _at_scale(right, scale)
    return None if a is None or b is None else (a, b, scale)


def _at_scale(operation: Operation, scale: int) -> Operation | None:
    shape = operation.shape
    if shape.type not in WHOLE_TYPES:
        return None
    if shape.scale == scale:
        return operation
    factor = 10 ** (scale - shape.scale)
    low, high = shape.low * factor, shape.high * factor
    limit = INT64_HIGH // factor

    def compute(stretch: Stretch) -> Vector:
        found = operation.wholes(stretch)
        unsure = found.unsure
        if low < INT64_LOW or high > INT64_HIGH:
            unsure = either(unsure, some((found.values > limit) | (found.values < -limit)))
        with np.errstate(over="ignore"):
            return Wholes(found.values * np.int64(factor), found.null, unsure)

    return Operation(_clipped(shape.type, scale, low, high), compute, operation.constant)


def _clipped(type_: Type, scale: int, low: int, high: int) -> Shape:
    """The shape of a result; rows beyond 64 bits are unsure, so that the others stay within."""
    return Shape(type_, scale, max(low, -INT64_HIGH), min(high, INT64_HIGH))


def _fits(low: int, high: int) -> bool:
    return low >= -INT64_HIGH and high <= INT64_HIGH


def summed(op: str, left: Operation, right: Operation, scale: int) -> Operation:
    """`+` or `-` of numbers at the same scale."""
    a, b = left.shape, right.shape
    low, high = (a.low + b.low, a.high + b.high) if op == "+" else (a.low - b.high, a.high - b.low)
    safe = _fits(low, high)

    def compute(stretch: Stretch) -> Vector:
        x, y = left.wholes(stretch), right.wholes(stretch)
        values = x.values + y.values if op == "+" else x.values - y.values
        unsure = either(x.unsure, y.unsure)
        if not safe:  # a sum overflows where both signs differ from the result's
            other = y.values if op == "+" else ~y.values
            unsure = either(unsure, some(((x.values ^ values) & (other ^ values)) < 0), some(values == INT64_LOW))
        return Wholes(values, either(x.null, y.null), unsure)

    return Operation(_clipped(NUMBER, scale, low, high), compute)


_SAFE_PRODUCT: Final = 2.0**62
"""Far enough below 2 ** 63 that the rounding of two binary fractions and their product cannot hide an overflow."""


def multiplied(left: Operation, right: Operation) -> Operation | None:
    """`*` of numbers; None where the product has more digits after the point than are kept."""
    a, b = left.shape, right.shape
    scale = a.scale + b.scale
    if scale > MAX_SCALE:
        return None
    ends = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    low, high = min(ends), max(ends)
    safe = _fits(low, high)

    def compute(stretch: Stretch) -> Vector:
        x, y = left.wholes(stretch), right.wholes(stretch)
        unsure = either(x.unsure, y.unsure)
        if not safe:
            size = np.abs(x.values.astype(np.float64)) * np.abs(y.values.astype(np.float64))
            unsure = either(unsure, some(size >= _SAFE_PRODUCT))
        return Wholes(x.values * y.values, either(x.null, y.null), unsure)

    return Operation(_clipped(NUMBER, scale, low, high), compute)


def divided(left: Operation, right: Operation) -> Operation | None:
    """Division by a constant that divides a power of ten: a product with what is left of it."""
    if right.constant is None:
        return None
    divisor = right.shape.low
    if divisor == 0:
        return None
    for places in range(MAX_SCALE + 1):
        if 10**places % divisor == 0:
            factor = Decimal(10**places // divisor)
            break
    else:
        return None
    product = multiplied(left, constant(NUMBER, factor))
    moved = left.shape.scale + places - right.shape.scale
    if product is None or not 0 <= moved <= MAX_SCALE:
        return None
    return replace(product, shape=replace(product.shape, scale=moved))


def days_between(left: Operation, right: Operation) -> Operation:
    """`-` of days."""
    a, b = left.shape, right.shape
    low, high = (a.low - b.high) * MICROSECONDS_A_DAY, (a.high - b.low) * MICROSECONDS_A_DAY

    def compute(stretch: Stretch) -> Vector:
        x, y = left.wholes(stretch), right.wholes(stretch)
        days = (x.values - y.values) * np.int64(MICROSECONDS_A_DAY)
        return Wholes(days, either(x.null, y.null), either(x.unsure, y.unsure))

    return Operation(Shape(DAYS_TIME_DURATION, 0, low, high), compute)


def extreme(name: str, left: Operation, right: Operation, scale: int) -> Operation:
    """`min` or `max` of numbers at the same scale."""
    a, b = left.shape, right.shape
    choose = np.minimum if name == "min" else np.maximum

    def compute(stretch: Stretch) -> Vector:
        x, y = left.wholes(stretch), right.wholes(stretch)
        return Wholes(choose(x.values, y.values), either(x.null, y.null), either(x.unsure, y.unsure))

    return Operation(Shape(NUMBER, scale, min(a.low, b.low), max(a.high, b.high)), compute)


def absolute(part: Operation) -> Operation | None:
    """`abs` of a number; None where it may leave 64 bits."""
    shape = part.shape
    low, high = max(0, shape.low, -shape.high), max(abs(shape.low), abs(shape.high))

    def compute(stretch: Stretch) -> Vector:
        found = part.wholes(stretch)
        return replace(found, values=np.abs(found.values))

    return Operation(replace(shape, low=low, high=high), compute) if high <= INT64_HIGH else None
