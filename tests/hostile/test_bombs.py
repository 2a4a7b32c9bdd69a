"""Inputs made to exhaust: each ends with a value or with problems of ours, in bounded memory, and none hangs."""

from __future__ import annotations

import document_bombs
import expression_bombs
import pytest
from limited import results_of


@pytest.fixture(scope="module")
def expressions() -> dict[str, str]:
    """What the expressions gave, each in both meanings, all in one process."""
    return results_of("expression_bombs")


@pytest.fixture(scope="module")
def documents() -> dict[str, str]:
    """What the files gave, all in one process."""
    return results_of("document_bombs")


@pytest.mark.parametrize("name", expression_bombs.CASES)
def test_an_expression_ends_in_bounded_memory(expressions: dict[str, str], name: str) -> None:
    """An expression gives a value or a stated limit's problem in both modes, and leaves its process alive."""
    assert name in expressions, "the process ended or hung here"
    assert expressions[name] in expression_bombs.BOMBS[name.split(": ", 1)[1]][1]


@pytest.mark.parametrize("name", document_bombs.CASES)
def test_a_file_is_loaded_or_refused_in_bounded_memory(documents: dict[str, str], name: str) -> None:
    """A file is loaded or refused with its code, and leaves its process alive."""
    assert name in documents, "the process ended or hung here"
    allowed = document_bombs.BOMBS[name][1]
    assert set(documents[name].split()) & allowed or documents[name] in allowed
