from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.importing import csv_text
from engine.importing.csv_text import read_csv, separator_help
from engine.problems import InvalidError

COLUMNS = ("id", "agent", "value")
GOOD = b"id,agent,value\r\n1,Ann,5\r\n2,Ben,\r\n"


def problems(data: bytes, columns: tuple[str, ...] = COLUMNS, encoding: str = "utf-8"):
    """What is wrong with a file: code, line, column, message, help."""
    with pytest.raises(InvalidError) as error:
        read_csv(data, "deals.csv", columns, encoding=encoding)
    return [(one.code, one.place.line, one.place.column, one.message, one.help) for one in error.value.problems]


@pytest.mark.parametrize(
    "data",
    [
        GOOD,
        GOOD.replace(b"\r\n", b"\n"),
        GOOD.rstrip(),
        b"\xef\xbb\xbf" + GOOD,
        GOOD + b"\r\n\r\n",
        GOOD.replace(b"\r\n", b",\r\n"),
    ],
    ids=["crlf", "lf", "no line end at the end", "byte order mark", "blank lines at the end", "empty last column"],
)  # fmt: skip
def test_a_right_file_is_read_whatever_wrote_it(data):
    """Line ends, a byte order mark, blank lines at the end and an empty last column make no difference."""
    rows = read_csv(data, "deals.csv", COLUMNS)
    assert [(2, ("1", "Ann", "5")), (3, ("2", "Ben", ""))] == [(row.number, row.fields) for row in rows]


