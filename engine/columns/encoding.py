"""One fact of a population as a column: whole numbers with a scale, codes with a dictionary, or the objects themselves.

Nothing is rounded. Numbers are whole multiples of a power of ten, dates are days, instants microseconds since 1970 in
UTC; a value that does not fit 64 bits that way is marked inexact, and whatever reads it is computed from the object.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

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
from engine.feel.values import NUMBERS, Value, YearMonthDuration

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Codes = NDArray[np.intp]

INT64_LOW: Final = -(2**63)
INT64_HIGH: Final = 2**63 - 1
MAX_SCALE: Final = 18
"""Digits after the point that a column keeps: with more, not even 10 fits 64 bits."""

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND: Final = dt.timedelta(microseconds=1)
MICROSECONDS_A_DAY: Final = 86_400_000_000
ORDINAL_1970: Final = dt.date(1970, 1, 1).toordinal()


@dataclass(frozen=True, eq=False)
class Scaled:
    """Whole numbers: a `NUMBER` times `10 ** scale`, days since 1970-01-01, microseconds, or months.

    `nulls` and `inexact` are true for rows whose `values` say nothing; the value of an inexact row, and only that, must
    be asked of `originals`.
    """

    type: Type
    values: Ints
    scale: int = 0
    nulls: Bools | None = None
    inexact: Bools | None = None
    originals: Sequence[Any] | None = None

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest of `values`."""
        return (int(self.values.min()), int(self.values.max())) if len(self.values) else (0, 0)

    def value(self, row: int) -> Value:
        """The value of a row."""
        if self.originals is not None:
            return cast("Value", self.originals[row])
        if self.nulls is not None and self.nulls[row]:
            return None
        return from_whole(self.type, int(self.values[row]), self.scale)

    def to_list(self) -> list[Value]:
        """All values, as the language has them."""
        return [self.value(row) for row in range(len(self))]


@dataclass(frozen=True, eq=False)
class Coded:
    """Each row's place in a dictionary of distinct values; the place behind its end is null."""

    type: Type
    codes: NDArray[Any]
    dictionary: tuple[Value, ...]
    inexact: Bools | None = None
    originals: Sequence[Any] | None = None

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def nulls(self) -> Bools | None:
        """True where there is no value; None where every row has one."""
        found: Bools = self.codes == len(self.dictionary)
        return found if found.any() else None

    def value(self, row: int) -> Value:
        """The value of a row."""
        if self.originals is not None:
            return cast("Value", self.originals[row])
        code = int(self.codes[row])
        return self.dictionary[code] if code < len(self.dictionary) else None

    def to_list(self) -> list[Value]:
        """All values, as the language has them."""
        if self.originals is not None:
            return list(self.originals)
        choices = (*self.dictionary, None)
        return [choices[code] for code in self.codes.tolist()]


@dataclass(frozen=True, eq=False)
class Opaque:
    """Values that have no columns: lists, contexts, times, values of any type."""

    type: Type
    originals: Sequence[Any]

    def __len__(self) -> int:
        return len(self.originals)

    @cached_property
    def nulls(self) -> Bools | None:
        """True where there is no value; None where every row has one."""
        found = np.fromiter((value is None for value in self.originals), np.bool_, len(self))
        return found if found.any() else None

    def value(self, row: int) -> Value:
        """The value of a row."""
        return cast("Value", self.originals[row])

    def to_list(self) -> list[Value]:
        """All values, as the language has them."""
        return list(self.originals)


Column = Scaled | Coded | Opaque


def from_whole(type_: Type, whole: int, scale: int = 0) -> Value:
    """The value that a whole number of a `Scaled` column stands for."""
    if type_ == NUMBER:
        return NUMBERS.scaleb(Decimal(whole), -scale)
    if type_ == DATE:
        return dt.date.fromordinal(whole + ORDINAL_1970)
    if type_ == DATE_TIME:
        return EPOCH + dt.timedelta(microseconds=whole)
    if type_ == DAYS_TIME_DURATION:
        return dt.timedelta(microseconds=whole)
    return YearMonthDuration(whole)


