"""New rows into rule files: from sheets, CSV and pasted cells."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from generated import ROOT, SCHEMAS, documents, loaded
from hypothesis import given, settings

from engine.interchange.document import document_of
from engine.interchange.rows import pasted_sheet, rows_csv, rows_taken_for_formulas, with_rows
from engine.interchange.rule_text import rule_text
from engine.interchange.sheets import Sheet, SheetCell, from_sheets, rows_of_sheet, to_sheets
from engine.kinds import load
from engine.problems import InvalidError
from engine.rulefile import RuleSet

BONUS = ROOT / "tests" / "cases" / "cli" / "beside" / "bonus.yaml"


def shipped(name: str) -> RuleSet:
    """A shipped decision."""
    file = ROOT / "rules" / "decision" / f"{name}.yaml"
    beside = {path.name: path.read_bytes() for path in file.parent.glob("*.csv")}
    return load(file.read_bytes(), source=file.name, schemas=SCHEMAS, beside=beside)


def sheet(*lines: str) -> Sheet:
    """Pasted cells, with bars between them."""
    return pasted_sheet("\n".join(lines).replace("|", "\t").encode(), "pasted")


@settings(max_examples=40, deadline=None)
@given(documents())
def test_a_file_with_the_same_rows_stays_as_it_is(document) -> None:
    """Rows replaced by themselves leave the text unchanged, and so does a way through CSV."""
    text, known = rule_text(document), document_of(loaded(document))
    assert text == with_rows(text, "", known, known.rows).text
    rows = rows_of_sheet(pasted_sheet(rows_csv(known).encode(), "", ","), known)
    assert tuple(replace(row, note="") for row in known.rows) == rows


def test_only_the_rows_change_wherever_they_stand() -> None:
    """What stands before and behind the rows stays, with its comments, in each of the three ways of writing rows."""
    rules = shipped("discount-limits@1")
    known = document_of(rules)
    changed = with_rows(rules.text, "", known, known.rows[:1])
    before, _, behind = changed.text.partition("rows_csv: |  # discount-limits@1.csv\n")
    assert before == rules.text[: len(before)]
    assert behind.count("\n  ") > 1
    assert rules.text.endswith("tests:" + behind.partition("tests:")[2])
    inline = shipped("discount-approval@1")
    text = inline.text.replace("tests:\n", "# about the tests\n\ntests:\n")
    changed = with_rows(text, "", document_of(inline), document_of(inline).rows[:2])
    assert changed.text.startswith(text.partition("rows:\n")[0])
    assert changed.text.endswith("# about the tests\n\ntests:\n" + text.partition("tests:\n")[2])
    assert 2 == changed.text.count("  - id: ")
    beside = with_rows(BONUS.read_text(encoding="utf-8"), "", known, known.rows[:1])
    assert ("bonus.csv", rows_csv(known, known.rows[:1])) == (beside.csv_name, beside.text)


def test_columns_are_found_by_id_or_title_in_any_order() -> None:
    """People head columns as they like; without ids and reasons the rows are numbered."""
    known = document_of(shipped("discount-approval@1"))
    found = rows_of_sheet(
        sheet("Approver|days|Discount (%)|then.days".rpartition("|")[0], "nobody|0|< 10", "||", "deal desk|5|>= 10"),
        known,
    )
    assert ["row-1", "row-2"] == [row.id for row in found]
    assert [{"discount_percent": "< 10"}, {"discount_percent": ">= 10"}] == [dict(row.when) for row in found]
    assert {"approver": "deal desk", "days": "5"} == found[1].then


def test_typed_cells_become_texts_of_the_language() -> None:
    """Numbers are plain digits, dates literals, truth values words."""
    values = (
        Decimal("1E+3"),
        Decimal("0.10"),
        True,
        dt.date(2026, 10, 1),
        dt.time(9),
        dt.datetime.fromisoformat("2026-10-01T09:00"),
        None,
    )
    expected = ["1000", "0.10", "true", '@"2026-10-01"', '@"09:00:00"', '@"2026-10-01T09:00:00"', ""]
    assert expected == [SheetCell(value).text for value in values]


@pytest.mark.parametrize(
    ("lines", "code", "place"),
    [
        (("Aprover|days", "a|1"), "tables.header", "pasted line 1, field 1"),
        (("approver|days|days", "a|1|1"), "tables.header", "pasted line 1, field 3"),
        (("approver", "nobody"), "tables.header", "pasted line 1, field 1"),
        (("approver|days|", "nobody|1|x"), "tables.header", "pasted line 2, field 3"),
        (("approver|days", "nobody|"), "tables.cell", "pasted line 2, field 1"),
        (("approver|days",), "tables.sheet", "pasted"),
        (("approver|days|list_amount", "nobody|1|< 1,234.50"), "tables.cell", "pasted line 2, field 3"),
        (('approver|"days', "nobody|1"), "import.unclosed_quote", "pasted"),
    ],
)
def test_a_wrong_sheet_is_told_by_its_cells(lines: tuple[str, ...], code: str, place: str) -> None:
    """Unknown, double and missing columns, missing outputs, numbers with commas: each at its cell."""
    with pytest.raises(InvalidError) as refused:
        rows_of_sheet(sheet(*lines), document_of(shipped("discount-approval@1")))
    assert (code, place) == (refused.value.code, refused.value.problems[0].place.source)


@pytest.mark.parametrize(
    ("at", "row", "column", "value", "code"),
    [
        (0, 0, 0, "", "tables.header"),
        (1, 0, 0, "prat", "tables.header"),
        (1, 1, 0, "both", "tables.cell"),
        (1, 3, 5, "high, low", "tables.cell"),
        (2, 2, 1, "one", "tables.cell"),
        (2, 1, 0, "nam", "tables.cell"),
        (2, 8, 1, "SOME", "tables.cell"),
        (3, 1, 3, "{a: [", "tables.cell"),
    ],
)
def test_a_wrong_cell_of_a_workbook_is_told(at: int, row: int, column: int, value: str, code: str) -> None:
    """Each sheet's cells are checked: parts, values, numbers, policies, facts of tests."""
    sheets = list(to_sheets(document_of(shipped("discount-approval@1"))))
    rows = [list(line) for line in sheets[at].rows]
    rows[row][column] = SheetCell(value or None, "here")
    if not value:
        rows[1][column] = SheetCell("x", "here")
    sheets[at] = Sheet(sheets[at].name, tuple(map(tuple, rows)))
    with pytest.raises(InvalidError) as refused:
        from_sheets(sheets)
    assert (code, "here") in {(problem.code, problem.place.source) for problem in refused.value.problems}


def test_a_workbook_without_its_sheets_is_no_rule_file() -> None:
    """A table alone says nothing of its columns; the problem says what to do."""
    with pytest.raises(InvalidError) as refused:
        from_sheets([sheet("approver|days", "a|1")])
    assert "tables.sheet" == refused.value.code
    assert "--into" in refused.value.problems[0].help


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ('=HYPERLINK("http://foreign.test","open")', True), ("@SUM(1+1)*cmd|' /C calc'!A0", True), ("+1-1", True),
        ("-2+3", True), ("\t=1", True), ("-A1", True), ("= 5", True), ("-", False), ("-5", False), ("+1.5", False),
        ('@"2026-11-02"', False), (">= 5", False), ("plain", False), (" =1", False), ("", False),
    ],
)  # fmt: skip
def test_rows_that_a_spreadsheet_would_run_are_named(text: str, taken: bool) -> None:  # noqa: FBT001
    """A text that a spreadsheet takes for a formula is named by its row; a number, a date and `-` are none."""
    document = document_of(shipped("discount-limits@1"))
    first = replace(document.rows[0], because=text)
    changed = replace(document, rows=(first, *document.rows[1:]))
    assert ((first.id,) if taken else ()) == rows_taken_for_formulas(changed)
