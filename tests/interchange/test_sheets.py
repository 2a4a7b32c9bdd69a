"""Decision tables as sheets: nothing is lost on the way there and back."""

from __future__ import annotations

from generated import documents, loaded
from hypothesis import given, settings

from engine.interchange.document import document_of
from engine.interchange.sheets import from_sheets, to_sheets


@settings(max_examples=60, deadline=None)
@given(documents())
def test_a_table_survives_as_sheets(document) -> None:
    """Rows, cells, policy, types, values, defaults, tests and notes come back equal, and the sheets again the same."""
    known = document_of(loaded(document))
    sheets = to_sheets(known)
    again = from_sheets(sheets)
    assert known == again
    assert sheets == to_sheets(again)
