"""The tests a rule file carries: facts, an instant, and what must come out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import Any, Final

from engine import exact_json
from engine.decision import Decision
from engine.problems import Place, Problem, Report
from engine.rulefile.head import Head
from engine.rulefile.nodes import Node, NodeKind, PlainNumber
from engine.rulefile.temporal import parse_instant

_STEP: Final = re.compile(r"[^.\[\]]+")
"""The parts of a path such as `$.events[0].at`."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test of a rule file.

    `expect` holds the part of the outcome that matters (members not named are free), `expect_reasons` the ids of the
    rules that fire, in order, `expect_error` the code of a problem that must come instead of an outcome.
    """

    name: str
    given: Mapping[str, Any]
    at: datetime
    as_of: datetime
    expect: Mapping[str, Any] | None = None
    expect_reasons: tuple[str, ...] | None = None
    expect_error: str | None = None
    place: Place = field(default=Place(), compare=False)
    tree: Node | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How a test went. `fired` are the ids of the rules that fired in it."""

    name: str
    passed: bool
    problems: tuple[Problem, ...] = ()
    fired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which rules a file's tests have made fire at least once, and which never."""

    fired: tuple[str, ...]
    never_fired: tuple[str, ...]


def read_cases(tree: Node, head: Head, zone: Any, report: Report, warnings: Report) -> tuple[Case, ...]:
    """The cases under `tests`. A case without `at` runs at the start of the first day on which the version holds."""
    found: list[Case] = []
    names: dict[str, int] = {}
    first_instant = datetime.combine(head.effective.from_, time(), zone)
    for node in tree.list_of("tests"):
        name = node.text_of("name")
        if name in names:
            message = f"`{name}` is the name of two tests"
            report.add("rules.duplicate_id", message, node["name"].place, f"the first stands on line {names[name]}")
        names[name] = node["name"].place.line
        at = _instant(node.get("at"), first_instant, report)
        if "at" in node and not head.effective.holds(at, zone):
            message = f"the test runs at a time when this version does not hold ({head.effective})"
            warnings.add("rules.test_instant", message, node["at"].place, "test a version within its own dates")
        if "expect" not in node and "expect_error" not in node and "expect_reasons" not in node:
            help_text = "add `expect`, `expect_reasons` or `expect_error`"
            report.add("rules.test_needs_result", f"the test `{name}` expects nothing", node["name"].place, help_text)
        found.append(
            Case(
                name=name,
                given=node["given"].to_value() if "given" in node else {},
                at=at,
                as_of=_instant(node.get("as_of"), at, report),
                expect=node["expect"].to_value() if "expect" in node else None,
                expect_reasons=tuple(item.text for item in node["expect_reasons"])
                if "expect_reasons" in node
                else None,
                expect_error=node.text_of("expect_error") or None,
                place=node["name"].place,
                tree=node,
            )
        )
    return tuple(found)


def _instant(node: Node | None, default: datetime, report: Report) -> datetime:
    if node is None:
        return default
    found = parse_instant(node.text)
    if found is None:
        message = f"`{node.text}` is not an instant with its zone"
        report.add("rules.test_instant", message, node.place, "like this: `2026-11-02T09:00:00Z`")
        return default
    return found


def judge(case: Case, decision: Decision) -> CaseResult:
    """Compare a decision with what the case expects."""
    fired = tuple(reason.rule for reason in decision.reasons)
    report = Report()
    if case.expect_error is not None:
        message = f"the problem `{case.expect_error}` was expected, but a decision came out"
        report.add("rules.test_failed", message, _place(case, "expect_error"))
    if case.expect is not None:
        _compare(case.expect, decision.outcome, _node(case, "expect"), case, report)
    if case.expect_reasons is not None and case.expect_reasons != fired:
        message = f"these rules should have fired: {_ids(case.expect_reasons)}; these did: {_ids(fired)}"
        report.add("rules.test_failed", message, _place(case, "expect_reasons"))
    return CaseResult(case.name, not report, tuple(report), fired)


def judge_error(case: Case, problems: Sequence[Problem]) -> CaseResult:
    """Compare a refusal with what the case expects."""
    codes = [problem.code for problem in problems]
    if case.expect_error in codes:
        return CaseResult(case.name, passed=True)
    found = tuple(
        Problem(
            "rules.test_failed", f"the rules could not decide: {problem.message}", _given(case, problem), problem.help
        )
        for problem in problems
    )
    return CaseResult(case.name, passed=False, problems=found)


def _compare(
    wanted: Any, found: Any, node: Node | None, case: Case, report: Report, *, name: str = "the outcome"
) -> None:
    place = node.place if node is not None else case.place
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping):
            report.add("rules.test_failed", f"{name} is {_shown(found)}, not a group of fields", place)
            return
        for key, value in wanted.items():
            below = node.get(key) if node is not None else None
            if key not in found:
                known = ", ".join(f"`{known}`" for known in found) or "nothing"
                where = (below.key_place or below.place) if below is not None else place
                report.add("rules.test_failed", f"{name} has no `{key}`", where, f"it has {known}")
                continue
            _compare(value, found[key], below, case, report, name=f"`{key}`")
        return
    if isinstance(wanted, list):
        if not isinstance(found, list | tuple) or len(found) != len(wanted):
            report.add("rules.test_failed", f"{name} is {_shown(found)}; a list of {len(wanted)} was expected", place)
            return
        for index, (value, item) in enumerate(zip(wanted, found, strict=True)):
            below = node.items[index] if node is not None and node.kind is NodeKind.LIST else None
            _compare(value, item, below, case, report, name=f"item {index + 1} of {name}")
        return
    if not _equal(wanted, found):
        expected = _shown(wanted)
        if expected == _shown(found):  # a text beside a number
            expected = f"{'the text' if isinstance(wanted, str) else 'the number'} {expected}"
        report.add("rules.test_failed", f"{name} is {_shown(found)}; {expected} was expected", place)


def _equal(wanted: Any, found: Any) -> bool:
    if isinstance(found, bool) or isinstance(wanted, bool) or found is None or wanted is None:
        return wanted is found
    if isinstance(found, Decimal | int):
        return isinstance(wanted, Decimal) and wanted == found
    text = wanted.text if isinstance(wanted, PlainNumber) else wanted
    return bool(text == exact_json.plain(found))


def _shown(value: Any) -> str:
    plain = exact_json.plain(value)
    if plain is None:
        return "null"
    if isinstance(plain, dict):
        return "a group of fields"
    return f"a list of {len(plain)}" if isinstance(plain, list) else f"`{plain}`"


def _ids(ids: Sequence[str]) -> str:
    return ", ".join(f"`{rule}`" for rule in ids) or "none"


def _node(case: Case, name: str) -> Node | None:
    return case.tree.get(name) if case.tree is not None else None


def _given(case: Case, problem: Problem) -> Place:
    """Where the fact that a problem is about stands among the given ones, or where it should stand."""
    given = _node(case, "given")
    if given is None or not problem.code.startswith("facts."):
        return case.place
    steps: list[str | int] = [int(step) if step.isdigit() else step for step in _STEP.findall(problem.place.path[1:])]
    node = given.at(steps)
    return (node.key_place or node.place) if problem.code == "facts.unknown_field" else node.place


def _place(case: Case, name: str) -> Place:
    node = _node(case, name)
    return node.place if node is not None else case.place
