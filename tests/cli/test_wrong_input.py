"""What goes wrong at the command line is told in a sentence with a place, ends with its code and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command_runs import Run

Bylaw = Callable[..., Run]

RULES = "rules"
INBOUND = "lead-priority/inbound"


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    file = tmp_path / "lead.json"
    file.write_text(json.dumps({"employees": 800, "industry": "retail"}))
    return file


@pytest.mark.parametrize("instant", ["0001-01-01", "9999-12-31T23:59:59Z"])
def test_an_instant_at_the_end_of_the_calendar(bylaw: Bylaw, facts: Path, instant: str) -> None:
    """No zone can show such an instant, so nothing is decided or listed at it."""
    asked = bylaw("evaluate", INBOUND, "--facts", facts, "--at", instant, "--rules", RULES, "--json")
    assert (1, ["rules.instant"]) == (asked.code, asked.problems)
    listed = bylaw("rules", "list", "--at", instant)
    assert (1, True) == (listed.code, "rules.instant" in listed.err)


@pytest.mark.parametrize("instant", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_an_instant_outside_the_calendar(bylaw: Bylaw, facts: Path, instant: str) -> None:
    """An instant that has no date in UTC is refused with the option it stands in."""
    found = bylaw("evaluate", INBOUND, "--facts", facts, "--at", instant)
    assert (2, True) == (found.code, "lies outside the years 1 to 9999 in UTC" in found.err)


def test_problems_of_facts_name_their_file(bylaw: Bylaw, facts: Path) -> None:
    """A wrong fact is told with the file it stands in and its path there."""
    facts.write_text('{"employees": "800"}')
    found = bylaw("evaluate", INBOUND, "--facts", facts, "--rules", RULES)
    assert (1, True) == (found.code, found.err.startswith(f"{facts} $.employees: facts.wrong_type: "))


@pytest.mark.parametrize(
    "line",
    [
        ("check", ""),
        ("evaluate", INBOUND, "--facts", ""),
        ("rules", "list", "--home", ""),
        ("import", "crm", ""),
    ],
    ids=" ".join,
)
def test_an_empty_text_is_no_path(bylaw: Bylaw, line: tuple[str, ...]) -> None:
    """An empty name, as an unset variable of a script gives, does not mean the current directory."""
    found = bylaw(*line)
    assert (2, True) == (found.code, "an empty text names no file or directory" in found.err)


@pytest.mark.parametrize(
    ("name", "help_text"),
    [
        ("inbound", "a rule set's name starts with its kind: `lead-priority/inbound`"),
        ("lead-priority/inbund", "did you mean `lead-priority/inbound`?"),
        ("x", "there are: decision/discount-approval, "),
    ],
)
def test_an_unknown_rule_set(bylaw: Bylaw, name: str, help_text: str) -> None:
    """A rule set that is not there is told with the one that may be meant, or with those that are."""
    found = bylaw("rules", "show", name)
    assert (3, True) == (found.code, help_text in found.err)
