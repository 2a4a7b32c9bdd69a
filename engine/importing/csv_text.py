"""Reading a CSV file strictly (RFC 4180): bytes to rows with their line numbers, or every structural problem at once.

What is wrong with the file as a whole (encoding, header, cut lines, quotes) stops an import before it changes anything;
what is wrong with single values is the mapping's business.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engine.problems import EXCERPT_LIMIT, InvalidError, Place, Problem, Report
from engine.rulefile.nearest import did_you_mean

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_FIELD: Final = 100_000
"""Characters of one field; Python's own limit is a little higher, so ours speaks first."""
MAX_ROWS: Final = 1_000_000
MAX_PROBLEMS: Final = 20
"""Cut lines told one by one; more are counted."""

ENCODINGS: Final = {"utf-8": "utf-8", "windows-1252": "cp1252", "latin-1": "latin-1"}
"""What a mapping may declare; UTF-8 may start with a byte order mark, which is passed over."""

_OTHER_MARKS: Final = ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars"))
"""What programs write between values instead of commas."""
_WITH_COMMAS: Final = "save the file with commas between the values"

_MARKS: Final = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One row: the 1-based line that it starts on, and its fields as written."""

    number: int
    fields: tuple[str, ...]


def read_csv(data: bytes, source: str, columns: Sequence[str], *, encoding: str = "utf-8") -> tuple[Line, ...]:
    """The rows below the header, which must name exactly `columns`, in order.

    One empty column at the end of every line is allowed and left out: spreadsheets write it. Raises `InvalidError` with
    all structural problems.
    """
    text = decode(data, source, encoding)
    lines = split(text, source)
    if not lines:
        raise InvalidError(
            Problem("import.empty", "the file is empty; its first line must name the columns", Place(source))
        )
    header, rows = lines[0], lines[1:]
    report = Report()
    trailing = len(header.fields) == len(columns) + 1 and header.fields[-1] == ""
    names = header.fields[:-1] if trailing else header.fields
    _check_header(names, columns, source, report)
    width = len(header.fields)
    if not report or len(names) == len(columns):  # below a header of another width every line would look cut
        check_widths(rows, width, source, text, report)
    if trailing:
        for row in rows:
            if len(row.fields) == width and row.fields[-1] != "":
                message = f"the last column has no name, but holds `{row.fields[-1][:60]}`"
                report.add("import.wrong_header", message, Place(source, row.number), "name the column or empty it")
                break
    report.raise_if_any()
    if trailing:
        return tuple(Line(row.number, row.fields[:-1]) for row in rows)
    return tuple(rows)


def decode(data: bytes, source: str, encoding: str = "utf-8") -> str:
    """The file's characters. Raises `InvalidError`: too large, in another encoding, or with NUL characters."""
    if len(data) > MAX_BYTES:
        message = f"the file has {len(data):,} bytes; at most {MAX_BYTES:,} are read"
        raise InvalidError(Problem("import.too_large", message, Place(source), "split the file"))
    for mark, name in _MARKS:
        if data.startswith(mark):
            message = f"the file is written in {name}; it must be {encoding.upper()}"
            raise InvalidError(Problem("import.encoding", message, Place(source, 1, 1), _RESAVE))
    data = data.removeprefix(b"\xef\xbb\xbf") if encoding == "utf-8" else data
    nul = data.find(b"\0")
    if nul >= 0:
        line, column = _position(data, nul)
        hint = "every second byte is zero, so it may be UTF-16" if data[nul + 2 : nul + 3] == b"\0" else ""
        message = f"byte {nul:,} is NUL, which no text file holds"
        raise InvalidError(Problem("import.nul", message, Place(source, line, column), hint or "save the file as text"))
    try:
        return data.decode(ENCODINGS[encoding])
    except UnicodeDecodeError as error:
        line, column = _position(data, error.start)
        message = f"byte {error.start:,} (0x{data[error.start]:02x}) is not {encoding.upper()}"
        raise InvalidError(Problem("import.encoding", message, Place(source, line, column), _LATIN)) from None


_RESAVE = "save the file as UTF-8; spreadsheets call it `CSV UTF-8`"
_LATIN = f"the file may be Windows-1252 or Latin-1: {_RESAVE}"


def _position(data: bytes, offset: int) -> tuple[int, int]:
    line = data.count(b"\n", 0, offset) + 1
    return line, offset - data.rfind(b"\n", 0, offset)


