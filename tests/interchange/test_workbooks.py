"""Workbooks: what people typed is read exactly, what is written is read back, what is hostile is refused."""

from __future__ import annotations

import io
import zipfile
from decimal import Decimal

import pytest
from generated import documents, loaded
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.spreadsheets import read_workbook, workbook_bytes
from adapters.spreadsheets.reading import MAX_PART_BYTES
from engine.interchange.document import document_of
from engine.interchange.sheets import CellValue, Sheet, SheetCell, from_sheets, to_sheets
from engine.problems import InvalidError


@settings(max_examples=25, deadline=None)
@given(documents())
def test_a_table_survives_as_a_workbook(document) -> None:
    """From file to workbook to file nothing is lost, and the same table always makes the same bytes."""
    known = document_of(loaded(document))
    data = workbook_bytes(to_sheets(known))
    again = from_sheets(read_workbook(data, "table.xlsx"))
    assert known == again
    assert data == workbook_bytes(to_sheets(again))


def workbook(
    cells: str = "", *, styles: str = "", after: str = "", shared: str = "", more: dict[str, str | bytes] | None = None
) -> bytes:
    """A workbook of one sheet `Table` with these cells, written as spreadsheet programs write it."""
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts: dict[str, str | bytes] = {
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{relations}"><sheets>'
        '<sheet name="Table" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{relations}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f"<worksheet {main}><sheetData>{cells}</sheetData>{after}</worksheet>",
        "xl/styles.xml": f"<styleSheet {main}>{styles}</styleSheet>",
        "xl/sharedStrings.xml": f"<sst {main}>{shared}</sst>",
        **(more or {}),
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


def cell(inner: str, attributes: str = "", **how: str) -> CellValue:
    """The value of the cell A1."""
    (sheet,) = read_workbook(workbook(f'<row r="1"><c r="A1" {attributes}>{inner}</c></row>', **how), "t.xlsx")
    return sheet.rows[0][0].value


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("0.1", "0.1"),
        ("1E-3", "0.001"),
        ("100", "100"),
        ("0.10000000000000001", "0.1"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("19.989999999999998", "19.99"),
        ("19.990000000000002", "19.990000000000002"),
        ("19.989999999999999999", "19.99"),
        ("123456789012345", "123456789012345"),
        ("-2.5", "-2.5"),
    ],
)
def test_a_number_is_the_one_that_the_file_holds(raw: str, expected: str) -> None:
    """The text of the cell counts; of a binary number written out, the shortest decimal that is the same number."""
    assert Decimal(expected) == cell(f"<v>{raw}</v>")


FORMATS = r"""<numFmts>
<numFmt numFmtId="164" formatCode="yyyy\-mm\-dd hh:mm"/><numFmt numFmtId="165" formatCode="0.0&quot;%&quot;"/>
<numFmt numFmtId="166" formatCode="[Red]#,##0.00&quot;days&quot;"/></numFmts>
<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="20"/><xf numFmtId="10"/>
<xf numFmtId="165"/><xf numFmtId="166"/></cellXfs>"""


@pytest.mark.parametrize(
    ("style", "raw", "text"),
    [
        (1, "46296", '@"2026-10-01"'),
        (2, "46296.375", '@"2026-10-01T09:00:00"'),
        (2, "46296.999988425923", '@"2026-10-01T23:59:59"'),
        (3, "0.5", '@"12:00:00"'),
        (5, "0.5", "0.5"),
        (6, "3", "3"),
        (0, "46296", "46296"),
    ],
)
def test_a_date_is_known_by_its_format(style: int, raw: str, text: str) -> None:
    """Days, instants and times of day become literals; letters in quotes or colours make no date and no percentage."""
    (sheet,) = read_workbook(workbook(f'<row><c s="{style}"><v>{raw}</v></c></row>', styles=FORMATS), "t.xlsx")
    assert text == sheet.rows[0][0].text


def test_texts_are_read_however_they_are_stored() -> None:
    """Shared, inline, of several runs, with escapes, and truth values."""
    runs = "<r><t>of </t></r><r><t xml:space='preserve'>runs</t></r><rPh><t>no</t></rPh>"
    shared = f"<si><t>plain</t></si><si>{runs}</si><si><t>_x000D__x005F_x0041_</t></si>"
    assert ["plain", "of runs", "\r_x0041_"] == [cell(f"<v>{at}</v>", 't="s"', shared=shared) for at in range(3)]
    assert "in" == cell("<is><t>in</t></is>", 't="inlineStr"')
    assert [True, False] == [cell(f"<v>{raw}</v>", 't="b"') for raw in (1, 0)]


