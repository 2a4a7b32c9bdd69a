"""What is told about the scores that a lead-priority file can give: their range, thresholds out of reach, idle points.

Every record that is told has been scored by the rule set itself; a limit that its record does not reach is told as
such.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from engine.exact_json import decimal_text, facts_text
from engine.feel.domains import ANYTHING, complete_record, sample
from engine.kinds.lead_priority.bands import Band
from engine.kinds.lead_priority.decay import from_micro
from engine.kinds.lead_priority.nearest import EVENTS
from engine.kinds.lead_priority.score_range import Extreme, Giver, Limits, ScoreRange
from engine.problems import InvalidError, Place, Problem
from engine.rulefile.facts import FactSchema
from engine.rulefile.kind import Outcome
from engine.rulefile.nodes import Node


@dataclass(frozen=True, slots=True)
class Scoring:
    """A scored file: what its range is told from.

    `decide` is the compiled body's; `gated` are the bands that a gate gives whatever the score.
    """

    decide: Any
    group_ids: tuple[str, ...]
    caps: tuple[int | None, ...]
    cap: int | None
    bands: tuple[Band, ...]
    gated: frozenset[str]
    facts: FactSchema
    reads: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class _Reached:
    """A record and the score that it has."""

    record: dict[str, Any]
    score: Decimal
    raw: Decimal

    @property
    def given(self) -> str:
        return facts_text(self.record)


def score_findings(
    scoring: Scoring, found: ScoreRange, bands: Sequence[Node], rules: Mapping[str, Node], place: Place
) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """Warnings and hints; the latter stand at `place`."""
    ends = _Ends(_scored(scoring, found.highest), _scored(scoring, found.lowest))
    return tuple(_warnings(scoring, found, ends, bands, rules)), tuple(_hints(scoring, found, ends, place))


@dataclass(frozen=True, slots=True)
class _Ends:
    """Records that reach the highest and the lowest score, where there are some."""

    highest: _Reached | None
    lowest: _Reached | None


def _warnings(
    scoring: Scoring, found: ScoreRange, ends: _Ends, bands: Sequence[Node], rules: Mapping[str, Node]
) -> Iterator[Problem]:
    """Bands that no score reaches, and rules whose points never count."""
    most, least = _shown_limits(scoring, found.total)
    for node in bands:
        label = node.text_of("label")
        band = next(band for band in scoring.bands if band.label == label)
        if label in scoring.gated:
            continue
        if most is not None and band.from_ > most:
            message = (
                f"no lead can reach `{label}`: it starts at {decimal_text(band.from_)}, "
                f"and there are at most {decimal_text(most)} points"
            )
            help_text = "lower `from`, or raise points or caps"
            yield _with(Problem("rules.out_of_reach", message, node["from"].place, help_text), ends.highest)
        elif least is not None and band.to is not None and band.to <= least:
            message = (
                f"no lead is ever in `{label}`: it ends below {decimal_text(band.to)}, "
                f"and every lead has at least {decimal_text(least)} points"
            )
            help_text = "raise the band's end, or remove it"
            yield _with(Problem("rules.out_of_reach", message, node["label"].place, help_text), ends.lowest)
    for giver, extreme in found.idle:
        reached = _scored(scoring, extreme)
        cap = scoring.caps[giver.group]
        if reached is not None and cap is not None and _is_capped_without(scoring, reached, giver):
            message = (
                f"the {decimal_text(from_micro(giver.points))} points of `{giver.id}` never count: "
                f"whenever it is true, `{scoring.group_ids[giver.group]}` has reached its cap "
                f"of {decimal_text(from_micro(cap))} without them"
            )
            place = rules[giver.id]["points"].place
            yield _with(Problem("rules.idle_points", message, place, "raise the cap, or remove the rule"), reached)


def _hints(scoring: Scoring, found: ScoreRange, ends: _Ends, place: Place) -> Iterator[Problem]:
    """The highest and the lowest score, each with a record."""
    highest, lowest = ends.highest, ends.lowest
    most, _ = _shown_limits(scoring, found.total)
    groups = ", ".join(
        f"`{name}` {_words(limits)}" for name, limits in zip(scoring.group_ids, found.groups, strict=True)
    )
    if most is None:
        message = f"the score has no upper limit, since events may repeat: {groups}"
    else:
        beyond = highest is None or highest.score != most
        reach = f"; the record given reaches {decimal_text(highest.score)}" if beyond and highest is not None else ""
        message = f"the highest score is {'at most ' if beyond else ''}{decimal_text(most)}: {groups}{reach}"
    yield _with(Problem("rules.score_range", message, place, _HIGHEST), highest)
    if lowest is not None and found.total.least is not None:
        raw = from_micro(found.total.least)
        shown = max(Decimal(0), raw)
        below = f" ({decimal_text(raw)} before the floor at 0)" if raw < 0 else ""
        beyond = lowest.raw != raw
        message = f"the lowest score is {'at least ' if beyond and shown else ''}{decimal_text(shown)}{below}"
        yield _with(Problem("rules.score_range", message, place), lowest)


_HIGHEST: Final = "compare it with where the bands start"


def _with(problem: Problem, reached: _Reached | None) -> Problem:
    given = "" if reached is None else reached.given
    return Problem(problem.code, problem.message, problem.place, problem.help, given=given)


def _shown_limits(scoring: Scoring, total: Limits) -> tuple[Decimal | None, Decimal | None]:
    """The most and the least that a score, between floor and cap, can be; None for no limit above."""
    most = scoring.cap if total.most is None else total.most if scoring.cap is None else min(total.most, scoring.cap)
    least = 0 if total.least is None else max(0, total.least)
    return (None if most is None else from_micro(max(0, most))), from_micro(
        least if scoring.cap is None else min(least, scoring.cap)
    )


def _words(limits: Limits) -> str:
    least, most = (decimal_text(from_micro(limit or 0)) for limit in (limits.least, limits.most))
    if limits.least is not None and limits.most is not None:
        return f"from {least} to {most}"
    if limits.least is None and limits.most is None:
        return "without limits"
    return f"at most {most}" if limits.least is None else f"at least {least}"


def _scored(scoring: Scoring, extreme: Extreme) -> _Reached | None:
    """The record of an extreme with its score, if it has one."""
    facts = scoring.facts
    record = complete_record(facts.scope, extreme.facts, facts.domains)
    listed = facts.field(EVENTS)
    if extreme.events and listed is not None and listed.item is not None:
        item = FactSchema(facts.name, "", listed.item)
        events: list[dict[str, Any]] = []
        for event, number in extreme.events:
            if len(events) + number > listed.longest:
                return None
            # A condition on events may also read a fact that stands beside them: that is no part of an event.
            values = {path[1:]: value for path, value in event.items() if len(path) > 1} | {("at",): scoring.at}
            events += [complete_record(item.scope, values, item.domains)] * number
        record[EVENTS] = tuple(events)
    outcome = _decided(scoring, record)
    if outcome is not None and outcome.outcome["state"] == "not_scored":
        record = _with_something_known(scoring, record, extreme)  # a lead of which nothing is known has no score
        outcome = _decided(scoring, record)
    if outcome is None or outcome.outcome["state"] != "scored":
        return None
    return _Reached(record, outcome.outcome["score"], outcome.outcome["raw"])


def _decided(scoring: Scoring, record: dict[str, Any]) -> Outcome | None:
    """What comes out for a record; None where a condition cannot be computed for it, such as a division by zero."""
    try:
        outcome: Outcome = scoring.decide(record, at=scoring.at, as_of=scoring.at)
    except InvalidError:
        return None
    return outcome


def _with_something_known(scoring: Scoring, record: dict[str, Any], extreme: Extreme) -> dict[str, Any]:
    """The record with a value for a fact that is read and that the extreme does not ask to be absent."""
    facts = scoring.facts
    for path in scoring.reads:
        field = facts.field(path)
        steps = tuple(path.split("."))
        if field is None or steps in extreme.facts:
            continue
        value = field.enum[0] if field.enum else sample(field.type, facts.domains.get(path, ANYTHING))
        if value is not None:
            return {**record, **complete_record(facts.scope, {**extreme.facts, steps: value}, facts.domains)}
    return record


def _is_capped_without(scoring: Scoring, reached: _Reached, giver: Giver) -> bool:
    """Whether on the record the rule is true and its group's other points fill the cap."""
    outcome = _decided(scoring, reached.record)
    if outcome is None:
        return False
    group, cap = scoring.group_ids[giver.group], scoring.caps[giver.group]
    reasons = [reason for reason in outcome.explain().reasons if reason.detail.get("group") == group]
    others = sum(
        (
            reason.contribution
            for reason in reasons
            if reason.rule != giver.id and reason.contribution is not None and reason.contribution > 0
        ),
        Decimal(0),
    )
    return any(reason.rule == giver.id for reason in reasons) and cap is not None and others >= from_micro(cap)