def split(text: str, source: str) -> list[Line]:
    """All lines with their fields, the header first. A blank line at the end of the file is no row.

    Raises `InvalidError`: a quote that does not close or that something follows, a field or a file that is too large.
    """
    lines: list[Line] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    start = 1
    try:
        for fields in reader:
            if any(len(field) > MAX_FIELD for field in fields):
                message = f"a field has more than {MAX_FIELD:,} characters; a quote may be missing"
                raise InvalidError(Problem("import.too_large", message, Place(source, start)))
            lines.append(Line(start, tuple(fields)))
            start = reader.line_num + 1
            if len(lines) > MAX_ROWS + 1:
                message = f"the file has more than {MAX_ROWS:,} rows"
                raise InvalidError(Problem("import.too_large", message, Place(source, start), "split the file"))
    except csv.Error as error:
        raise InvalidError(_quote_problem(str(error), source, text, start)) from None
    while lines and lines[-1].fields == ():
        lines.pop()
    return lines


def _quote_problem(error: str, source: str, text: str, line: int) -> Problem:
    excerpt = _line(text, line)
    if "field larger" in error:
        message = f"a field has more than {MAX_FIELD:,} characters; a quote may be missing"
        return Problem("import.too_large", message, Place(source, line, 1), excerpt=excerpt)
    if "unexpected end" in error:
        message = "a quoted field opens here and is never closed"
    else:
        message = "something follows a closing quote; a quote inside a quoted field is written twice"
    column = excerpt.find('"') + 1
    return Problem("import.unclosed_quote", message, Place(source, line, max(1, column)), excerpt=excerpt)


def _line(text: str, number: int) -> str:
    lines = text.split("\n", number)
    return lines[number - 1].rstrip("\r")[:EXCERPT_LIMIT] if len(lines) >= number else ""


def _check_header(names: Sequence[str], columns: Sequence[str], source: str, report: Report) -> None:
    place = Place(source, 1, 1)
    if list(names) == list(columns):
        return
    # One cause has one problem, not one for each column.
    if called := _other_mark(names):
        message = f"the columns are parted by {called}; commas are expected"
        report.add("import.wrong_header", message, place, _WITH_COMMAS)
        return
    if len(columns) > 1 and not set(names) & set(columns):
        message = f"the first line names none of the {len(columns):,} columns"
        report.add("import.wrong_header", message, place, f"it should be: {','.join(columns)}"[:500])
        return
    if len(names) > MAX_PROBLEMS + 2 * len(columns):
        message = f"the first line names {len(names):,} columns; {len(columns):,} are known"
        report.add("import.wrong_header", message, place, f"it should be: {','.join(columns)}"[:500])
        return
    before = len(report.found)
    for name, times in Counter(names).items():
        if times > 1:
            report.add("import.wrong_header", f"the column `{name[:60]}` stands twice", place)
    unknown = [name for name in names if name not in columns]
    lacking = [name for name in columns if name not in names]
    for name in lacking:
        report.add("import.wrong_header", f"the column `{name}` is missing", place)
    for name in unknown:
        report.add(
            "import.wrong_header",
            f"the column `{name[:60]}` is not known{did_you_mean(name, lacking or columns)}",
            place,
        )
    if not unknown and not lacking and len(report.found) == before:
        at = next(index for index, (found, wanted) in enumerate(zip(names, columns, strict=True)) if found != wanted)
        message = f"column {at + 1} is `{names[at]}`, where `{columns[at]}` is expected"
        report.add("import.wrong_header", message, place, f"the order is: {', '.join(columns)}"[:500])


def _other_mark(names: Sequence[str]) -> str:
    """What parts a header's columns, where another mark than the comma parts more of them; or ''."""
    for mark, called in _OTHER_MARKS:
        if sum(name.count(mark) for name in names) >= max(1, len(names)):
            return called
    return ""


def separator_help(names: Sequence[str]) -> str:
    """What to do about a header whose columns are parted by another mark than the comma; or ''."""
    called = _other_mark(names)
    return f"the columns are parted by {called}: {_WITH_COMMAS}, or paste the cells" if called else ""


def check_widths(rows: Sequence[Line], width: int, source: str, text: str, report: Report) -> None:
    """Report every row that has another number of fields than the header."""
    wrong = [row for row in rows if len(row.fields) != width]
    for row in wrong[:MAX_PROBLEMS]:
        found = len(row.fields)
        message = f"line {row.number:,} has {found} field{'' if found == 1 else 's'}; the header has {width}"
        report.found.append(
            Problem(
                "import.cut_line",
                message,
                Place(source, row.number, 1),
                "the line was cut, or a comma stands unquoted in a value",
                _line(text, row.number),
            )
        )
    if len(wrong) > MAX_PROBLEMS:
        more = len(wrong) - MAX_PROBLEMS
        place = Place(source, wrong[MAX_PROBLEMS].number, 1)
        report.add("import.cut_line", f"{more:,} more lines from here on have another number of fields", place)
