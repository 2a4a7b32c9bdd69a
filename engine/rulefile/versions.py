"""Versions of one rule set beside each other: days without any, days with two, and versions that never decide.

In force is the highest number whose interval holds. So a version without an end gives way to the next one silently,
which is how versions follow each other; what is told here is what no author of them can have meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from itertools import combinations

from engine.exact_json import instant_text
from engine.problems import Place, Problem
from engine.rulefile.rule_set import RuleSet


def look_at_versions(versions: Sequence[RuleSet]) -> tuple[Problem, ...]:
    """Warnings about the versions of one rule set, each with an instant that shows it; versions in any order."""
    ordered = sorted(versions, key=lambda each: each.version)
    turns = sorted({instant for each in ordered for instant in _ends(each) if instant is not None})
    found = (*_holes(ordered, turns), *_doubles(ordered), *_hidden(ordered, turns))
    return tuple(problem.in_text(rule_set.source, rule_set.text) for rule_set, problem in found)


Told = tuple[RuleSet, Problem]
"""A problem and the version in whose file it stands."""


def _ends(rule_set: RuleSet) -> tuple[datetime, datetime | None]:
    """The first instant of the version, and the first after it."""
    effective = rule_set.effective
    return _start_of(effective.from_, rule_set), None if effective.to is None else _start_of(effective.to, rule_set)


def _start_of(day: date, rule_set: RuleSet) -> datetime:
    # fold=0: where midnight does not exist, the offset before the change gives the first instant of the day
    local = datetime.combine(day, time(), rule_set.zone)
    try:
        return local.astimezone(UTC)
    except OverflowError:  # hours from the first or last day of the calendar
        return local.replace(tzinfo=UTC)


def _holding(versions: Sequence[RuleSet], at: datetime) -> list[RuleSet]:
    return [each for each in versions if each.effective.holds(at, each.zone)]


def _holes(versions: Sequence[RuleSet], turns: Sequence[datetime]) -> Iterator[Told]:
    """Stretches from one turn to a later one in which nothing holds. Between two turns nothing changes."""
    start: datetime | None = None
    for at in turns:
        if not _holding(versions, at):
            start = start or at
        elif start is not None:
            before = max((each for each in versions if _ends(each)[1] == start), key=lambda each: each.version)
            after = max((each for each in versions if _ends(each)[0] == at), key=lambda each: each.version)
            message = (
                f"no version of `{after.name}` is in force from {instant_text(start)} to before {instant_text(at)}, "
                f"between version {before.version} and version {after.version}"
            )
            help_text = f"let version {after.version} start on the day on which version {before.version} ends"
            yield after, Problem("rules.versions_hole", message, _place(after), help_text)
            start = None


def _doubles(versions: Sequence[RuleSet]) -> Iterator[Told]:
    """A version that says when it ends, and a higher one that has taken over before and still holds then.

    A higher version within a lower one's days is an exception for a while, and meant so.
    """
    for lower, higher in combinations(versions, 2):
        (start, end), (begins, ends) = _ends(lower), _ends(higher)
        if end is None or not start < begins < end or (ends is not None and ends < end):
            continue
        if {lower.version, higher.version} <= {each.version for each in _holding(versions, begins)}:
            message = (
                f"versions {lower.version} and {higher.version} of `{lower.name}` both hold from "
                f"{instant_text(begins)} to before {instant_text(end)}; the higher one decides then"
            )
            help_text = f"let version {lower.version} end where version {higher.version} starts, or leave `to` out"
            yield higher, Problem("rules.versions_overlap", message, _place(higher), help_text)


def _hidden(versions: Sequence[RuleSet], turns: Sequence[datetime]) -> Iterator[Told]:
    """A version on whose days a higher one always holds."""
    for rule_set in versions:
        start, end = _ends(rule_set)
        moments = [at for at in turns if start <= at and (end is None or at < end)]
        if all(_holding(versions, at)[-1].version > rule_set.version for at in moments):
            message = (
                f"version {rule_set.version} of `{rule_set.name}` is never in force: at its start, "
                f"{instant_text(start)}, version {_holding(versions, start)[-1].version} holds and goes before it, "
                "and so on to its end"
            )
            help_text = "give it days of its own; of versions that hold on one day the highest decides"
            yield rule_set, Problem("rules.version_hidden", message, _place(rule_set), help_text)


def _place(rule_set: RuleSet) -> Place:
    """Where the file says when the version holds."""
    lines = rule_set.text.split("\n")
    line = next((number for number, text in enumerate(lines, 1) if text.startswith("effective")), 1)
    return Place(rule_set.source, line, 1, len("effective"), "$.effective")
