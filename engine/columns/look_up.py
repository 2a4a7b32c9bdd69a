"""Columns made of few values: each distinct one is encoded once and then looked up for every record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns.encoding import Coded, Column, Opaque, Scaled, encode
from engine.feel.conform import type_of
from engine.feel.types import ANY, BOOLEAN, NULL, STRING, Type
from engine.feel.values import Value


def column_of(values: Sequence[Any]) -> Column:
    """Values as a column of their common type; the values themselves where they have none or do not fit 64 bits."""
    kinds = {type_of(value) for value in values if value is not None}
    type_: Type = kinds.pop() if len(kinds) == 1 else ANY if kinds else NULL
    found = encode(type_, values)
    if isinstance(found, Opaque) or found.inexact is None:
        return found
    return Opaque(type_, values)


def looked_up(values: Sequence[Any], places: NDArray[np.intp]) -> Column:
    """The column that has at each row the value at its place."""
    few = column_of(values)
    if isinstance(few, Coded):
        return Coded(few.type, few.codes[places], few.dictionary)
    if isinstance(few, Scaled):
        return Scaled(few.type, few.values[places], few.scale, None if few.nulls is None else few.nulls[places])
    return Opaque(few.type, [values[place] for place in places.tolist()])


def patched(column: Column, values: Mapping[int, Value]) -> Column:
    """The column with other values in some rows."""
    if not values:
        return column
    rows = np.fromiter(values, np.intp, len(values))
    other = column_of(list(values.values()))
    if isinstance(column, Coded) and isinstance(other, Coded) and column.type == other.type and column.type in _CODED:
        return _patched_codes(column, rows, other)
    if isinstance(column, Scaled) and isinstance(other, Scaled) and column.type == other.type:
        found = _patched_wholes(column, rows, other)
        if found is not None:
            return found
    if other.type == NULL and not isinstance(column, Opaque):
        return _emptied(column, rows)
    listed = column.to_list()
    for row, value in values.items():
        listed[row] = value
    return Opaque(column.type, listed)


_CODED = frozenset({STRING, BOOLEAN})


def _patched_codes(column: Coded, rows: NDArray[np.intp], other: Coded) -> Coded:
    dictionary = tuple(dict.fromkeys((*column.dictionary, *other.dictionary)))
    at = {value: place for place, value in enumerate(dictionary)}
    codes = np.where(column.codes == len(column.dictionary), len(dictionary), column.codes).astype(np.int64)
    again = np.array([*(at[value] for value in other.dictionary), len(dictionary)])
    codes[rows] = again[other.codes]
    return Coded(column.type, codes, dictionary)


def _patched_wholes(column: Scaled, rows: NDArray[np.intp], other: Scaled) -> Scaled | None:
    if other.scale > column.scale:
        return None
    factor = 10 ** (column.scale - other.scale)
    low, high = other.bounds
    if max(abs(low), abs(high)) * factor >= 2**63:
        return None
    values = column.values.copy()
    values[rows] = other.values * factor
    nulls = np.zeros(len(column), np.bool_) if column.nulls is None else column.nulls.copy()
    nulls[rows] = False if other.nulls is None else other.nulls
    return Scaled(column.type, values, column.scale, nulls if nulls.any() else None)


def _emptied(column: Coded | Scaled, rows: NDArray[np.intp]) -> Column:
    if isinstance(column, Coded):
        codes = column.codes.astype(np.int64)
        codes[rows] = len(column.dictionary)
        return Coded(column.type, codes, column.dictionary)
    nulls = np.zeros(len(column), np.bool_) if column.nulls is None else column.nulls.copy()
    nulls[rows] = True
    return Scaled(column.type, np.where(nulls, 0, column.values), column.scale, nulls)
