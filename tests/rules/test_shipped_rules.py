"""The rule files that ship: each one loads without a warning, proves itself, and can be started from."""

from __future__ import annotations

import csv
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from engine.kinds import KINDS, load
from engine.rulefile import RuleSet, SchemaSource

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "rules").rglob("*.yaml"))
SCHEMAS = SchemaSource(
    {p.relative_to(ROOT / "schemas").as_posix(): p.read_bytes() for p in (ROOT / "schemas").rglob("*.schema.json")}
)
each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT / "rules").as_posix())


def loaded(file: Path) -> RuleSet:
    """The rule set of a shipped file."""
    beside = {one.name: one.read_bytes() for one in file.parent.glob("*.csv")}
    return load(file.read_bytes(), source=file.relative_to(ROOT).as_posix(), schemas=SCHEMAS, beside=beside)


@each_file
def test_a_shipped_file_loads_without_a_warning(file: Path) -> None:
    """What we ship has no gap, no unreachable threshold, no missing schema line."""
    assert [] == [problem.render() for problem in loaded(file).warnings]


@each_file
def test_a_shipped_file_passes_its_own_tests(file: Path) -> None:
    """Every case of every file comes out as it says."""
    results = loaded(file).run_tests()
    assert len(results) >= 3
    assert [] == [problem.render() for result in results for problem in result.problems]


@each_file
def test_the_tests_of_a_shipped_file_make_every_rule_fire(file: Path) -> None:
    """A rule that no case covers may say anything; a matrix that lies in a CSV is tested as a whole below."""
    never = loaded(file).coverage().never_fired
    assert () == never or file.name == "discount-limits@1.yaml"


def test_every_row_of_the_discount_matrix_decides_in_its_own_corner() -> None:
    """A quote line at the lower ends of a row's bands gets what that row says, for that reason."""
    file = ROOT / "rules" / "decision" / "discount-limits@1.yaml"
    rules, at = loaded(file), datetime(2026, 11, 2, tzinfo=UTC)
    with file.with_suffix(".csv").open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            amount, term = (
                re.sub(r"^(<.*)$|\D+.*?(\d+).*", r"\2", row[name]) for name in ("annual_amount", "term_months")
            )
            facts = {
                "region": row["region"],
                "product_family": row["product_family"],
                "annual_amount": Decimal(amount or 0),
                "term_months": Decimal(term or 1),
            }
            decision = rules.decide(facts, at=at, as_of=at)
            expected = {"max_discount_percent": Decimal(row["max_discount_percent"]), "approver": row["approver"]}
            assert (expected, [row["id"]]) == (decision.outcome, [reason.rule for reason in decision.reasons])


@each_file
def test_a_shipped_file_lies_where_its_head_says(file: Path) -> None:
    """`rules/<kind>/<name>@<n>.yaml`, with the schema of its kind on line one."""
    rules = loaded(file)
    assert f"{rules.name}@{rules.version}.yaml" == file.relative_to(ROOT / "rules").as_posix()
    named = re.search(r"\$schema=(\S+)", file.read_text(encoding="utf-8").splitlines()[0])
    assert named is not None
    assert (file.parent / named[1]).resolve().is_relative_to(ROOT / "schemas" / "rules")
    assert (file.parent / named[1]).is_file()


@each_file
def test_every_rule_says_why(file: Path) -> None:
    """The readable form has a sentence for each rule, and a heading for each section."""
    described = loaded(file).describe()
    assert described.title
    assert all(section.heading and section.rows for section in described.sections)
    assert any(row.because for section in described.sections for row in section.rows)


def test_versions_follow_each_other_without_a_day_twice() -> None:
    """The versions of a rule set count from 1 and hold one after the other."""
    by_name: dict[str, list[RuleSet]] = {}
    for file in FILES:
        by_name.setdefault(loaded(file).name, []).append(loaded(file))
    for name, versions in by_name.items():
        ordered = sorted(versions, key=lambda rules: rules.version)
        assert list(range(1, len(ordered) + 1)) == [rules.version for rules in ordered], name
        for before, after in pairwise(ordered):
            assert before.effective.to == after.effective.from_, name


def test_every_kind_ships_an_example() -> None:
    """No kind without a file that shows it."""
    assert {kind.name for kind in KINDS} <= {file.parent.name for file in FILES}


def test_the_designs_example_is_shipped() -> None:
    """A retailer who asked for a demo yesterday is a B with 48.550855."""
    rules = loaded(ROOT / "rules" / "lead-priority" / "inbound@3.yaml")
    at = datetime(2026, 11, 2, 9, tzinfo=UTC)
    facts = {"employees": 800, "industry": "retail", "events": [{"type": "demo request", "at": at - timedelta(days=1)}]}
    outcome = rules.decide(facts, at=at, as_of=at).outcome
    assert ("B", Decimal("48.550855")) == (outcome["band"], outcome["score"])


def _enquiries(shared: Path) -> list[tuple[dict[str, object], bool]]:
    """The facts of each past enquiry, and whether it enrolled."""
    fields = {field.name: field for field in SCHEMAS.facts("xeducation-lead/1").fields}
    with (shared / "data" / "xeducation-leads" / "Leads.csv").open(encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    found = []
    for row in rows:
        facts: dict[str, object] = {}
        for column, text in row.items():
            name = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column or "").lower()).strip("_")
            if name in fields and text not in ("", "Select"):
                form = fields[name].form
                facts[name] = text == "Yes" if form == "boolean" else Decimal(text) if form != "string" else text
        found.append((facts, row["Converted"] == "1"))
    return found


def test_course_enquiries_are_ranked_as_they_turned_out(shared: Path) -> None:
    """Over 9,240 past enquiries each band is non-empty and enrols clearly more often than the band below it."""
    rules = loaded(ROOT / "rules" / "lead-priority" / "course-enquiry@1.yaml")
    at = datetime(2026, 11, 2, tzinfo=UTC)
    leads: Counter[str] = Counter()
    enrolled: Counter[str] = Counter()
    enquiries = _enquiries(shared)
    for facts, converted in enquiries:
        decision = rules.decide(facts, at=at, as_of=at)
        band = decision.outcome["band"] or decision.outcome["state"]
        leads[band] += 1
        enrolled[band] += converted
        contributions = sum((reason.contribution for reason in decision.reasons), Decimal(0))
        assert contributions == (decision.outcome["score"] or 0)
    assert (9240, 3561) == (leads.total(), enrolled.total())
    assert {"A": 1868, "B": 1299, "C": 2043, "D": 4030} == dict(leads)
    assert {"A": 1600, "B": 851, "C": 615, "D": 495} == dict(enrolled)


def test_no_course_rule_knows_what_sales_wrote_later() -> None:
    """Columns that are filled after somebody called are no facts, so no rule can leak the outcome."""
    names = {field.name for field in SCHEMAS.facts("xeducation-lead/1").fields}
    assert not names & {"tags", "lead_quality", "lead_profile", "last_notable_activity", "converted"}
