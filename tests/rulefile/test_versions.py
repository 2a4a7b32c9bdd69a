"""Versions of a rule set beside each other: holes, double cover and hidden versions, against looking at every hour."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.rulefile import RuleSet
from engine.rulefile.versions import look_at_versions

Load = Callable[..., RuleSet]
FIRST_DAY = date(2026, 3, 20)


def version(load_text: Load, number: int, start: int, end: int | None, zone: str = "UTC") -> RuleSet:
    """A version that holds from some days after the first day on."""
    until = f", to: {FIRST_DAY + timedelta(days=end)}" if end is not None else ""
    return load_text(
        f"""
        kind: decision
        name: sample
        version: {number}
        title: A sample
        effective: {{from: {FIRST_DAY + timedelta(days=start)}{until}}}
        zone: {zone}
        facts: discount-request/1
        expression: list_amount
        """
    )


def test_versions_that_follow_each_other_say_nothing(load_text: Load) -> None:
    """A version without an end gives way to the next; one with an end may be followed on that day."""
    versions = [version(load_text, 1, 0, 5), version(load_text, 2, 5, None), version(load_text, 3, 20, None)]
    assert () == look_at_versions(versions)


def test_an_exception_for_a_while_says_nothing(load_text: Load) -> None:
    """A higher version within a lower one's days is meant so."""
    assert () == look_at_versions([version(load_text, 1, 0, 30), version(load_text, 2, 5, 10)])


def test_a_hole_is_told_with_its_first_instant(load_text: Load) -> None:
    """Days without any version between two are told, with the instants in the versions' zones."""
    (problem,) = look_at_versions([version(load_text, 1, 0, 5), version(load_text, 2, 8, None, "Europe/Berlin")])
    assert "rules.versions_hole" == problem.code
    assert (
        "from 2026-03-25T00:00:00Z to before 2026-03-27T23:00:00Z, between version 1 and version 2" in problem.message
    )


def test_a_hole_of_an_hour_between_two_zones_is_found(load_text: Load) -> None:
    """The day ends when it ends in the version's zone, and begins when it begins in the next one's."""
    (problem,) = look_at_versions([version(load_text, 1, 0, 5, "Europe/Berlin"), version(load_text, 2, 5, None)])
    assert "from 2026-03-24T23:00:00Z to before 2026-03-25T00:00:00Z" in problem.message


def test_an_end_that_nobody_waits_for_is_told(load_text: Load) -> None:
    """A version that says it holds until a day, and a higher one that takes over before."""
    (problem,) = look_at_versions([version(load_text, 1, 0, 10), version(load_text, 2, 5, None)])
    assert "rules.versions_overlap" == problem.code
    assert "both hold from 2026-03-25T00:00:00Z to before 2026-03-30T00:00:00Z" in problem.message


def test_a_version_that_is_never_in_force_is_told(load_text: Load) -> None:
    """Of versions that hold on one day the highest decides, so a lower one may never do."""
    (problem,) = look_at_versions([version(load_text, 1, 5, 7), version(load_text, 2, 0, None)])
    assert ("rules.version_hidden", "sample.yaml") == (problem.code, problem.place.source)
    assert "version 1 of `decision/sample` is never in force" in problem.message


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 8), st.none() | st.integers(1, 6), st.sampled_from(["UTC", "Europe/Berlin", "Asia/Tokyo"])
        ),
        min_size=1,
        max_size=4,
    )
)
def test_holes_and_hidden_versions_are_those_of_every_hour(
    load_text: Load, given_versions: list[tuple[int, int | None, str]]
) -> None:
    """Looking at every hour finds a hole exactly where one is told, and the same versions never in force."""
    versions = [
        version(load_text, number, start, None if days is None else start + days, zone)
        for number, (start, days, zone) in enumerate(given_versions, 1)
    ]
    first = datetime(2026, 3, 18, tzinfo=UTC)
    hours = [first + timedelta(hours=hour) for hour in range(24 * 24)]
    in_force = [max((v.version for v in versions if v.effective.holds(at, v.zone)), default=0) for at in hours]
    inside = "".join("-" if number == 0 else "x" for number in in_force).strip("-")
    problems = look_at_versions(versions)
    holes = [problem for problem in problems if problem.code == "rules.versions_hole"]
    assert len(re.findall("-+", inside)) == len(holes)
    for problem in holes:
        start = re.search(r"from (\S+Z) to before (\S+Z)", problem.message)
        assert start is not None
        at, end = (datetime.fromisoformat(start[group]) for group in (1, 2))
        assert {0} == {number for hour, number in zip(hours, in_force, strict=True) if at <= hour < end}
    hidden = {
        int(found[1])
        for problem in problems
        if problem.code == "rules.version_hidden" and (found := re.match(r"version (\d+)", problem.message))
    }
    assert {v.version for v in versions} - set(in_force) == hidden


def test_versions_at_the_start_of_the_calendar_are_looked_at(load_text: Load) -> None:
    """A day whose start lies before the calendar, in its zone, is no error."""
    text = """
        kind: decision
        name: sample
        version: {number}
        title: A sample
        effective: {{from: 0001-01-01, to: 0001-01-05}}
        zone: Pacific/Kiritimati
        facts: discount-request/1
        expression: list_amount
        """
    versions = [load_text(text.format(number=number)) for number in (1, 2)]
    assert ["rules.version_hidden"] == [problem.code for problem in look_at_versions(versions)]


@pytest.mark.parametrize("count", [0, 1])
def test_one_version_alone_says_nothing(load_text: Load, count: int) -> None:
    """There is nothing beside it, even if it ends."""
    assert () == look_at_versions([version(load_text, 1, 0, 5)] * count)
