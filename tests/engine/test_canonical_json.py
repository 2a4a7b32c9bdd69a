"""The quick writer of canonical JSON gives the bytes of the standard's reference."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from engine import exact_json

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT


class Word(StrEnum):
    """A text that is more than a text."""

    ONE = "one"


class Told:
    """Says itself how it is written."""

    def to_json(self) -> dict[str, Any]:
        return {"told": Decimal("1.50")}


OURS = (
    SCALARS
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.dates()
    | st.datetimes(timezones=st.just(dt.UTC))
    | st.timedeltas()
    | st.sampled_from([Word.ONE, Told(), dt.time(9, 30), frozenset({"b", "a"})])
)
NAMES = TEXT | st.integers(0, 20) | st.just(Word.ONE) | st.decimals(0, 9, places=1)
OURS_NESTED = st.recursive(
    OURS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(NAMES, inner, max_size=4)
        | st.dictionaries(TEXT, inner, max_size=4).map(MappingProxyType)
    ),
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))


@given(VALUES)
def test_the_same_bytes_as_the_reference(value: object):
    """Whatever the value, the bytes are those of the RFC 8785 reference."""
    assert rfc8785.dumps(value) == exact_json.canonical(value)


@given(OURS_NESTED)
def test_our_own_kinds_of_values_are_written_as_their_plain_forms(value: object):
    """Decimals, dates, tuples, names that are no texts: all bytes are the reference's for the plain value."""
    assert rfc8785.dumps(exact_json.plain(value)) == exact_json.canonical(value)


@pytest.mark.parametrize("names", [{"a": 1.5}, {1: 1.5}, {"a": 1, 2: 1.5}])
def test_a_binary_float_is_refused_however_deep(names: dict[Any, Any]):
    """A binary float is refused at any depth, in time that follows the depth."""
    value: Any = names
    for _ in range(60):
        value = {1: [value]}
    with pytest.raises(TypeError, match="binary floats"):
        exact_json.canonical(value)


@pytest.mark.parametrize("keys", [["\ue000", "\U0001f600"], ["é", "z", "a"], ["", "\x7f", "\x1f", '"', "\\"]])
def test_keys_are_sorted_by_utf_16(keys: list[str]):
    """Keys are in the order of their UTF-16 units, where that is not the order of code points too."""
    value = dict.fromkeys(keys, 1)
    assert rfc8785.dumps(value) == exact_json.canonical(value)


@pytest.mark.parametrize("number", [2**53, -(2**53), 10**20])
def test_numbers_that_readers_would_round(number: int):
    """A whole number that not every reader keeps is refused, not written."""
    with pytest.raises(rfc8785.IntegerDomainError):
        exact_json.canonical([number])
