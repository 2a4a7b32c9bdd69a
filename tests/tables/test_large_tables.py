"""Tables of 10,000 rows: planted faults are found, each with a record, and nothing is passed over silently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from large_tables import COLUMNS, Planted, leaves, planted, rule_file

from engine import exact_json
from engine.feel import Field, Scope, check, check_unary_tests, ir, types
from engine.kinds import load
from engine.problems import InvalidError, Problem
from engine.rulefile import FactSchema, SchemaSource
from engine.tables import Finding, HitPolicy, Input, Output, Row, Severity, Table, TableModel, Text, analysis
from engine.tables.analysis import Analysed, analyse
from engine.tables.cell import Cell

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = SchemaSource(
    {p.relative_to(ROOT / "schemas").as_posix(): p.read_bytes() for p in (ROOT / "schemas").rglob("*.schema.json")}
)
LEADS: FactSchema = SCHEMAS.facts("lead/2")
SUBJECTS = tuple(check(name, LEADS.scope).ir for name in COLUMNS)


@cache
def cell(name: str, text: str) -> Cell:
    """A cell as a condition about its fact."""
    subject = SUBJECTS[COLUMNS.index(name)]
    assert isinstance(subject, ir.Fact)
    return Cell(check_unary_tests(text, LEADS.scope.fields[name], LEADS.scope), subject)


def analysed(table: Planted) -> Analysed:
    """What the analysis looks at, made of each different cell once."""
    texts = tuple(tuple(cells.get(name, "-") for name in COLUMNS) for _, cells, _ in table.rows)
    policy = HitPolicy.named(table.policy)
    assert policy is not None
    return Analysed(
        rows=tuple(row for row, _, _ in table.rows),
        inputs=SUBJECTS,
        subjects=tuple(subject for subject in SUBJECTS if isinstance(subject, ir.Fact)),
        labels=COLUMNS,
        matrix=tuple(tuple(cell(name, text) for name, text in zip(COLUMNS, row, strict=True)) for row in texts),
        outputs=tuple({"queue": output} for _, _, output in table.rows),
        policy=policy,
        has_default=False,
        scope=LEADS.scope,
        domains=LEADS.domains,
    )


def is_in(cells: Mapping[str, str], record: Mapping[str, Any]) -> bool:
    """Whether a record lies in a row, by the interpreter."""
    return all(
        check_unary_tests(text, LEADS.scope.fields[name], LEADS.scope).interpret({"?": record.get(name)}) is True
        for name, text in cells.items()
    )


@pytest.mark.parametrize("policy", ["UNIQUE", "FIRST", "ANY"])
def test_planted_faults_among_ten_thousand_rows_are_found(policy: str) -> None:
    """Exactly the planted gap, overlap, masked row and contradiction are told, each with a record that shows it."""
    table = planted(policy, 10_000)
    found = [each for each in analyse(analysed(table)) if each.severity is not Severity.HINT]
    assert sorted(table.faults) == sorted(finding.code for finding in found)
    cells_of = {row: cells for row, cells, _ in table.rows}
    removed = {f"r{at:05}": leaf.cells() for at, leaf in enumerate(leaves(10_000))}
    for finding in found:
        record = LEADS.read(exact_json.parse(exact_json.facts_text(finding.witness)))
        assert record == finding.witness
        if finding.code == "table.gap":
            assert is_in(removed[table.faults["table.gap"][0]], record)
            assert table.faults["table.gap"][0] not in cells_of
        else:
            assert table.faults[finding.code] == finding.rows
            assert all(is_in(cells_of[row], record) for row in finding.rows)


@pytest.mark.parametrize("policy", ["UNIQUE", "FIRST", "ANY"])
def test_planted_faults_are_told_when_the_files_load(policy: str) -> None:
    """A rule file with its rows in CSV tells the same, at the rows' lines, with facts that its schema reads."""
    table = planted(policy, 300)
    text, rows = rule_file(table)
    beside = {f"large-{policy.lower()}@1.csv": rows.encode()}
    problems: Sequence[Problem]
    try:
        loaded = load(text.encode(), source=f"large-{policy.lower()}@1.yaml", schemas=SCHEMAS, beside=beside)
        problems = [each for each in loaded.warnings if each.code.startswith("table.")]
    except InvalidError as error:
        problems = error.problems
    assert sorted(table.faults) == sorted(problem.code for problem in problems)
    for problem in problems:
        LEADS.read(exact_json.parse(problem.given))
        if problem.code != "table.gap":
            assert problem.place.source.endswith(".csv")
            assert problem.excerpt.startswith("planted-")


@pytest.mark.parametrize("count", [1, 2, 7, 60])
def test_a_table_that_is_cut_from_the_space_has_neither_gap_nor_overlap(count: int) -> None:
    """What the faults are planted in is free of them."""
    rows = tuple((f"r{at:05}", leaf.cells(), "queue") for at, leaf in enumerate(leaves(count)))
    assert [] == [each for each in analyse(analysed(Planted("UNIQUE", rows, {}))) if each.severity is not Severity.HINT]


