"""The quick writer of canonical JSON gives the bytes of the standard's reference."""

from __future__ import annotations

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from engine import exact_json

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))


@given(VALUES)
def test_the_same_bytes_as_the_reference(value: object):
    """Whatever the value, the bytes are those of the RFC 8785 reference."""
    assert rfc8785.dumps(value) == exact_json.canonical(value)


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