@given(
    st.lists(st.tuples(*[st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)] * 3), max_size=6)
)
def test_what_a_csv_writer_writes_is_read_back(rows):
    """Any fields, with quotes, commas and line ends in them, are read back as they were written."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([COLUMNS, *rows])
    found = read_csv(text.getvalue().encode(), "deals.csv", COLUMNS)
    assert list(rows) == [row.fields for row in found]
    assert sorted({row.number for row in found}) == [row.number for row in found]


@given(st.binary(max_size=200))
def test_any_bytes_are_rows_or_problems(data):
    """No bytes end in anything but rows or problems of this area."""
    try:
        rows = read_csv(data, "deals.csv", COLUMNS)
    except InvalidError as error:
        assert all(one.code.startswith("import.") for one in error.problems)
    else:
        assert all(len(row.fields) == len(COLUMNS) for row in rows)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            b"id,agnet,value",
            [("the column `agent` is missing", 1), ("the column `agnet` is not known; did you mean `agent`?", 1)],
        ),
        (b"id,agent", [("the column `value` is missing", 1)]),
        (b"id,agent,value,extra", [("the column `extra` is not known", 1)]),
        (b"id,value,agent", [("column 2 is `value`, where `agent` is expected", 1)]),
        (b"id,agent,agent,value", [("the column `agent` stands twice", 1)]),
    ],
    ids=["misspelt", "missing", "unknown", "another order", "twice"],
)
def test_a_wrong_header_is_told_column_by_column(header, expected):
    """Missing, unknown, doubled and misplaced columns are named, the misspelt one with what it may mean."""
    found = problems(header + b"\n")
    assert {"import.wrong_header"} == {code for code, *_ in found}
    assert expected == [(message, line) for _, line, _, message, _ in found]


@pytest.mark.parametrize(("mark", "called"), [(b";", "semicolons"), (b"\t", "tabs"), (b"|", "vertical bars")])
def test_a_file_parted_by_other_marks_has_one_problem(mark, called):
    """What a spreadsheet wrote instead of commas is the one cause that is told, not every column it hides."""
    found = problems(b"id,agent,value\n1,2,3\n".replace(b",", mark))
    assert [f"the columns are parted by {called}; commas are expected"] == [message for *_, message, _ in found]


def test_a_mark_within_one_name_parts_no_columns():
    """Where commas part more columns than another mark does, the columns are told one by one."""
    found = problems(b"id,ag;ent,value\n")
    assert ["the column `agent` is missing", "the column `ag;ent` is not known; did you mean `agent`?"] == [
        message for *_, message, _ in found
    ]


@pytest.mark.parametrize(
    ("names", "called"),
    [
        (("when.a;then.b",), "semicolons"),
        (("when.a\tthen.b",), "tabs"),
        (("when.a|then.b",), "vertical bars"),
        (("when.a;then.b;because", "and"), "semicolons"),
        (("when.a;b", "then.b"), ""),
        (("when.a",), ""),
        ((), ""),
    ],
)
def test_a_table_parted_by_other_marks_is_told_in_the_same_words(names: tuple[str, ...], called: str):
    """The header of a decision table says what parts it by the test that an import is asked."""
    words = f"the columns are parted by {called}: save the file with commas between the values, or paste the cells"
    assert (words if called else "") == separator_help(names)


def test_a_file_without_a_header_has_one_problem():
    """A first line that names no column at all is told once, with the line it should be."""
    found = problems(b"7,Ann,10\n8,Bob,20\n")
    assert [("the first line names none of the 3 columns", "it should be: id,agent,value")] == [
        (message, help_text) for *_, message, help_text in found
    ]


def test_lines_below_a_header_of_another_width_are_not_called_cut():
    """A column that the header lacks is one problem: the lines below it are whole."""
    found = problems(b"id,agent\n1,2,3\n4,5,6\n")
    assert ["the column `value` is missing"] == [message for *_, message, _ in found]


def test_a_header_of_a_million_columns_is_refused_at_once():
    """A first line with far too many columns is counted and not compared name by name."""
    found = problems(b"id," + b",".join(b"%d" % number for number in range(100_000)) + b"\n")
    assert ["the first line names 100,001 columns; 3 are known"] == [message for *_, message, _ in found]


def test_every_cut_line_is_told_with_its_number():
    """Lines with too few or too many fields are all told, with the numbers found and expected."""
    found = problems(b"id,agent,value\n1,Ann,5\n2,Ben\n3,Cy,7,8\n")
    assert [
        ("import.cut_line", 3, 1, "line 3 has 2 fields; the header has 3"),
        ("import.cut_line", 4, 1, "line 4 has 4 fields; the header has 3"),
    ] == [one[:4] for one in found]


def test_thousands_of_cut_lines_are_counted():
    """After twenty cut lines the others are counted."""
    found = problems(b"id,agent,value\n" + b"1,2\n" * 5000)
    assert (21, "4,980 more lines from here on have another number of fields") == (
        len(found),
        next(m for *_, m, _ in found if "more" in m),
    )


def test_a_blank_line_between_rows_is_a_cut_line():
    """A blank line inside the file is not passed over in silence."""
    assert [("import.cut_line", 3)] == [one[:2] for one in problems(b"id,agent,value\n1,2,3\n\n4,5,6\n")]


@pytest.mark.parametrize(
    ("data", "code", "line", "column", "message"),
    [
        (GOOD.decode().encode("utf-16"), "import.encoding", 1, 1, "the file is written in UTF-16; it must be UTF-8"),
        (b"id,agent,value\n1,Ren\xe9,5\n", "import.encoding", 2, 6, "byte 20 (0xe9) is not UTF-8"),
        (GOOD.decode().encode("utf-16-le"), "import.nul", 1, 2, "byte 1 is NUL, which no text file holds"),
        (b"id,agent,value\n1,A\0nn,5\n", "import.nul", 2, 4, "byte 18 is NUL, which no text file holds"),
        (b"", "import.empty", 0, 0, "the file is empty; its first line must name the columns"),
    ],
    ids=["utf-16", "latin-1", "utf-16 without a mark", "nul", "empty"],
)
def test_another_encoding_is_named_with_its_place(data, code, line, column, message):
    """What is not UTF-8 text is refused with the byte, its line and column."""
    assert [(code, line, column, message)] == [one[:4] for one in problems(data)]


def test_a_declared_encoding_is_read():
    """A mapping may say that a file is in Windows-1252."""
    rows = read_csv(b"id,agent,value\n1,Ren\xe9 \x80,5\n", "deals.csv", COLUMNS, encoding="windows-1252")
    assert ("1", "René €", "5") == rows[0].fields


@pytest.mark.parametrize(
    ("data", "line"),
    [(b'id,agent,value\n1,"Ann,5\n2,Ben,6\n', 2), (b'id,agent,value\n1,Ann,5\n2,"Ben"x,6\n', 3)],
    ids=["never closed", "text after the quote"],
)
def test_a_quote_that_is_not_closed_is_told_where_it_opens(data, line):
    """A quoted field that never closes, or goes on after its quote, is told with its line."""
    assert [("import.unclosed_quote", line)] == [one[:2] for one in problems(data)]


def test_huge_fields_and_files_are_refused(monkeypatch):
    """A field or a file beyond its limit is refused with a sentence, not read."""
    data = b"id,agent,value\n1," + b"x" * (csv_text.MAX_FIELD + 1) + b",5\n"
    assert [("import.too_large", 2)] == [one[:2] for one in problems(data)]
    assert [("import.too_large", 2)] == [one[:2] for one in problems(data.replace(b"x", b"xx"))]
    monkeypatch.setattr(csv_text, "MAX_BYTES", 10)
    assert ["import.too_large"] == [one[0] for one in problems(GOOD)]


def test_a_trailing_column_with_values_needs_a_name():
    """An empty last column is left out; one that holds something is not."""
    found = problems(b"id,agent,value,\n1,Ann,5,\n2,Ben,6,note\n")
    assert [("import.wrong_header", 3, "the last column has no name, but holds `note`")] == [
        (c, line, m) for c, line, _, m, _ in found
    ]