SCOPE = Scope({"amount": Field(types.NUMBER), "limit": Field(types.NUMBER), "name": Field(types.STRING)})


def findings(policy: HitPolicy, inputs: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Finding]:
    """What is found about a small table; the last cell is the output."""
    made = tuple(Row(f"r{at}", tuple(map(Text, cells)), (Text(output),)) for at, (*cells, output) in enumerate(rows))
    allowed = tuple(Decimal(number) for number in range(40)) if policy is HitPolicy.PRIORITY else ()
    output = Output("result", types.NUMBER, allowed)
    free = TableModel(tuple(Input(Text(each)) for each in inputs), (output,), made, HitPolicy.COLLECT)
    return analyse(Table.check(free, SCOPE).analysed(policy))


def test_only_so_many_findings_of_a_kind_are_told_and_the_rest_counted() -> None:
    """Thirty rows that all overlap are 435 pairs; twenty are told, and that there are more."""
    found = findings(HitPolicy.UNIQUE, ["amount"], [["-", str(at)] for at in range(30)])
    assert 20 == len([each for each in found if each.code == "table.overlap"])
    assert "only 20 of 435 pairs of rows that both match are told" == found[-1].message
    assert "table.partly_analysed" == found[-1].code


def test_more_gaps_than_are_told_are_mentioned() -> None:
    """Twenty gaps are told, and that there are more."""
    found = findings(HitPolicy.UNIQUE, ["amount"], [[str(at), "1"] for at in range(30)])
    assert 20 == len([each for each in found if each.code == "table.gap"])
    assert "there are more gaps than the 20 that are told" in [each.message for each in found]


def test_a_search_that_is_cut_short_is_mentioned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the steps are not enough, what was not looked at is said."""
    monkeypatch.setattr("engine.tables.analysis.gaps.GAP_STEPS", 3)
    monkeypatch.setattr("engine.tables.analysis.idle_rows.ROW_STEPS", 1)
    found = findings(HitPolicy.FIRST, ["amount"], [["< 5", "1"], [">= 5", "2"], ["[1..7)", "3"]])
    told = [each.message for each in found if each.code == "table.partly_analysed"]
    assert "the search for gaps was cut short" in told
    assert any("it is not known whether rows before them leave them anything" in each for each in told)


def test_a_table_too_large_for_pairs_is_looked_at_cell_by_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the stated size single cells are still looked at, and the rest is said not to have been."""
    monkeypatch.setattr(analysis, "MAX_PAIRS", 1)
    found = findings(HitPolicy.UNIQUE, ["amount"], [["? > 5 and ? < 3", "1"], ["-", "2"]])
    assert ["table.impossible_cell", "table.partly_analysed"] == [each.code for each in found]
    assert "with 2 rows only single cells were looked at" in found[-1].message


def test_a_computed_column_is_led_back_to_a_fact() -> None:
    """An overlap on `amount / 30` is shown by an amount."""
    found = findings(HitPolicy.UNIQUE, ["amount / 30"], [["< 10", "1"], ["[5..20]", "2"], ["> 20", "3"]])
    (overlap,) = [each for each in found if each.code == "table.overlap"]
    assert 5 <= overlap.witness["amount"] / 30 < 10


def test_columns_that_depend_on_each_other_give_no_false_finding() -> None:
    """Two columns of one fact cannot lie apart: what no record shows is not told, and that is said."""
    rows = [["< 10", "> 300", "1"], [">= 10", "-", "2"], ["< 10", "<= 300", "3"], ["< 5", "> 300", "4"]]
    found = findings(HitPolicy.UNIQUE, ["amount", "amount"], rows)
    assert [] == [each for each in found if each.severity is Severity.ERROR]
    assert "1 findings were left out, since no record was found that proves them" in [each.message for each in found]


def test_a_row_that_only_a_record_tells_is_left_out_and_mentioned() -> None:
    """Nothing is claimed about a cell that reads another fact."""
    found = findings(HitPolicy.FIRST, ["amount"], [["> limit", "1"], ["> limit", "2"], ["-", "3"]])
    assert ["table.partly_analysed"] * 3 == [each.code for each in found]
    assert "2 rows have a cell, or an output that ranks them, which only a record tells" in found[-1].message


def test_rows_of_higher_priority_mask_one_together() -> None:
    """Under PRIORITY the output's place among the allowed values says who goes first, not the row's place."""
    found = findings(HitPolicy.PRIORITY, ["amount"], [["[0..10]", "5"], ["< 6", "2"], [">= 6", "3"]])
    (masked,) = [each for each in found if each.code == "table.masked_row"]
    assert ("r1", "r2", "r0") == masked.rows
    assert "`r1`, `r2` together always match first" in masked.message
