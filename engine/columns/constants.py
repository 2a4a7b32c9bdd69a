"""Constants, and tables of values by their place."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final, cast

import numpy as np

from engine.columns.encoding import INT64_HIGH, INT64_LOW, MAX_SCALE, Ints, to_whole
from engine.columns.operation import Operation
from engine.columns.vectors import Mask, Objects, Picks, Shape, Truths, Vector, Wholes, either
from engine.feel.types import (
    BOOLEAN,
    DATE,
    DATE_TIME,
    DAYS_TIME_DURATION,
    NUMBER,
    STRING,
    YEARS_MONTHS_DURATION,
    Type,
)
from engine.feel.values import NUMBERS, Fault, Value

WHOLE_TYPES: Final = frozenset({NUMBER, DATE, DATE_TIME, DAYS_TIME_DURATION, YEARS_MONTHS_DURATION})
"""Types whose values are kept as whole numbers."""


def constant(type_: Type, value: Value) -> Operation:
    """One value for all rows."""
    shape, look = table_of(type_, [value])
    return Operation(shape, lambda stretch: look(np.zeros(len(stretch), np.intp), None), (value,))


def table_of(type_: Type, values: Sequence[Value | Fault]) -> tuple[Shape, Callable[[Any, Mask], Vector]]:
    """What looks values up by their place: the shape and a function of places and of rows unsure anyhow."""
    faulty = np.array([isinstance(value, Fault) for value in values])
    known = [None if isinstance(value, Fault) else value for value in values]
    absent = np.array([value is None for value in known])

    def masks(places: Any, unsure: Mask) -> tuple[Mask, Mask]:
        null = absent[places] if absent.any() else None
        return null, either(unsure, faulty[places]) if faulty.any() else unsure

    if type_ == BOOLEAN:
        true = np.array([value is True for value in known])
        return Shape(BOOLEAN), lambda places, unsure: Truths(true[places], *masks(places, unsure))
    if type_ in WHOLE_TYPES and (wholes := _wholes_of(type_, known)) is not None:
        array, scale = wholes
        shape = Shape(type_, scale, int(array.min()), int(array.max()))
        return shape, lambda places, unsure: Wholes(array[places], *masks(places, unsure))
    if type_ == STRING:
        dictionary = tuple(dict.fromkeys(cast("str", value) for value in known if value is not None))
        at: dict[Any, int] = {text: place for place, text in enumerate(dictionary)}
        codes = np.array([len(dictionary) if value is None else at[value] for value in known])
        return Shape(type_, dictionary=dictionary), lambda places, unsure: Picks(
            codes[places], masks(places, unsure)[1]
        )
    return Shape(type_, objects=True), lambda places, unsure: Objects(
        [known[place] for place in places.tolist()], masks(places, unsure)[1]
    )


def _wholes_of(type_: Type, values: Sequence[Value]) -> tuple[Ints, int] | None:
    """Values of a type of whole numbers in one array with their scale; None if one of them does not fit."""
    present = [value for value in values if value is not None]
    scale = 0
    if type_ == NUMBER:
        for number in present:
            exponent = cast("Decimal", number).normalize(NUMBERS).as_tuple().exponent
            scale = max(scale, -int(exponent))
        if scale > MAX_SCALE:
            return None
    found = []
    for value in values:
        whole: int | None = 0 if value is None else whole_at(type_, value, scale)
        if whole is None or not INT64_LOW < whole <= INT64_HIGH:
            return None
        found.append(whole)
    return np.array(found, np.int64), scale


def whole_at(type_: Type, value: Value, scale: int) -> int | None:
    """A value as a whole number at a scale; None where it is none."""
    if type_ != NUMBER:
        return to_whole(type_, value)
    number = cast("Decimal", value)
    if number.adjusted() + scale > 2 * MAX_SCALE + 1:
        return None
    shifted = NUMBERS.scaleb(number, scale)
    return int(shifted) if shifted == shifted.to_integral_value() else None


def never_sure(type_: Type) -> Operation:
    """A node without a value: whatever comes to it is computed by the code for single records."""
    shape, look = table_of(type_, [Fault("feel.undefined_number", "")])
    return Operation(shape, lambda stretch: look(np.zeros(len(stretch), np.intp), None))


def exact_bound(type_: Type, value: Value, scale: int) -> tuple[int, bool] | None:
    """A constant as the whole number at or below it, and whether it is just that; None where it has no place.

    A number far outside 64 bits is some whole number beyond them.
    """
    if type_ == NUMBER:
        number = cast("Decimal", value)
        if number.adjusted() + scale > 2 * MAX_SCALE:
            return (2**80 if number > 0 else -(2**80)), True
        if number.adjusted() + scale < -MAX_SCALE and number:
            return (0 if number > 0 else -1), False
        below = number.scaleb(scale, NUMBERS).to_integral_value("ROUND_FLOOR")
        return int(below), below == number.scaleb(scale, NUMBERS)
    if type_ == DATE_TIME and isinstance(value, dt.datetime) and value.tzinfo is not None:
        if value.utcoffset() != value.replace(fold=1 - value.fold).utcoffset():
            return None  # Python finds a time that the clock shows twice equal to no time of another zone
        whole = to_whole(type_, value.astimezone(dt.UTC))
    else:
        whole = to_whole(type_, value)
    return None if whole is None else (whole, True)