def to_whole(type_: Type, value: Value) -> int | None:
    """A value other than a number as a whole number; None where there is none that compares as it does.

    Such are durations of more than 64 bits of microseconds, times without a zone, and times in a named zone, of which
    Python compares two by the clock on the wall.
    """
    if type_ == DATE and type(value) is dt.date:
        return value.toordinal() - ORDINAL_1970
    if type_ == DATE_TIME and isinstance(value, dt.datetime):
        return (value - EPOCH) // MICROSECOND if isinstance(value.tzinfo, dt.timezone) else None
    if type_ == DAYS_TIME_DURATION and isinstance(value, dt.timedelta):
        whole = value // MICROSECOND
        return whole if INT64_LOW < whole <= INT64_HIGH else None
    return value.months if type_ == YEARS_MONTHS_DURATION and isinstance(value, YearMonthDuration) else None


PYTHON_TYPES: Final[Mapping[Type, tuple[type, ...]]] = {
    NUMBER: (Decimal, int),
    STRING: (str,),
    BOOLEAN: (bool,),
    DATE: (dt.date,),
    DATE_TIME: (dt.datetime,),
    DAYS_TIME_DURATION: (dt.timedelta,),
    YEARS_MONTHS_DURATION: (YearMonthDuration,),
}
"""What a value of a type that has columns is in Python."""


def encode(type_: Type, given: Sequence[Any]) -> Column:
    """The column of values as the language has them; one of a wrong type is inexact, so that reading it tells."""
    kinds = PYTHON_TYPES.get(type_)
    if kinds is None:
        return Opaque(type_, given)
    codes, distinct, wrong = _distinct(given, kinds)
    if type_ in (STRING, BOOLEAN):
        places = np.where(codes < 0, len(distinct), codes) if len(codes) else codes
        return Coded(type_, _narrow(places, len(distinct)), tuple(distinct), wrong, given)
    if type_ == NUMBER:
        wholes, scale, inexact = _numbers(distinct)
    else:
        scale = 0
        found = [to_whole(type_, value) for value in distinct]
        wholes = np.array([whole or 0 for whole in found], np.int64)
        inexact = np.array([whole is None for whole in found], np.bool_)
    nulls = codes < 0
    if not len(distinct):
        return Scaled(type_, np.zeros(len(given), np.int64), scale, nulls, wrong, given)
    unsure = inexact[codes] & ~nulls
    if wrong is not None:
        unsure |= wrong
    if type_ == DATE_TIME:  # equal instants share a place, but only some of them may be in named zones
        unsure |= np.fromiter((value is not None and to_whole(type_, value) is None for value in given), np.bool_)
    return Scaled(
        type_,
        np.where(nulls, 0, wholes[codes]),
        scale,
        nulls if nulls.any() else None,
        unsure if unsure.any() else None,
        given,
    )


def _distinct(given: Sequence[Any], kinds: tuple[type, ...]) -> tuple[Codes, list[Any], Bools | None]:
    """Each row's place among the distinct values (-1 without one), these, and the rows of wrong types."""
    known: dict[Any, int] = {None: -1}
    codes = np.empty(len(given), np.intp)
    wrong: list[int] = []
    lookup = known.get
    for row, value in enumerate(given):
        if value is not None and type(value) not in kinds:
            wrong.append(row)
            codes[row] = -1
            continue
        try:
            code = lookup(value)
        except TypeError:  # a signalling NaN, which is no number of the language
            wrong.append(row)
            code = -1
        if code is None:
            code = known[value] = len(known) - 1
        codes[row] = code
    del known[None]
    if not wrong:
        return codes, list(known), None
    marks = np.zeros(len(given), np.bool_)
    marks[wrong] = True
    return codes, list(known), marks


