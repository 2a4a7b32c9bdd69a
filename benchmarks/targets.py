"""The targets of the design, each computed from the sections of this run and never written down as met."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.results import OURS, Line, Section

Sections = Mapping[str, Section]


class NotMeasuredError(Exception):
    """A line that a target needs is missing."""


@dataclass(frozen=True)
class Verdict:
    """A target with what was measured; `met` is None where it could not be judged."""

    work: str
    wanted: str
    measured: str
    met: bool | None


@dataclass(frozen=True)
class Target:
    """`judge` gives what was measured and whether that is enough, or raises `NotMeasuredError`."""

    work: str
    wanted: str
    judge: Callable[[Sections], tuple[str, bool]]


def _line(sections: Sections, key: str, engine: str, form: str = "") -> Line:
    found = sections[key].line(engine, form) if key in sections else None
    if found is None:
        raise NotMeasuredError(f"{engine} was not measured on `{key}`")
    return found


def _faster(key: str, peer: str, form: str, least: float, ours: str = "") -> Callable[[Sections], tuple[str, bool]]:
    """At least so many times the peer's speed, without a wrong answer."""

    def judge(sections: Sections) -> tuple[str, bool]:
        mine, theirs = _line(sections, key, OURS, ours), _line(sections, key, peer, form)
        times = theirs.median / mine.median
        shown = f"{times:.1f} times ({mine.median / 1000:.1f} and {theirs.median / 1000:.1f} us)"
        return f"{shown}, {mine.wrong} of {mine.answers:,} wrong", times >= least and not mine.wrong

    return judge


def _growth(sections: Sections) -> tuple[str, bool]:
    times = _line(sections, "table 10000", OURS).median / _line(sections, "table 1000", OURS).median
    return f"{times:.1f} times", times <= 4


def _columns(sections: Sections) -> tuple[str, bool]:
    mine, theirs = _line(sections, "population", OURS), _line(sections, "population", "numpy")
    assert mine.rate is not None
    assert theirs.rate is not None
    share = mine.rate / theirs.rate
    shown = f"{share:.2f} of it ({mine.rate / 1e6:.1f} and {theirs.rate / 1e6:.1f} million rows/s)"
    return f"{shown}, {mine.wrong} of {mine.answers:,} wrong", share >= 0.5 and not mine.wrong


def _over_http(form: str) -> Callable[[Sections], tuple[str, bool]]:
    def judge(sections: Sections) -> tuple[str, bool]:
        mine = _line(sections, "over http", OURS, form)
        share = mine.speed or 0.0
        return f"{share:.2f} of it, {mine.wrong} of {mine.answers:,} wrong", share >= 0.75 and not mine.wrong

    return judge


def _no_dearer(key: str, peer: str, most: float) -> Callable[[Sections], tuple[str, bool]]:
    """At most so many times the peer's time, without a wrong answer."""

    def judge(sections: Sections) -> tuple[str, bool]:
        mine, theirs = _line(sections, key, OURS), _line(sections, key, peer)
        times = mine.median / theirs.median
        shown = f"{times:.2f} times ({mine.median / 1000:.0f} and {theirs.median / 1000:.0f} us)"
        return f"{shown}, {mine.wrong} of {mine.answers:,} wrong", times <= most and not mine.wrong

    return judge


TARGETS: tuple[Target, ...] = (
    Target(
        "50 scoring rules, one record, trace on",
        "at least 6 times faster than zen-engine's table with trace",
        _faster("scoring", "zen-engine", "table, trace on", 6),
    ),
    *(
        Target(
            f"decision table, first hit, {rows:,} rows",
            "at least 8 times faster than zen-engine",
            _faster(f"table {rows}", "zen-engine", "table, no trace", 8),
        )
        for rows in (1_000, 10_000)
    ),
    Target("decision table, 10,000 rows beside 1,000", "at most 4 times the cost", _growth),
    Target(
        "six-band commission as an expression",
        "at least 3 times faster than exact zen-engine, no wrong cent",
        _faster("commission", "zen-engine", "expression, text", 3, "expression"),
    ),
    Target(
        "six-band commission as a plan's rate table",
        "at least 3 times faster than exact zen-engine, no wrong cent",
        _faster("commission", "zen-engine", "expression, text", 3, "rate table"),
    ),
    Target("1,000,000 records x 50 rules", "at least half of hand-written numpy, same answers as one by one", _columns),
    Target(
        "point authorization check",
        "at least 30 times faster than oso, same answers",
        _faster("authorization", "oso", "", 30),
    ),
    *(
        Target(
            f"list of 50 from 100,000 leads, {order}",
            "at most 1.3 times the list without the policies",
            _no_dearer(f"list {order}", "no policies", 1.3),
        )
        for order in ("by id", "by score")
    ),
    *(
        Target(f"evaluation over HTTP, {form}", "at least 0.75 of an empty view's throughput", _over_http(form))
        for form in ("outcome only", "with reasons")
    ),
)


def verdicts(sections: Sequence[Section]) -> list[Verdict]:
    """Every target, judged."""
    known = {section.key: section for section in sections}
    found = []
    for target in TARGETS:
        try:
            measured, met = target.judge(known)
            found.append(Verdict(target.work, target.wanted, measured, met))
        except NotMeasuredError as error:
            found.append(Verdict(target.work, target.wanted, f"not measured: {error}", None))
    return found
