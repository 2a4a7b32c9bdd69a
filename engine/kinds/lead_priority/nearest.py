"""The nearest change of a lead: what would bring it into the next higher band, or into a chosen one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from fractions import Fraction
from typing import Any, Final, Protocol

from engine import feel
from engine.kinds.lead_priority.bands import Bands
from engine.kinds.lead_priority.decay import micro
from engine.nearest_change import NearestChange
from engine.problems import InvalidError, Problem
from engine.rulefile.nearest import did_you_mean
from engine.rulefile.question import Question
from engine.whatif.axes import Axis, Candidate, Facts
from engine.whatif.nearest import axes_of, box_of, check_target, meets, nearest
from engine.whatif.reading import Reading
from engine.whatif.search import Box, Narrow

EVENTS: Final = "events"
"""The fact that holds a lead's dated events."""
MOST_EVENTS: Final = 20
"""Events of one type that are added at most."""

Outcome = Mapping[str, Any]


class Decide(Protocol):
    """Gives the outcome of facts."""

    def __call__(self, facts: Facts, *, reference: bool = False) -> Outcome:
        """`reference`: decide through the reference interpreter."""


@dataclass(frozen=True, slots=True)
class LeadRules:
    """What the search knows of a lead-priority rule set.

    `caps` are the groups' caps by their ids; `by_bit` has, for each bit of `conditions`, the rule's group and points; a
    gate has None. Points are millionths.
    """

    conditions: feel.ConditionSet
    caps: Mapping[str, int | None]
    by_bit: Sequence[tuple[str, int] | None]
    event_conditions: feel.ConditionSet | None
    bands: Bands
    zone: tzinfo

    @property
    def events(self) -> tuple[feel.Expression, ...]:
        """The conditions on events."""
        return self.event_conditions.expressions if self.event_conditions is not None else ()

    @property
    def labels(self) -> list[str]:
        """The bands' labels, the lowest first."""
        return [band.label for band in self.bands.bands]


def lead_nearest(lead: LeadRules, question: Question, decide: Decide) -> NearestChange:
    """The nearest change that reaches a higher band, or the target.

    `decide` gives the outcome of facts.
    """
    before = decide(question.facts)
    wanted = _goal(question, before, lead.labels)

    def judge(facts: Facts, *, reference: bool = False) -> tuple[Outcome, bool]:
        outcome = decide(facts, reference=reference)
        return outcome, wanted(outcome)

    reading = Reading(question.at, lead.zone)
    reading.read(expression.ir for expression in (*lead.conditions.expressions, *lead.events))
    axes = [*axes_of(question, reading), *_event_axes(question, reading)]
    return nearest(question, axes, judge, compared=_compared, narrow=_narrow(lead, question, axes, before))


def _goal(question: Question, before: Outcome, labels: Sequence[str]) -> Callable[[Outcome], bool]:
    target = question.target
    if target is not None:
        check_target(target, tuple(name for name in before if name != "groups"))
        band = target.get("band")
        if band is not None and band not in labels:
            message = f"`{band}` is not the label of a band{did_you_mean(str(band), labels)}"
            raise InvalidError(Problem("change.target", message, help=f"one of: {', '.join(labels)}"))
        return lambda outcome: meets(outcome, target)
    if before["state"] != "scored":
        return lambda outcome: outcome["state"] == "scored"
    own = labels.index(before["band"])
    better = set(labels[own + 1 :]) or set(labels) - {labels[own]}
    return lambda outcome: outcome["state"] == "scored" and outcome["band"] in better


def _compared(before: Outcome, after: Outcome) -> tuple[str, ...]:
    names = ("band",) if before["state"] == after["state"] else ("state", "band")
    changed = tuple(name for name in names if before[name] != after[name])
    return changed or ("band" if before["score"] == after["score"] else "score",)


def _event_axes(question: Question, reading: Reading) -> Iterator[Axis]:
    """For each type of event that a rule names: one, two, ... more events of it at the decision's instant."""
    field = question.schema.field(EVENTS)
    if field is None or field.item is None or question.is_fixed(EVENTS):
        return
    parts = {part.name: part for part in field.item.fields}
    if any(part.required and name not in ("type", "at") for name, part in parts.items()) or "type" not in parts:
        return  # an event that cannot be made of a type and an instant
    named = {text for name in (EVENTS, "event.type") if (reads := reading.facts.get(name)) for text in reads.constants}
    given = question.facts.get(EVENTS) or ()
    for type_ in sorted(text for text in named if isinstance(text, str)):
        listed = parts["type"].enum
        if listed is None or type_ in listed:
            yield _event_axis(question, type_, min(MOST_EVENTS, field.longest - len(given)))


def _event_axis(question: Question, type_: str, most: int) -> Axis:
    event = {"type": type_, "at": question.at}

    def change(facts: Facts, count: int) -> dict[str, Any]:
        return {**facts, EVENTS: (*(facts.get(EVENTS) or ()), *((event,) * count))}

    candidates = tuple(Candidate(count, Fraction(1), count) for count in range(1, most + 1))
    return Axis(EVENTS, question.facts.get(EVENTS), candidates, change)


def _narrow(lead: LeadRules, question: Question, axes: Sequence[Axis], before: Outcome) -> Narrow:
    """Leaves out the facts that together cannot bring enough points, by the most that their rules could give."""
    fired = lead.conditions.evaluate(question.facts, at=question.at, zone=lead.zone).rules
    needed = _needed(lead, question, before)
    rules = [
        (expression.reads, given, bool(fired >> bit & 1))
        for bit, (expression, given) in enumerate(zip(lead.conditions.expressions, lead.by_bit, strict=True))
    ]
    room = {
        group: None if cap is None or before["raw"] is None else max(0, cap - micro(before["groups"][group]))
        for group, cap in lead.caps.items()
    }
    by_events = frozenset().union(*(expression.reads for expression in lead.events)) | {EVENTS}

    def narrow(chosen: Sequence[int]) -> Iterable[Box]:
        if could_do({axes[at].name for at in chosen}):
            yield box_of(axes, chosen)

    def could_do(names: set[str]) -> bool:
        touched = [rule for rule in rules if not names.isdisjoint(rule[0])]
        if before["state"] == "not_scored" or any(given is None for _, given, _ in touched):
            return True
        if before["gate"] is not None:
            return False  # the same gate decides, whatever the score
        if needed is None or not names.isdisjoint(by_events):
            return True
        ups, downs = dict.fromkeys(room, 0), 0
        for _, given, is_true in touched:
            group, points = given or ("", 0)
            if points > 0 and not is_true:
                ups[group] += points
            elif points < 0 and is_true:
                downs -= points
        # Points taken away stand outside a group's cap, so that no group has more room than its cap less its points.
        up = sum(points if (most := room[group]) is None else min(points, most) for group, points in ups.items())
        return up + downs >= needed

    return narrow


def _needed(lead: LeadRules, question: Question, before: Outcome) -> int | None:
    """The millionths of points that are lacking, None where the goal is no higher score."""
    if before["raw"] is None:
        return None
    own = lead.bands.holding(before["score"])
    if question.target is None:
        band = lead.bands.above(before["score"])
    else:
        band = next((band for band in lead.bands.bands if band.label == question.target.get("band")), None)
    if band is None or band.from_ <= own.from_:
        return None
    return micro(band.from_) - micro(before["raw"])
