"""Rule sets in readable form: what they say, since when, whether their tests pass, and the very text."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, request

from engine.problems import InvalidError, Problem
from engine.rulefile import CaseResult, RuleSet
from engine.service import rulesets
from webapp.console.format import words
from webapp.console.frame import Route, api, caller, link, page, ports
from webapp.console.listing import asked, person_names
from webapp.console.nearest import LONGEST_ADDRESS

KIND_NOTES = {
    "lead-priority": "Which lead to work first",
    "lead-routing": "Who gets a lead",
    "incentive-plan": "What a representative earns",
    "sync-conflict": "Which edit wins",
    "release-gate": "When a document may leave",
    "reminder": "When somebody is reminded",
    "boundary": "What happens when a third party is down",
    "decision": "Tables and expressions for any question",
}


@dataclass(frozen=True, slots=True)
class TestState:
    """How the tests that travel with a version went just now."""

    passed: int
    total: int

    @property
    def tone(self) -> str:
        """Green only if there are tests and all pass."""
        return "warn" if not self.total else "good" if self.passed == self.total else "bad"

    @property
    def text(self) -> str:
        """`8/8 tests pass`, or that there are none."""
        return f"{self.passed}/{self.total} tests pass" if self.total else "no tests"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found in a version and, where it fits into an address, the page that tries the record that shows it."""

    problem: Problem
    tone: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """A rule set in the list, with its tests."""

    summary: rulesets.RuleSetSummary
    tests: TestState


def test_state(results: tuple[CaseResult, ...]) -> TestState:
    """Count what passed."""
    return TestState(sum(result.passed for result in results), len(results))


def lines(kind: str | None = None) -> tuple[Line, ...]:
    """Every rule set that the person may read, with its tests run."""
    instant = caller().now
    return tuple(
        Line(
            summary,
            test_state(rulesets.get_version(ports(), caller(), summary.name, summary.version).rule_set.run_tests()),
        )
        for summary in rulesets.list_rule_sets(ports(), caller(), kind=kind, at=instant)
    )


def rule_sets() -> Response:
    """All rule sets, by kind."""
    kind = asked("kind")
    everything = rulesets.list_rule_sets(ports(), caller(), at=caller().now)
    kinds = sorted({summary.kind for summary in everything})
    shown = lines(kind or None)
    return page(
        "rule_sets.html",
        section="rules",
        title="Rule sets",
        json_url=api("rule-sets", kind=kind),
        kind=kind,
        kinds=[(name, sum(summary.kind == name for summary in everything)) for name in kinds],
        all_count=len(everything),
        grouped=[
            (name, KIND_NOTES.get(name, ""), [line for line in shown if line.summary.kind == name]) for name in kinds
        ],
    )


def rule_set(kind: str, name: str) -> Response:
    """One version in readable form; without a number the one in force now, else the newest."""
    full = f"{kind}/{name}"
    versions = rulesets.list_versions(ports(), caller(), full)
    number = version_number(request.args.get("version", ""), full)
    summaries = rulesets.list_rule_sets(ports(), caller(), at=caller().now)
    live = next(summary for summary in summaries if summary.name == full)
    wanted = live.version if number is None else number
    shown = rulesets.get_version(ports(), caller(), full, wanted)
    results = shown.rule_set.run_tests()
    return page(
        "rule_set.html",
        section="rules",
        title=shown.rule_set.title,
        crumbs=(("Rule sets", link("rule_sets")), (words(kind), link("rule_sets", kind=kind))),
        json_url=api(f"rule-sets/{full}/versions/{wanted}"),
        kind=kind,
        name=name,
        full=full,
        shown=shown,
        rule_set=shown.rule_set,
        description=shown.rule_set.describe(),
        in_force=live.version if live.state == "in force" else None,
        state=live.state,
        versions=versions,
        results=results,
        cases=cases(shown.rule_set),
        tests=test_state(results),
        findings=findings(shown.rule_set),
        lines=shown.record["text"].splitlines(),
        names=person_names(),
    )


def findings(rule_set: RuleSet) -> tuple[Finding, ...]:
    """What is doubtful in a version, then what is worth knowing."""
    told = [("doubtful", problem) for problem in rule_set.warnings]
    told += [("worth knowing", problem) for problem in rule_set.hints]
    return tuple(Finding(problem, tone, _record_page(rule_set, problem)) for tone, problem in told)


def _record_page(rule_set: RuleSet, problem: Problem) -> str | None:
    if not problem.given:
        return None
    address = link("trial", rule=rule_set.name, version=str(rule_set.version), facts=problem.given)
    return address + "#result" if len(address) <= LONGEST_ADDRESS else None


def cases(rule_set: RuleSet) -> dict[str, int]:
    """The place of each test in its file, by name: what a link to the try page carries."""
    return {case.name: index for index, case in enumerate(rule_set.tests)}


def version_number(text: str, name: str) -> int | None:
    """The number asked for, or None. Raises `InvalidError` for what is no number."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InvalidError(
            Problem("request.bad_parameter", f"`{text[:40]}` is no version of `{name}`", help="versions are numbers")
        )
    return int(text)


ROUTES = (
    Route("/rules", "rule_sets", rule_sets, asks=("read:rule_version",)),
    Route("/rules/<kind>/<name>", "rule_set", rule_set, asks=("read:rule_version", "read:person")),
)
