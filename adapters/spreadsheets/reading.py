"""A workbook's cells, exactly as its file holds them (ECMA-376, SpreadsheetML).

The XML is read directly and not through a library's cells, because those are binary numbers: a cell of 0.1 holds the
text `0.1`, or up to 17 digits of the binary number that a spreadsheet computed, and that text is what counts here.
Everything is bounded, nothing outside the file is opened, formulas and macros are never run.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from adapters.spreadsheets.numbers import date_of, exact_number, is_date_format, is_percentage
from engine.dmn.xml_tree import Element, read_xml
from engine.interchange.sheets import CellValue, Sheet, SheetCell
from engine.problems import InvalidError, Place, Problem, Report

MAX_BYTES: Final = 20_000_000
"""Of the file."""

MAX_PART_BYTES: Final = 20_000_000
"""Of one part of it, unpacked; also the most that the XML reader takes."""

MAX_PARTS: Final = 2_000
MAX_SHEETS: Final = 50
MAX_ROWS: Final = 20_001
MAX_COLUMNS: Final = 256
MAX_TEXT: Final = 32_767
"""Characters of a cell, as the format says."""

_ADDRESS: Final = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
_RELATION_ID: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION_ID: Final = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"


def read_workbook(data: bytes, source: str) -> tuple[Sheet, ...]:
    """The workbook's sheets with text, numbers, truth values and dates. Empty rows are kept, empty ends are not.

    Raises `InvalidError`: `tables.workbook` and `tables.too_large` for the file, `tables.cell` for each cell that
    holds a formula, an error or a percentage, with its address (`Table!B7`).
    """
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise _unreadable(source, "it is protected by a password, or an old `.xls` file", "save it as `.xlsx`")
    if len(data) > MAX_BYTES:
        raise _too_large(source, f"the file has more than {MAX_BYTES:,} bytes")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = _Workbook(archive, source).sheets()
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
        LookupError,
        ValueError,
    ):
        raise _unreadable(source, "it is damaged, or no `.xlsx` file", "save it as `.xlsx` again") from None
    if not found:
        raise _unreadable(source, "it has no sheet", "save it as `.xlsx` again")
    return found


def _unreadable(source: str, why: str, help_text: str) -> InvalidError:
    return InvalidError(Problem("tables.workbook", f"the workbook cannot be read: {why}", Place(source), help_text))


def _too_large(source: str, message: str) -> InvalidError:
    return InvalidError(Problem("tables.too_large", message, Place(source), "keep the table in a workbook of its own"))


@dataclass(frozen=True, slots=True)
class _Format:
    """What a cell's style says about its number."""

    is_date: bool = False
    is_percentage: bool = False


