"""Tables whose rows are CSV, in a file beside the rule file or in a block of it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.kinds import load
from engine.problems import InvalidError
from engine.rulefile import SchemaSource
from engine.rulefile.beside import document, files_beside

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = SchemaSource(
    {p.relative_to(ROOT / "schemas").as_posix(): p.read_bytes() for p in (ROOT / "schemas").rglob("*.schema.json")}
)
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
HEAD = """\
# yaml-language-server: $schema=../../schemas/rules/decision.schema.json
kind: decision
name: sample
version: 1
title: A sample
effective: {from: 2026-01-01}
facts: discount-request/1
hit_policy: FIRST
columns:
  inputs: [{id: segment}, {id: discount_percent}, {id: points, expression: list_amount}]
  outputs: [{id: approver, values: [nobody, "the, boss", '"quoted"']}, {id: points, type: number}]
"""
TESTS = """\
tests:
  - name: nobody is asked
    given: {segment: small, list_amount: 1, discount_percent: 1}
    expect: {approver: nobody}
"""
ROWS = """\
id,segment,discount_percent,when.points,approver,then.points,because
small,small,< 10,-,nobody,1,Small
large,"mid-market, enterprise",[10..20),>= 100,"the, boss",2,"Large, and
so on"
rest,,,,\"""quoted\""",-3.50,Everything else
"""


def loaded(text: str, rows: str | bytes = ROWS):
    """The rule set of a text with its rows beside it."""
    data = rows.encode() if isinstance(rows, str) else rows
    return load(text.encode(), source="rules/sample.yaml", schemas=SCHEMAS, beside={"rows.csv": data})


BESIDE = f"{HEAD}rows_file: rows.csv\n{TESTS}"
INLINE = (
    HEAD
    + """\
rows:
  - {id: small, when: {segment: small, discount_percent: < 10}, then: {approver: nobody, points: 1}, because: Small}
  - id: large
    when: {segment: 'mid-market, enterprise', discount_percent: '[10..20)', points: '>= 100'}
    then: {approver: 'the, boss', points: 2}
    because: "Large, and\\nso on"
  - {id: rest, then: {approver: '"quoted"', points: -3.50}, because: Everything else}
"""
    + TESTS
)


def test_rows_in_a_csv_mean_what_the_same_rows_in_the_file_mean() -> None:
    """The readable form and every decision are the same, however the rows are written."""
    beside, inline = loaded(BESIDE), loaded(INLINE)
    assert inline.describe() == beside.describe()
    for facts in (
        {"segment": "small", "list_amount": 1, "discount_percent": 9},
        {"segment": "enterprise", "list_amount": 100, "discount_percent": 10},
        {"segment": "enterprise", "list_amount": 99, "discount_percent": 10},
    ):
        one, other = (rules.decide(facts, at=AT, as_of=AT) for rules in (beside, inline))
        assert (other.outcome, other.reasons, other.why_not) == (one.outcome, one.reasons, one.why_not)


def test_the_text_of_a_version_holds_its_rows() -> None:
    """What is published needs no other file: it loads alone, with the same digest, and changes no further."""
    rules = loaded(BESIDE)
    alone = load(rules.text.encode(), source=rules.source, schemas=SCHEMAS)
    assert (rules.digest, rules.text) == (alone.digest, alone.text)
    assert sha256(rules.text.encode()).hexdigest() == rules.digest
    assert document(BESIDE.encode(), rules.source, {"rows.csv": ROWS.encode()}) == rules.text.encode()
    assert rules.describe() == alone.describe()
    assert all(result.passed for result in alone.run_tests())


def test_the_digest_covers_the_rows() -> None:
    """Another cell in the CSV is another version, a byte order mark or another kind of line break is not."""
    digest = loaded(BESIDE).digest
    assert loaded(BESIDE, ROWS.replace("-3.50", "-3.51")).digest != digest
    assert loaded(BESIDE, b"\xef\xbb\xbf" + ROWS.replace("\n", "\r\n").encode()).digest == digest


def test_comments_and_the_rest_of_the_file_stay_as_they_are_written() -> None:
    """Only the line that names the file is replaced."""
    text = BESIDE.replace("rows_file: rows.csv\n", "rows_file: rows.csv  # kept by pricing\n# and so on\n")
    made = loaded(text).text
    assert "rows_csv: |  # kept by pricing\n  id,segment," in made
    assert made.startswith(HEAD)
    assert made.endswith(f"# and so on\n{TESTS}")


