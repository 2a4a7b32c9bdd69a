"""The rule files printed in the documentation load, pass their tests and say what the pages say."""

from __future__ import annotations

import re

import pytest
from plan_files import ROOT, rule_set

from engine.kinds.sync_conflict.algebra import algebra
from engine.kinds.sync_conflict.strategies import STRATEGIES

PAGES = ("incentive-plans", "sync-conflicts")


@pytest.mark.parametrize("page", PAGES)
def test_printed_rule_files_work(page):
    """A rule file printed on a page loads without problems and passes its own tests."""
    text = (ROOT / "docs" / f"{page}.md").read_text()
    printed = re.findall(r"```yaml\n(kind: .*?)```", text, re.DOTALL)
    assert printed
    for rule_file in printed:
        results = rule_set(rule_file.encode()).run_tests()
        assert results
        assert [] == [problem.message for result in results for problem in result.problems]


def test_the_strategy_table_is_the_measured_one():
    """docs/sync-conflicts.md lists every strategy with the figures of the small model."""
    text = (ROOT / "docs" / "sync-conflicts.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    for strategy in STRATEGIES:
        found = algebra(strategy)
        row = next(row for row in rows if f"`{strategy}`" in row.split("|")[1])
        assert f"{found.triples_agree} of {found.triples}" in row
    assert f"`ties: server`: {algebra('last_write', 'server').triples_agree}" in text


def test_every_member_of_the_outcome_is_described():
    """The pages name every member of the outcomes and of their lines and rows."""
    plan_page = (ROOT / "docs" / "incentive-plans.md").read_text()
    printed = re.findall(r"```yaml\n(kind: .*?)```", plan_page, re.DOTALL)[0]
    rules = rule_set(printed.encode())
    outcome = rules.decide(rules.tests[0].given, at=rules.tests[0].at, as_of=rules.tests[0].as_of).outcome
    assert [] == [name for name in outcome if f"`{name}`" not in plan_page]
    sync_page = (ROOT / "docs" / "sync-conflicts.md").read_text()
    printed = re.findall(r"```yaml\n(kind: .*?)```", sync_page, re.DOTALL)[0]
    rules = rule_set(printed.encode())
    outcome = rules.decide(rules.tests[0].given, at=rules.tests[0].at, as_of=rules.tests[0].as_of).outcome
    assert [] == [name for name in (*outcome, *outcome["fields"][0]) if f"`{name}`" not in sync_page]