@pytest.mark.parametrize(
    ("cells", "after", "message"),
    [
        ('<row><c r="B7"><f>A1+1</f><v>2</v></c></row>', "", "`Table!B7` holds a formula"),
        ('<row><c r="B7" t="e"><v>#REF!</v></c></row>', "", "`Table!B7` holds the error `#REF!`"),
        ('<row><c r="B7" s="4"><v>0.1</v></c></row>', "", "`Table!B7` is a percentage: it shows 0.1 times 100"),
        ('<row><c r="B7" s="1"><v>60</v></c></row>', "", "`Table!B7` shows a date that the calendar does not have"),
        (
            '<row><c r="B7" s="1"><v>99999999</v></c></row>',
            "",
            "`Table!B7` shows a date that the calendar does not have",
        ),
        ('<row><c r="B7"><v>1e9999</v></c></row>', "", "`1e9999` in `Table!B7` is no number"),
        ('<row><c r="B7"><v>NaN</v></c></row>', "", "`NaN` in `Table!B7` is no number"),
        (
            '<row><c r="B2"><v>1</v></c></row>',
            '<mergeCells><mergeCell ref="B2:C2"/></mergeCells>',
            "`Table!B2:C2` is one cell over several columns, or in the header",
        ),
    ],
)
def test_a_cell_that_cannot_be_taken_is_named(cells: str, after: str, message: str) -> None:
    """Each such cell is a problem with its address."""
    with pytest.raises(InvalidError) as refused:
        read_workbook(workbook(cells, styles=FORMATS, after=after), "t.xlsx")
    assert ["tables.cell", message] == [refused.value.code, str(refused.value)]


def test_cells_merged_downwards_hold_for_each_row() -> None:
    """What a person sees beside three rows is in all three."""
    cells = '<row r="2"><c r="A2"><v>1</v></c></row><row r="4"><c r="B4"><v>2</v></c></row>'
    (sheet,) = read_workbook(workbook(cells, after='<mergeCells><mergeCell ref="A2:A4"/></mergeCells>'), "t.xlsx")
    assert [None, 1, 1, 1] == [row[0].value if row else None for row in sheet.rows]
    assert "Table!A4" == sheet.rows[3][0].address


BOMB = b"<worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'>" + b" " * (MAX_PART_BYTES + 1)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "tables.workbook"),
        (b"PK\x03\x04 and no more", "tables.workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "tables.workbook"),
        (workbook()[:200], "tables.workbook"),
        (workbook(more={"xl/vbaProject.bin": b"x"}), "tables.workbook"),
        (workbook(more={"xl/workbook.xml": "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"}), "tables.workbook"),
        (workbook(more={"xl/workbook.xml": "<workbook"}), "tables.workbook"),
        (workbook(more={"xl/workbook.xml": "<workbook/>"}), "tables.workbook"),
        (workbook('<row><c t="s"><v>5</v></c></row>'), "tables.workbook"),
        (workbook('<row><c r="1A"><v>5</v></c></row>'), "tables.workbook"),
        (workbook('<row><c r="A1048576"><v>5</v></c></row>'), "tables.too_large"),
        (workbook('<row><c r="XFD1"><v>5</v></c></row>'), "tables.too_large"),
        (
            workbook(
                '<row r="2"><c r="A2"><v>5</v></c></row>',
                after='<mergeCells><mergeCell ref="A2:A1048576"/></mergeCells>',
            ),
            "tables.too_large",
        ),
        (workbook(more={"xl/worksheets/sheet1.xml": BOMB}), "tables.too_large"),
        (workbook(more={f"xl/{number}": b"" for number in range(2_001)}), "tables.too_large"),
        (workbook(f'<row><c t="inlineStr"><is><t>{"x" * 32_768}</t></is></c></row>'), "tables.too_large"),
    ],
    ids=range(16),
)
def test_a_hostile_file_is_refused(data: bytes, code: str) -> None:
    """Damaged, protected, with macros or entities, or unpacking without end: a problem, no crash and no work."""
    with pytest.raises(InvalidError) as refused:
        read_workbook(data, "t.xlsx")
    assert code == refused.value.code


def test_what_lies_outside_the_file_is_never_opened() -> None:
    """A sheet that is a link to somewhere else is no sheet."""
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    link = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{relations}/worksheet" Target="file:///x" TargetMode="External"/></Relationships>'
    )
    with pytest.raises(InvalidError) as refused:
        read_workbook(workbook(more={"xl/_rels/workbook.xml.rels": link}), "t.xlsx")
    assert "the workbook cannot be read: it has no sheet" == str(refused.value)


def test_a_text_is_never_a_formula() -> None:
    """A rule's text that begins with `=` is written and read as that text, and so is one that looks like an escape."""
    texts = ("=1+1", "_x0041_", "+A1", " a ", "5")
    sheet = Sheet("Table", tuple((SheetCell(text),) for text in texts))
    (again,) = read_workbook(workbook_bytes((sheet,)), "t.xlsx")
    assert texts == tuple(row[0].value for row in again.rows)


def test_a_text_that_no_cell_holds_is_refused() -> None:
    """Control characters and very long texts are told with the cell that would hold them."""
    for text in ("\x07", "x" * 40_000):
        with pytest.raises(InvalidError) as refused:
            workbook_bytes((Sheet("Table", ((SheetCell(None), SheetCell(text)),)),))
        assert ("tables.unwritable", "Table!B1") == (refused.value.code, refused.value.problems[0].place.source)


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(noise: bytes) -> None:
    """Whatever stands in a part, there is a sheet or a problem."""
    for part in ("xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/workbook.xml"):
        try:
            read_workbook(workbook(more={part: noise}), "t.xlsx")
        except InvalidError as refused:
            assert refused.problems
