"""Sheets as a workbook that is pleasant to edit: every cell a text, the header fixed, values to choose from."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from typing import Final

from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from adapters.spreadsheets.reading import MAX_TEXT
from engine.interchange.sheets import Sheet
from engine.problems import InvalidError, Place, Problem

_TEXT_FORMAT: Final = "@"
_WIDEST, _NARROWEST = 60, 10
_LONGEST_LIST: Final = 255
"""Characters of a list to choose from, as the format says."""

_UNWRITABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
_LOOKS_ESCAPED: Final = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_MADE: Final = dt.datetime(2000, 1, 1)  # noqa: DTZ001  # the same table makes the same bytes


def workbook_bytes(sheets: tuple[Sheet, ...]) -> bytes:
    """The `.xlsx` file. Raises `InvalidError` (`tables.unwritable`) for a text that no cell can hold."""
    workbook = Workbook()
    workbook.properties.creator = "Bylaw"
    workbook.properties.created = workbook.properties.modified = _MADE
    first = workbook.active
    assert isinstance(first, Worksheet)
    for at, sheet in enumerate(sheets):
        target = first if at == 0 else workbook.create_sheet()
        target.title = sheet.name
        _fill(target, sheet)
    made = io.BytesIO()
    workbook.save(made)
    return _without_times(made.getvalue())


def _fill(target: Worksheet, sheet: Sheet) -> None:
    widths: dict[int, int] = {}
    for row, line in enumerate(sheet.rows, start=1):
        for column, given in enumerate(line, start=1):
            cell = target.cell(row, column)
            assert isinstance(cell, Cell)
            cell.number_format = _TEXT_FORMAT
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            if row == 1:
                cell.font = Font(bold=True)
                cell.fill = PatternFill("solid", fgColor="DDE6F0")
            if given.value is not None:
                text = _text(given.text, f"{sheet.name}!{get_column_letter(column)}{row}")
                cell.value = text
                cell.data_type = "s"  # a text that begins with `=` is no formula
                longest = max(map(len, text.split("\n")))
                widths[column] = max(widths.get(column, 0), longest)
            if given.note:
                cell.comment = Comment(_text(given.note, f"{sheet.name}!{get_column_letter(column)}{row}"), "Bylaw")
    for column, width in widths.items():
        target.column_dimensions[get_column_letter(column)].width = min(max(width + 2, _NARROWEST), _WIDEST)
    target.freeze_panes = "B2"
    if len(sheet.rows) > 1:
        target.auto_filter.ref = f"A1:{get_column_letter(len(sheet.rows[0]))}{len(sheet.rows)}"
    for column, choices in sheet.choices.items():
        _offer(target, get_column_letter(column + 1), choices)


def _offer(target: Worksheet, letter: str, choices: tuple[str, ...]) -> None:
    """A list to choose from. Other texts may be typed: a cell may test for several values."""
    listed = ",".join(choices)
    if len(listed) > _LONGEST_LIST or any("," in choice or '"' in choice for choice in choices):
        return
    validation = DataValidation(type="list", formula1=f'"{listed}"', allow_blank=True, showErrorMessage=False)
    validation.add(f"{letter}2:{letter}1048576")
    target.add_data_validation(validation)


def _text(text: str, address: str) -> str:
    found = _UNWRITABLE.search(text)
    if found is not None or len(text) > MAX_TEXT:
        what = (
            f"the character U+{ord(found.group()):04X}" if found is not None else f"more than {MAX_TEXT:,} characters"
        )
        message = f"`{address}` would hold {what}, which no cell can"
        raise InvalidError(Problem("tables.unwritable", message, Place(address), "write it as an escape in the text"))
    return _LOOKS_ESCAPED.sub("_x005F_", text)


def _without_times(data: bytes) -> bytes:
    """The same archive with one fixed time on each part, so that a table always becomes the same bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as after:
        for each in before.infolist():
            info = zipfile.ZipInfo(each.filename, (2000, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            content = before.read(each)
            if each.filename == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2000-01-01T00:00:00Z", content)
            after.writestr(info, content)
    return made.getvalue()
