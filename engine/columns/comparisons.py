"""Comparisons of columns with each other and with constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import numpy as np

from engine.columns.arithmetic import aligned, multiplied
from engine.columns.constants import exact_bound
from engine.columns.encoding import INT64_HIGH, INT64_LOW, Bools
from engine.columns.operation import Operation, Stretch
from engine.columns.vectors import Mask, Picks, Shape, Truths, Vector, Wholes, either, everywhere, some
from engine.feel.operations import ORDERS
from engine.feel.types import BOOLEAN, Type
from engine.feel.values import Value

OPS: Final[Mapping[str, Callable[[Any, Any], Bools]]] = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
MIRRORED: Final = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def three_valued(op: str, true: Bools, left: Mask, right: Mask, unsure: Mask) -> Truths:
    """The answer of a comparison that knows about nulls: `=` is defined for them, an order is not."""
    null = either(left, right)
    if null is None:
        return Truths(true, None, unsure)
    if op == "=":
        both = left & right if left is not None and right is not None else None
        return Truths(true & ~null if both is None else (true & ~null) | both, None, unsure)
    if op == "!=":
        one = left ^ right if left is not None and right is not None else null
        return Truths((true & ~null) | one, None, unsure)
    return Truths(true & ~null, null, unsure)


def compared(op: str, left: Operation, right: Operation) -> Operation:
    """A comparison of whole numbers at the same scale."""
    compare = OPS[op]

    def compute(stretch: Stretch) -> Vector:
        a, b = left.wholes(stretch), right.wholes(stretch)
        return three_valued(op, compare(a.values, b.values), a.null, b.null, either(a.unsure, b.unsure))

    return Operation(Shape(BOOLEAN), compute)


def quotient(op: str, dividend: Operation, divisor: Operation, other: Operation) -> Operation | None:
    """`dividend / divisor op other` as `dividend op other * divisor`, which takes no division; by 0 it is unsure.

    The quotient that the language compares is rounded to 34 digits, which cannot turn the answer: where it differs from
    `other`, it does so by more than one part in `other * divisor`, a whole number of 64 bits and so of 19 digits.
    """
    product = multiplied(divisor, other)
    pair = None if product is None else aligned(dividend, product)
    if pair is None:
        return None
    left, right, _ = pair
    upwards, downwards = OPS[op], OPS[MIRRORED[op]]

    def compute(stretch: Stretch) -> Vector:
        a, b, by = left.wholes(stretch), right.wholes(stretch), divisor.wholes(stretch)
        true = np.where(by.values > 0, upwards(a.values, b.values), downwards(a.values, b.values))
        asked = other.wholes(stretch)
        quotient_null = either(a.null, by.null)
        zero = some(by.values == 0)
        if zero is not None and quotient_null is not None:
            zero = some(zero & ~quotient_null)  # null is divided by nothing
        unsure = either(a.unsure, b.unsure, by.unsure, asked.unsure, zero)
        return three_valued(op, true, quotient_null, asked.null, unsure)

    return Operation(Shape(BOOLEAN), compute)


def compared_with_null(op: str, operation: Operation) -> Operation:
    """A comparison with null."""
    size = len(operation.shape.dictionary)

    def compute(stretch: Stretch) -> Vector:
        found = operation.of(stretch)
        absent: Mask = found.codes == size if isinstance(found, Picks) else cast("Wholes", found).null
        if absent is None:
            absent = np.zeros(len(stretch), np.bool_)
        if op in {"=", "!="}:
            return Truths(absent if op == "=" else ~absent, None, found.unsure)
        return everywhere(len(stretch), None, found.unsure)

    return Operation(Shape(BOOLEAN), compute)


def picked(op: str, operation: Operation, text: str) -> Operation:
    """`=` or `!=` between texts and a constant one."""
    dictionary = operation.shape.dictionary
    equal = np.array([*(value == text for value in dictionary), False])
    table = equal if op == "=" else ~equal

    def compute(stretch: Stretch) -> Vector:
        found = cast("Picks", operation.of(stretch))
        return Truths(table[found.codes], None, found.unsure)

    return Operation(Shape(BOOLEAN), compute)


def compared_texts(op: str, left: Operation, right: Operation) -> Operation:
    """Texts with texts, by their place in one sorted dictionary of both."""
    both = sorted({*cast("tuple[str, ...]", left.shape.dictionary), *cast("tuple[str, ...]", right.shape.dictionary)})
    at: dict[Any, int] = {text: place for place, text in enumerate(both)}
    ranks = [np.array([*(at[text] for text in side.shape.dictionary), -1]) for side in (left, right)]
    compare = OPS[op]

    def compute(stretch: Stretch) -> Vector:
        a, b = cast("Picks", left.of(stretch)), cast("Picks", right.of(stretch))
        x, y = ranks[0][a.codes], ranks[1][b.codes]
        return three_valued(op, compare(x, y), some(x == -1), some(y == -1), either(a.unsure, b.unsure))

    return Operation(Shape(BOOLEAN), compute)


def bounded(op: str, operation: Operation, type_: Type, value: Value) -> Operation | None:
    """Whole numbers with a constant, which is moved to their scale instead of they to its."""
    exact = exact_bound(type_, value, operation.shape.scale)
    if exact is None:
        return None
    bound, is_whole = exact
    if is_whole:
        compare, against = OPS[op], bound
    elif op in {"=", "!="}:
        compare, against = OPS[op], INT64_LOW  # no value is there
    else:
        compare, against = (np.greater, bound) if op in {">", ">="} else (np.less_equal, bound)
    if not INT64_LOW <= against <= INT64_HIGH:
        fixed = bool(ORDERS[op](0, against)) if op in ORDERS else op == "!="

        def compute(stretch: Stretch) -> Vector:
            found = operation.wholes(stretch)
            return three_valued(op, np.full(len(stretch), fixed), found.null, None, found.unsure)

        return Operation(Shape(BOOLEAN), compute)
    limit = np.int64(against)

    def compare_with(stretch: Stretch) -> Vector:
        found = operation.wholes(stretch)
        return three_valued(op, compare(found.values, limit), found.null, None, found.unsure)

    return Operation(Shape(BOOLEAN), compare_with)
