"""JSON is read strictly and exactly, and written canonically."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import exact_json
from engine.problems import InvalidError

REFUSED = [
    (b"", "json.malformed", 1, 1),
    (b"{", "json.malformed", 1, 2),
    (b'{"a": 1,\n "b": }', "json.malformed", 2, 7),
    (b'{"a": 1, "a": 2}', "json.duplicate_key", 1, 10),
    (b'{"a": NaN}', "json.not_a_number", 1, 7),
    (b"-Infinity", "json.not_a_number", 1, 1),
    (b'["\xff"]', "json.encoding", 1, 3),
    (b'["\\ud800"]', "json.encoding", 1, 3),
    (b'{"a": "\\ud83d\\ude00",\n "\\\\ud83d\\udc00": 1}', "json.encoding", 2, 10),
    (b"\xef\xbb\xbf1", "json.malformed", 1, 1),
    (b"[12345678901234567890123456789012345]", "json.number_too_long", 1, 2),
    (b"[1e9999]", "json.number_too_long", 1, 2),
    (b"[01]", "json.malformed", 1, 3),
    (b"'a'", "json.malformed", 1, 1),
]


@pytest.mark.parametrize(("text", "code", "line", "column"), REFUSED, ids=[repr(case[0])[:30] for case in REFUSED])
def test_refused_text(text: bytes, code: str, line: int, column: int):
    """What is not strict JSON is refused with its code and place."""
    with pytest.raises(InvalidError) as caught:
        exact_json.parse(text)
    problem = caught.value.problems[0]
    assert (code, line, column) == (problem.code, problem.place.line, problem.place.column)


def test_numbers_are_exact():
    """A JSON number is read as the decimal that stands there."""
    assert [Decimal("0.1"), Decimal("1.10"), Decimal("1E+2")] == exact_json.parse("[0.1, 1.10, 1e2]")


def test_nesting_of_ten_thousand_is_refused_before_parsing():
    """A text nested 10,000 deep is refused with a code instead of exhausting the stack."""
    with pytest.raises(InvalidError) as caught:
        exact_json.parse(b"[" * 10_000 + b"]" * 10_000)
    assert caught.value.code == "json.too_deep"


def test_brackets_inside_strings_do_not_count_as_nesting():
    """Only brackets outside strings nest."""
    assert ["[" * 1000 + '"'] == exact_json.parse(json.dumps(["[" * 1000 + '"']))


def test_large_documents_are_refused():
    """A document over the limit is refused without being parsed."""
    with pytest.raises(InvalidError) as caught:
        exact_json.parse(b'"' + b"x" * 100 + b'"', max_bytes=64)
    assert caught.value.code == "json.too_large"


def test_binary_floats_are_never_written():
    """A binary float has no exact text, so it is refused."""
    with pytest.raises(TypeError):
        exact_json.canonical({"amount": 0.1})


def test_canonical_form():
    """Keys are sorted, decimals are strings in plain notation, instants end in Z, durations are ISO 8601."""
    value = {
        "b": Decimal("1.500"),
        "a": [Decimal("1E+3"), Decimal("-0.0"), 3, None, True],
        "at": datetime(2026, 11, 2, 9, tzinfo=UTC),
        "on": date(2026, 11, 2),
        "half_life": timedelta(days=14),
        "wait": -timedelta(hours=1, seconds=0.5),
    }
    expected = (
        b'{"a":["1000","0",3,null,true],"at":"2026-11-02T09:00:00Z","b":"1.5","half_life":"P14D",'
        b'"on":"2026-11-02","wait":"-PT1H0.5S"}'
    )
    assert expected == exact_json.canonical(value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_decimal_text_reads_back_equal(value: Decimal):
    """The text of a decimal is the same number."""
    assert value == Decimal(exact_json.decimal_text(value))


@given(st.integers(), st.integers(min_value=0, max_value=20))
def test_equal_decimals_have_equal_text(whole: int, zeros: int):
    """Trailing zeros do not change the text, so equal facts have equal digests."""
    assert exact_json.decimal_text(Decimal(whole)) == exact_json.decimal_text(Decimal(f"{whole}.{'0' * zeros}"))


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | TEXT | st.integers(-(10**30), 10**30).map(Decimal),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(JSON_VALUES)
def test_reading_agrees_with_the_standard_library(value: object):
    """On well-formed text the strict parser and the standard library read the same values."""
    text = json.dumps(value, default=int)
    assert json.loads(text, parse_int=Decimal, parse_float=Decimal) == exact_json.parse(text)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes):
    """Arbitrary bytes give a value or a problem with a `json.` code, never another error."""
    try:
        exact_json.parse(data)
    except InvalidError as error:
        assert error.code.startswith("json.")


def test_public_parsing_suite(shared: Path):
    """Of the 318 public parsing files every `y_` is accepted and every `n_` is refused."""
    files = sorted((shared / "data" / "hostile" / "json").glob("*.json"))
    assert len(files) == 318
    wrong = []
    for file in files:
        try:
            exact_json.parse(file.read_bytes(), max_depth=512)
            accepted = True
        except InvalidError:
            accepted = False
        if (file.name.startswith("y_") and not accepted) or (file.name.startswith("n_") and accepted):
            wrong.append(file.name)
    # Two files must be accepted by RFC 8259 although they name a key twice; a decision must not depend on which wins.
    assert wrong == ["y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"]


@pytest.mark.parametrize(
    ("text", "message", "help_part"),
    [
        ("", "the text is empty", "a value is"),
        ('{"a":', "the text ends where a value or a bracket is expected", "a value is"),
        ('{"a":}', "a value is expected; `}` stands here", "a value is"),
        ("{a: 1}", "a name in double quotes is expected; `a` stands here", '`"employees"`'),
        ('{"a" 1}', "a `:` between name and value is expected; `1` stands here", ""),
        ("[1 22]", "a `,` or a closing bracket is expected; `22` stands here", ""),
        ("[1] x", "the text goes on behind its value; `x` stands here", ""),
        ('["abc', "the text that starts here is not closed", "close it"),
        ('["a\nb"]', "a line end or another control character stands in a text", "write a line end as"),
        ("[1e99999]", "`1e99999` is too large or too small to be kept exactly", "round it"),
        ('{"a": 1, "a": 2}', "the key `a` stands twice in one object", "keep one"),
    ],
)
def test_a_mistake_is_told_in_words_and_with_what_to_do(text, message, help_part):
    """What is wrong with a JSON text is said in this product's words, on one line, with help where there is some."""
    with pytest.raises(InvalidError) as refused:
        exact_json.parse(text)
    (problem,) = refused.value.problems
    assert message == problem.message
    assert help_part in problem.help