def _numbers(distinct: Sequence[Decimal | int]) -> tuple[Ints, int, Bools]:
    """Whole numbers at the scale at which most of the numbers fit, that scale, and the numbers that do not fit."""
    places = np.zeros(len(distinct), np.int64)
    leading = np.zeros(len(distinct), np.int64)
    numbers: list[tuple[int, int]] = []
    for at, number in enumerate(distinct):
        digits, exponent = _digits(number)
        numbers.append((digits, exponent))
        places[at] = -exponent if exponent < 0 else 0
        leading[at] = len(str(abs(digits))) + exponent
    best, scale = -1, 0
    for candidate in range(MAX_SCALE + 1):
        fitting = int(np.count_nonzero((places <= candidate) & (leading + candidate <= MAX_SCALE)))
        if fitting > best:
            best, scale = fitting, candidate
    wholes = np.zeros(len(distinct), np.int64)
    inexact = np.zeros(len(distinct), np.bool_)
    for at, (digits, exponent) in enumerate(numbers):
        shift = exponent + scale
        whole = digits * 10**shift if 0 <= shift <= 2 * MAX_SCALE and leading[at] + scale <= MAX_SCALE + 1 else None
        if digits == 0:
            whole = 0
        if whole is None or not INT64_LOW < whole <= INT64_HIGH:
            inexact[at] = True
        else:
            wholes[at] = whole
    return wholes, scale, inexact


def _digits(number: Decimal | int) -> tuple[int, int]:
    """A number as a whole number without trailing zeros and a power of ten; `(0, MAX)` never fits, `(0, 0)` is zero."""
    if isinstance(number, int):
        number = Decimal(number)
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        return 1, 10 * MAX_SCALE  # no number at all: it never fits, and reading it tells
    text = "".join(map(str, digits)).rstrip("0")
    if not text:
        return 0, 0
    whole = int(text)
    return -whole if sign else whole, exponent + len(digits) - len(text)


def _narrow(codes: NDArray[Any], most: int) -> NDArray[Any]:
    """Codes in the narrowest type, since memory is what a population costs."""
    for kind in (np.uint8, np.uint16, np.uint32):
        if most <= np.iinfo(kind).max:
            return codes.astype(kind)
    return codes.astype(np.int64)


# -- from arrays


