"""Shipped rule files broken in a thousand ways: each is loaded or refused with problems, never with another error."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.kinds import load
from engine.problems import InvalidError
from engine.rulefile import SchemaSource

ROOT = Path(__file__).resolve().parents[2]
FILES = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "rules").rglob("*.yaml"))]
SCHEMAS = SchemaSource(
    {p.relative_to(ROOT / "schemas").as_posix(): p.read_bytes() for p in (ROOT / "schemas").rglob("*.schema.json")}
)
PIECES = [
    "",
    " ",
    "\n",
    "  ",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "'",
    '"',
    "#",
    "null",
    "0",
    "-1",
    "1e30",
    "x",
    "event",
    "[1..",
    "(",
    ")",
]


def load_or_refuse(text: str) -> None:
    """A rule set, or problems whose places lie within the file."""
    try:
        made = load(text.encode(), source="broken.yaml", schemas=SCHEMAS)
    except InvalidError as error:
        lines = text.count("\n") + 2
        for problem in error.problems:
            assert problem.message
            assert problem.place.line <= lines
        return
    made.describe()
    made.run_tests()


@settings(max_examples=150)
@given(st.sampled_from(FILES), st.data())
def test_a_file_with_a_piece_replaced_is_loaded_or_refused(text: str, data: st.DataObject) -> None:
    """Slips of the hand while editing."""
    start = data.draw(st.integers(0, len(text) - 1))
    end = min(len(text), start + data.draw(st.integers(0, 12)))
    load_or_refuse(text[:start] + data.draw(st.sampled_from(PIECES)) + text[end:])


@settings(max_examples=100)
@given(st.sampled_from(FILES), st.data())
def test_a_file_with_lines_lost_or_moved_is_loaded_or_refused(text: str, data: st.DataObject) -> None:
    """Bad merges."""
    lines = text.splitlines(keepends=True)
    first = data.draw(st.integers(0, len(lines) - 1))
    last = min(len(lines), first + data.draw(st.integers(1, 8)))
    moved, rest = lines[first:last], lines[:first] + lines[last:]
    to = data.draw(st.integers(0, len(rest)))
    load_or_refuse("".join(rest[:to] + (moved if data.draw(st.booleans()) else []) + rest[to:]))


@settings(max_examples=100)
@given(st.sampled_from(FILES), st.data())
def test_a_file_with_a_value_replaced_is_loaded_or_refused(text: str, data: st.DataObject) -> None:
    """A value of another kind in any field."""
    lines = text.splitlines(keepends=True)
    fields = [index for index, line in enumerate(lines) if ": " in line]
    index = data.draw(st.sampled_from(fields))
    value = data.draw(
        st.sampled_from(
            ["", "null", "[]", "{}", "3", "-3.5", "text", "'5'", "{a: 1}", "[a, b]", "true", "P1D", "2026-01-01"]
        )
    )
    lines[index] = f"{lines[index].partition(': ')[0]}: {value}\n"
    load_or_refuse("".join(lines))