def test_a_test_that_fails_shows_its_line_although_rows_lie_elsewhere() -> None:
    """Lines of problems are those of the file as it was read."""
    failing = loaded(BESIDE.replace("expect: {approver: nobody}", "expect: {approver: somebody}"))
    (result,) = failing.run_tests()
    lines = failing.excerpts["rules/sample.yaml"].split("\n")
    assert [(problem.place.source, lines[problem.place.line - 1]) for problem in result.problems] == [
        ("rules/sample.yaml", problem.excerpt) for problem in result.problems
    ]
    assert "somebody" in result.problems[0].excerpt


@pytest.mark.parametrize(
    ("rows", "code", "line", "column"),
    [
        (ROWS.replace("small,small", "small,smal"), "feel.not_in_enum", 2, 7),
        (ROWS.replace("small,small", "Small,small"), "rules.wrong_value", 2, 1),
        (ROWS.replace("large,", "small,"), "rules.duplicate_id", 3, 1),
        (ROWS.replace("-3.50", '"1 + ""x"""'), "feel.wrong_type", 5, 23),
        (ROWS.replace("Everything else", "because " * 40), "rules.wrong_value", 5, 28),
        (ROWS.replace("because\n", "reason\n"), "rules.rows_csv", 1, 62),
        (ROWS.replace("when.points", "points"), "rules.rows_csv", 1, 29),
        (ROWS.replace("nobody", "no\tbody"), "rules.tab", 2, 22),
        (ROWS.replace("nobody", "no\u2028body"), "rules.encoding", 2, 22),
        (ROWS.replace("nobody", "no\x07body"), "rules.encoding", 2, 22),
        ("\n", "import.empty", 0, 0),
        ("id,segment,approver,then.points,because\n,,,,\n", "rules.rows_csv", 1, 1),
        (ROWS.encode("utf-16"), "import.encoding", 1, 1),
    ],
)
def test_a_problem_points_into_the_csv(rows: str | bytes, code: str, line: int, column: int) -> None:
    """Each problem names the CSV file, the line and the very character."""
    with pytest.raises(InvalidError) as refused:
        loaded(BESIDE, rows)
    place = refused.value.problems[0].place
    assert (code, "rules/rows.csv", line, column) == (refused.value.code, place.source, place.line, place.column)


def test_a_table_has_its_rows_in_one_place() -> None:
    """Rows under `rows` beside a CSV file would leave open which of them count."""
    with pytest.raises(InvalidError) as refused:
        loaded(BESIDE + "rows: [{id: a, then: {approver: nobody, points: 1}, because: A}]\n")
    assert refused.value.code == "rules.wrong_value"


def test_the_line_that_names_the_file_stands_alone() -> None:
    """Where it cannot be replaced by a block the file is refused, not guessed at."""
    with pytest.raises(InvalidError) as refused:
        loaded(BESIDE.replace("rows_file: rows.csv", "rows_file:\n  rows.csv"))
    assert refused.value.code == "rules.rows_file"


def test_files_beside_are_those_of_the_same_folder() -> None:
    """A CSV in another folder, or below, is not beside the file."""
    files = {"a/x.yaml": b"", "a/1.csv": b"1", "a/b/2.csv": b"2", "3.csv": b"3", "a/4.txt": b"4"}
    assert {"1.csv": b"1"} == files_beside("a/x.yaml", files)
    assert {"3.csv": b"3"} == files_beside("x.yaml", files)


SENTENCES = st.text(
    st.characters(exclude_categories=("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"), include_characters="\n\",' #:|"),
    min_size=1,
    max_size=30,
).filter(lambda text: text.strip() != "" and text[0] != "\ufeff")


@given(st.lists(st.tuples(SENTENCES, SENTENCES), min_size=1, max_size=5))
def test_any_field_survives_on_its_way_into_the_version(rows: list[tuple[str, str]]) -> None:
    """Quotes, commas, line breaks, blanks at the ends and YAML's own signs: the version holds every field unchanged."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["because", "then.points", "approver", "id"])
    for number, (because, value) in enumerate(rows):
        text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        writer.writerow([because, f' 1 + 1 + string length("{text}")', "nobody", f"r{number}"])
    text = BESIDE.replace("hit_policy: FIRST", "hit_policy: COLLECT")
    beside = loaded(text, out.getvalue())
    assert [because for because, _ in rows] == [row.because for row in beside.body.table.model.rows]
    alone = load(beside.text.encode(), source=beside.source, schemas=SCHEMAS)
    cells = [
        [(row.id, row.because, [cell.text for cell in row.outputs]) for row in one.body.table.model.rows]
        for one in (beside, alone)
    ]
    assert cells[0] == cells[1]
    assert beside.digest == alone.digest
