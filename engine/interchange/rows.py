"""The rows of a table as text: CSV out of a document, pasted text into a sheet, new rows into a rule file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from engine.importing.csv_text import decode
from engine.interchange.document import TableDocument, TableRow
from engine.interchange.rule_text import row_lines
from engine.interchange.sheets import Sheet, SheetCell
from engine.kinds.decision.csv_rows import MAX_ROWS
from engine.problems import InvalidError, Place, Problem, Report
from engine.rulefile import yaml_reader
from engine.rulefile.beside import BLOCK, FILE

_FORMULA: Final = re.compile(r"[=+@\t\r]|-(?=.)")
_NO_FORMULA: Final = re.compile(r"""[+-]?[0-9][0-9.]*|@"[^"]*\"""")
"""How a cell of a CSV file begins that spreadsheets run (OWASP, CSV injection), and what they only read wrong."""

_THOUSANDS: Final = re.compile(r"\s*[<>=]{0,2}\s*-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?\s*")


@dataclass(frozen=True, slots=True)
class Changed:
    """A rule file with other rows: its text, or the text of the CSV file beside it, which is named."""

    text: str
    csv_name: str = ""


def rows_csv(document: TableDocument, rows: Iterable[TableRow] | None = None) -> str:
    """The rows as the CSV that `rows_file` names: the columns' ids in the first line, `id` first, `because` last."""
    ids = [each.id for _, each in document.columns]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    names = [
        f"{part}.{each.id}" if ids.count(each.id) > 1 or each.id in ("id", "because") else each.id
        for part, each in document.columns
    ]
    writer.writerow(["id", *names, "because"])
    for row in document.rows if rows is None else rows:
        cells = [(row.when if part == "when" else row.then).get(each.id, "") for part, each in document.columns]
        writer.writerow([row.id, *cells, row.because])
    return out.getvalue()


def rows_taken_for_formulas(document: TableDocument) -> tuple[str, ...]:
    """The ids of the rows with a text in them that a spreadsheet which opens the CSV takes for a formula and runs.

    CSV cannot say what a text is, and the rows are exact: nothing is put before them. A workbook says it.
    """
    return tuple(
        row.id
        for row in document.rows
        if any(
            _FORMULA.match(text) and not _NO_FORMULA.fullmatch(text)
            for text in (row.id, *row.when.values(), *row.then.values(), row.because)
        )
    )


def pasted_sheet(data: bytes, source: str, separator: str = "\t") -> Sheet:
    """What was copied from a spreadsheet (tabs between cells, quotes where needed), or its CSV, as a sheet.

    A number with commas in it, such as `1,234`, is refused: in the language that is a list of two numbers. Raises
    `InvalidError` with an `import.*` or `tables.*` code.
    """
    text = decode(data, source)
    report = Report()
    rows: list[tuple[SheetCell, ...]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for fields in reader:
            line = tuple(
                SheetCell(field or None, f"{source} line {reader.line_num}, field {at}")
                for at, field in enumerate(fields, start=1)
            )
            for cell in line:
                if isinstance(cell.value, str) and _THOUSANDS.fullmatch(cell.value):
                    message = f"`{cell.value.strip()[:40]}` would be read as several numbers"
                    help_text = "write the number without commas, or several with a blank behind each comma"
                    report.add("tables.cell", message, Place(cell.address), help_text)
            rows.append(line)
            if len(rows) > MAX_ROWS + 1:
                message = f"there are more than {MAX_ROWS:,} rows"
                raise InvalidError(Problem("tables.too_large", message, Place(source)))
    except csv.Error:
        message = "a quoted cell is not closed, or something follows its closing quote"
        raise InvalidError(Problem("import.unclosed_quote", message, Place(source, reader.line_num))) from None
    report.raise_if_any()
    return Sheet(source, tuple(rows))


def with_rows(text: str, source: str, document: TableDocument, rows: Sequence[TableRow]) -> Changed:
    """The rule file `text` with other rows, everything else as it is written, or the CSV beside it anew.

    `document` is what the file holds now. Raises `InvalidError` (`tables.unwritable`) for a file written on one line.
    """
    tree = yaml_reader.read(text.encode(), source)
    if (named := tree.get(FILE)) is not None:
        return Changed(rows_csv(document, rows), named.text)
    node = tree.get(BLOCK) or tree["rows"]
    key = node.key_place or node.place
    if key.column != 1:
        message = "the file's fields do not stand on lines of their own"
        raise InvalidError(Problem("tables.unwritable", message, key, "write one field a line"))
    lines = text.splitlines()
    starts = [each.key_place.line for each in tree.members.values() if each.key_place is not None]
    end = min((line for line in starts if line > key.line), default=len(lines) + 1) - 1
    while end > key.line and end < len(lines) and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1  # what stands above the next field belongs to that
    if BLOCK in tree:
        comment = lines[key.line - 1].partition("#")[1:]
        header = f"{BLOCK}: |{'  ' if comment[0] else ''}{''.join(comment)}"
        made = [header, *(f"  {line}" if line else "" for line in rows_csv(document, rows).splitlines())]
    else:
        made = list(row_lines(rows))
    return Changed("\n".join([*lines[: key.line - 1], *made, *lines[end:]]) + "\n")