def scaled(values: Any, scale: int = 0, *, nulls: Any = None) -> Scaled:
    """A column of numbers, each `values[i] / 10 ** scale`: amounts of money in cents are `scaled(cents, 2)`.

    `values` are whole numbers of 64 bits, `nulls` is true for rows without a value. Raises `TypeError` for other arrays
    and `ValueError` for a scale outside 0 to 18.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iu" or array.dtype == np.uint64:
        raise TypeError(f"scaled numbers are whole numbers of up to 64 bits, not {array.dtype}")
    if not 0 <= scale <= MAX_SCALE:
        raise ValueError(f"a scale is from 0 to {MAX_SCALE}, not {scale}")
    wholes = array.astype(np.int64)
    absent = _mask(nulls, len(wholes))
    inexact = wholes == INT64_LOW  # its negative has no place
    if inexact.any():
        return cast("Scaled", encode(NUMBER, Scaled(NUMBER, wholes, scale, absent).to_list()))
    return Scaled(NUMBER, wholes if absent is None else np.where(absent, 0, wholes), scale, absent)


def coded(codes: Any, dictionary: Sequence[str], *, nulls: Any = None) -> Coded:
    """A column of texts that are encoded already, such as Arrow's dictionary arrays or pandas' categories.

    `codes[i]` is the place of row `i`'s text in `dictionary`; a negative one is null. Raises `ValueError` for a code
    outside the dictionary or a text that stands in it twice.
    """
    places = np.asarray(codes).astype(np.int64)
    absent = _mask(nulls, len(places))
    texts = tuple(str(text) for text in dictionary)
    if len(set(texts)) != len(texts):
        raise ValueError("a dictionary names each text once")
    places = np.where(places < 0, len(texts), places)
    if absent is not None:
        places[absent] = len(texts)
    if len(places) and places.max() > len(texts):
        raise ValueError(f"a code is {int(places.max())}, but the dictionary has {len(texts)} texts")
    return Coded(STRING, _narrow(places, len(texts)), texts)


def _mask(nulls: Any, count: int) -> Bools | None:
    if nulls is None:
        return None
    found = np.asarray(nulls)
    if found.dtype != np.bool_ or found.shape != (count,):
        raise ValueError(f"a mask of nulls has a truth value for each of the {count} rows")
    return found.copy() if found.any() else None


def _from_days(array: NDArray[Any]) -> Column:
    exact = array.astype("datetime64[D]")
    _require_same(array, exact)
    first, last = (end.toordinal() - ORDINAL_1970 for end in (dt.date.min, dt.date.max))
    return _from_clock(DATE, exact.astype(np.int64), np.isnat(array), first, last)


def _from_instants(array: NDArray[Any]) -> Column:
    exact = array.astype("datetime64[us]")
    _require_same(array, exact)
    first, last = ((end - ORDINAL_1970) * MICROSECONDS_A_DAY for end in (1, dt.date.max.toordinal() + 1))
    return _from_clock(DATE_TIME, exact.astype(np.int64), np.isnat(array), first, last - 1)


def _from_lengths(array: NDArray[Any]) -> Column:
    exact = array.astype("timedelta64[us]")
    _require_same(array, exact)
    first, last = (end // MICROSECOND for end in (dt.timedelta.min, dt.timedelta.max))
    first, last = max(first, INT64_LOW), min(last, INT64_HIGH)
    return _from_clock(DAYS_TIME_DURATION, exact.astype(np.int64), np.isnat(array), first, last)


def _require_same(array: NDArray[Any], exact: NDArray[Any]) -> None:
    if not np.array_equal(array[~np.isnat(array)], exact[~np.isnat(exact)]):
        raise ValueError("days are whole, and instants and durations are kept in microseconds; a finer one is given")


def _from_clock(type_: Type, wholes: Ints, nulls: Bools, first: int, last: int) -> Column:
    kept = np.where(nulls, 0, wholes)
    if len(kept) and (kept.min() < first or kept.max() > last):
        raise ValueError(f"a {type_} lies outside the years 1 to 9999")
    return Scaled(type_, kept, 0, nulls if nulls.any() else None)


def _from_truths(array: NDArray[Any]) -> Column:
    return Coded(BOOLEAN, array.astype(np.uint8), (False, True))


def _from_texts(array: NDArray[Any]) -> Column:
    texts, codes = np.unique(array, return_inverse=True)
    return Coded(STRING, _narrow(codes, len(texts)), tuple(str(text) for text in texts))


_BY_DTYPE: Final[Mapping[tuple[Type, str], Callable[[NDArray[Any]], Column]]] = {
    (NUMBER, "i"): scaled,
    (NUMBER, "u"): scaled,
    (BOOLEAN, "b"): _from_truths,
    (STRING, "U"): _from_texts,
    (DATE, "M"): _from_days,
    (DATE_TIME, "M"): _from_instants,
    (DAYS_TIME_DURATION, "m"): _from_lengths,
}


def from_array(type_: Type, array: NDArray[Any], nulls: Any = None) -> Column | None:
    """The column of an array of numpy; None where its values have to be read one by one."""
    read = _BY_DTYPE.get((type_, array.dtype.kind))
    if read is None or array.dtype == np.uint64:
        return None
    return with_nulls(read(array), nulls)


def with_nulls(column: Column, nulls: Any) -> Column:
    """The column with the rows that `nulls` marks emptied."""
    absent = _mask(nulls, len(column))
    if absent is None:
        return column
    if isinstance(column, Coded):
        codes = np.where(absent, len(column.dictionary), column.codes)
        return Coded(column.type, _narrow(codes, len(column.dictionary)), column.dictionary)
    if isinstance(column, Scaled):
        both = absent if column.nulls is None else absent | column.nulls
        return Scaled(column.type, np.where(both, 0, column.values), column.scale, both, column.inexact)
    return Opaque(column.type, [None if none else value for value, none in zip(column.originals, absent, strict=True)])