class _Workbook:
    """One file."""

    def __init__(self, archive: zipfile.ZipFile, source: str) -> None:
        self.archive, self.source = archive, source
        self.names = {each.filename: each for each in archive.infolist()}
        if len(self.names) > MAX_PARTS:
            raise _too_large(source, f"the file has more than {MAX_PARTS:,} parts")
        if any(name.lower().endswith("vbaproject.bin") for name in self.names):
            raise _unreadable(source, "it holds macros", "save it as `.xlsx` without macros")
        self.report = Report()

    def sheets(self) -> tuple[Sheet, ...]:
        """Every sheet, in order."""
        root = self.part("xl/workbook.xml")
        relations = self.relations("xl/workbook.xml")
        properties = root.first("workbookPr")
        self.since_1904 = properties is not None and properties.get("date1904") in ("1", "true")
        self.formats = self.styles()
        self.texts = self.shared_texts()
        listed = list(_within(root, "sheets", "sheet"))
        if len(listed) > MAX_SHEETS:
            raise _too_large(self.source, f"the workbook has more than {MAX_SHEETS} sheets")
        found = []
        for each in listed:
            relation = each.get(_RELATION_ID) or each.get(_STRICT_RELATION_ID)
            kind, target = relations.get(relation, ("", ""))
            if kind == "worksheet":
                found.append(self.sheet(each.get("name"), target))
        self.report.raise_if_any()
        return tuple(found)

    # -- parts of the file

    def part(self, name: str) -> Element:
        """A part's XML. Raises `InvalidError`, and `KeyError` if there is none."""
        info = self.names[name]
        if info.file_size > MAX_PART_BYTES:
            raise _too_large(self.source, f"`{name}` has more than {MAX_PART_BYTES:,} bytes")
        with self.archive.open(info) as opened:
            data = opened.read(MAX_PART_BYTES + 1)  # what the directory says of the size need not be true
        if len(data) > MAX_PART_BYTES:
            raise _too_large(self.source, f"`{name}` has more than {MAX_PART_BYTES:,} bytes")
        try:
            return read_xml(data, name)
        except InvalidError as error:
            why = f"in `{name}`, {error.problems[0].message}"
            raise _unreadable(self.source, why, "save it again with a spreadsheet program") from None

    def relations(self, name: str) -> dict[str, tuple[str, str]]:
        """The parts that a part refers to, by id: their kind and name. What lies outside the file is left out."""
        folder, _, base = name.rpartition("/")
        listed = f"{folder}/_rels/{base}.rels"
        if listed not in self.names:
            return {}
        found = {}
        for each in self.part(listed).all("Relationship"):
            if each.get("TargetMode") != "External":
                target = each.get("Target")
                path = target[1:] if target.startswith("/") else posixpath.normpath(f"{folder}/{target}")
                found[each.get("Id")] = (each.get("Type").rpartition("/")[2], path)
        return found

    def styles(self) -> list[_Format]:
        """What each cell style says about numbers."""
        if "xl/styles.xml" not in self.names:
            return []
        root = self.part("xl/styles.xml")
        own = {each.get("numFmtId"): each.get("formatCode") for each in _within(root, "numFmts", "numFmt")}
        found = []
        for each in _within(root, "cellXfs", "xf"):
            number = each.get("numFmtId")
            code = own.get(number, "")
            found.append(_Format(is_date_format(number, code), is_percentage(number, code)))
        return found

    def shared_texts(self) -> list[str]:
        """The texts that cells refer to by number."""
        if "xl/sharedStrings.xml" not in self.names:
            return []
        return [_text(each) for each in self.part("xl/sharedStrings.xml").all("si")]

    # -- a sheet

    def sheet(self, name: str, part: str) -> Sheet:
        """A sheet's cells, as rows without holes."""
        root = self.part(part)
        notes = self.notes(part)
        cells: dict[tuple[int, int], SheetCell] = {}
        row_number = 0
        for row in _within(root, "sheetData", "row"):
            row_number = _whole(row.get("r")) or row_number + 1
            column = 0
            for each in row.all("c"):
                at = _position(each.get("r")) if each.get("r") else (row_number, column + 1)
                column = at[1]
                address = f"{name}!{_letters(at[1])}{at[0]}"
                value = self.value(each, address)
                note = notes.get(at, "")
                if value is None and not note:
                    continue
                if at[0] > MAX_ROWS or at[1] > MAX_COLUMNS:
                    message = f"`{address}` lies beyond {MAX_ROWS:,} rows or {MAX_COLUMNS} columns"
                    raise _too_large(self.source, message)
                cells[at] = SheetCell(value, address, note)
        self.spread(name, root, cells)
        return Sheet(name, tuple(_rows(name, cells)))

    def spread(self, name: str, root: Element, cells: dict[tuple[int, int], SheetCell]) -> None:
        """Cells that are merged downwards hold for each of their rows; merged to the side they would be two columns."""
        for merged in _within(root, "mergeCells", "mergeCell"):
            first, _, last = merged.get("ref").partition(":")
            top, bottom = _position(first), _position(last or first)
            if top[1] != bottom[1] or top[0] == 1:
                message = f"`{name}!{merged.get('ref')}` is one cell over several columns, or in the header"
                self.refuse(f"{name}!{first}", message, "split it: each column has its own cells")
            elif bottom[0] > MAX_ROWS:
                raise _too_large(self.source, f"`{name}!{merged.get('ref')}` lies beyond {MAX_ROWS:,} rows")
            elif top in cells:
                for row in range(top[0] + 1, bottom[0] + 1):
                    cells[row, top[1]] = replace(cells[top], address=f"{name}!{_letters(top[1])}{row}", note="")

    def value(self, cell: Element, address: str) -> CellValue:
        """A cell's value; what cannot be taken goes to the report."""
        kind, raw = cell.get("t", "n"), cell.text_of("v")
        if cell.first("f") is not None:
            self.refuse(
                address, f"`{address}` holds a formula", "paste its value: a rule never depends on a calculation"
            )
            return None
        if kind == "e":
            self.refuse(address, f"`{address}` holds the error `{raw[:20]}`", "correct it, or empty the cell")
            return None
        if kind in ("s", "inlineStr", "str"):
            inline = cell.first("is")
            text = self.texts[int(raw)] if kind == "s" else _text(inline) if inline is not None else raw
            if len(text) > MAX_TEXT:
                raise _too_large(self.source, f"`{address}` has more than {MAX_TEXT:,} characters")
            return text or None
        if not raw:
            return None
        if kind == "b":
            return raw.strip() == "1"
        if kind == "d":
            return date_of(raw)
        style = _whole(cell.get("s"))
        form = self.formats[style] if style < len(self.formats) else _Format()
        if form.is_percentage:
            message = f"`{address}` is a percentage: it shows {raw[:20]} times 100"
            self.refuse(address, message, "format it as a number, and write the number that the rule means")
            return None
        number = exact_number(raw)
        if number is None:
            self.refuse(address, f"`{raw[:40]}` in `{address}` is no number", "write it anew")
            return None
        found = date_of(number, since_1904=self.since_1904) if form.is_date else number
        if found is None:
            self.refuse(address, f"`{address}` shows a date that the calendar does not have", "write it anew")
        return found

    def refuse(self, address: str, message: str, help_text: str) -> None:
        """Report one cell."""
        self.report.add("tables.cell", message, Place(address), help_text)

    def notes(self, part: str) -> dict[tuple[int, int], str]:
        """The comments on a sheet's cells."""
        found = {}
        for kind, target in self.relations(part).values():
            if kind == "comments" and target in self.names:
                for each in _within(self.part(target), "commentList", "comment"):
                    text = each.first("text")
                    found[_position(each.get("ref"))] = "" if text is None else _text(text)
        return found


def _within(root: Element, parent: str, name: str) -> Iterator[Element]:
    found = root.first(parent)
    return iter(()) if found is None else found.all(name)


def _text(element: Element) -> str:
    """A text, plain or of several runs, without the phonetic readings beside it."""
    runs = [element, *element.all("r")]
    text = "".join(part.text for run in runs for part in run.all("t"))
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def _position(address: str) -> tuple[int, int]:
    """Row and column, both from 1. Raises `ValueError` for what is no address."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise ValueError(address)
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return int(found[2]), column


def _letters(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0


def _rows(name: str, cells: Mapping[tuple[int, int], SheetCell]) -> Iterator[tuple[SheetCell, ...]]:
    width: dict[int, int] = {}
    for row, column in cells:
        width[row] = max(width.get(row, 0), column)
    for row in range(1, max(width, default=0) + 1):
        addresses = ((column, f"{name}!{_letters(column)}{row}") for column in range(1, width.get(row, 0) + 1))
        yield tuple(cells.get((row, column)) or SheetCell(None, address) for column, address in addresses)
