"""The compiled body: scores a lead, decides by score and gates, and describes itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cached_property
from typing import Any

from engine import feel
from engine.exact_json import decimal_text, duration_text
from engine.feel.matching import bits
from engine.kinds.lead_priority.bands import Bands
from engine.kinds.lead_priority.decay import decayed, from_micro
from engine.kinds.lead_priority.explaining import LeadExplainer
from engine.kinds.lead_priority.model import EventPoints, Gate, Group, Scored
from engine.kinds.lead_priority.nearest import EVENTS, LeadRules, lead_nearest
from engine.kinds.paths import missing
from engine.nearest_change import NearestChange
from engine.problems import Problem
from engine.rulefile.kind import DescribedRow, Outcome, Section
from engine.rulefile.question import Question

Fired = Callable[[feel.ConditionSet, Mapping[str, Any], datetime], int]
"""What tells which of some conditions are true for facts at an instant, as bits."""


@dataclass(frozen=True)
class LeadPriority:
    """The compiled body.

    `by_bit` has, for each bit of `conditions`, the rule's group and points (a gate's: 0), `by_event_bit` the same for
    `event_conditions`; `most` is an upper bound of every score, in millionths, where there is one.
    """

    groups: tuple[Group, ...]
    by_bit: tuple[tuple[int, int], ...]
    by_event_bit: tuple[tuple[int, int], ...]
    gates: tuple[Gate, ...]
    bands: Bands
    cap: int | None
    most: int | None
    zone: tzinfo
    conditions: feel.ConditionSet
    event_conditions: feel.ConditionSet | None
    reads: tuple[str, ...]
    warnings: tuple[Problem, ...]
    hints: tuple[Problem, ...] = ()

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """Rules over facts and events in the file's order, then gates."""
        rules = [rule.id for group in self.groups for rule in (*group.rules, *group.events)]
        return (*rules, *(gate.id for gate in self.gates))

    def decide(self, facts: Mapping[str, Any], *, at: datetime, as_of: datetime) -> Outcome:  # noqa: ARG002  # events carry one instant only
        """Score a lead. Events after `at` have not happened yet and count for nothing."""
        return self._decide(facts, at, self._fired)

    def nearest(self, question: Question) -> NearestChange:
        """The nearest change of facts, more events included, that reaches a higher band or the target."""
        rules = [(group.id, rule.points) for group in self.groups for rule in group.rules]
        lead = LeadRules(
            conditions=self.conditions,
            caps={group.id: group.cap for group in self.groups},
            by_bit=[*rules, *(None for _ in self.gates)],
            event_conditions=self.event_conditions,
            bands=self.bands,
            zone=self.zone,
        )

        def decide(facts: Mapping[str, Any], *, reference: bool = False) -> Mapping[str, Any]:
            return self._decide(facts, question.at, self._interpreted if reference else self._fired).outcome

        return lead_nearest(lead, question, decide)

    def _decide(self, facts: Mapping[str, Any], at: datetime, fired: Fired) -> Outcome:
        absent = missing(self.reads, facts)
        if self.reads and len(absent) == len(self.reads):
            nothing: dict[str, Any] = {
                "state": "not_scored",
                "score": None,
                "raw": None,
                "band": None,
                "gate": None,
                "groups": {},
            }
            return Outcome(nothing, absent, lambda: self._explainer.explain_nothing(facts, at))
        scored = self._score(facts, at, fired)
        gate = scored.gate
        outcome: dict[str, Any]
        if gate is not None and gate.band is None:
            outcome = {"state": "excluded", "score": None, "raw": None, "band": None, "gate": gate.id, "groups": {}}
        else:
            score = from_micro(scored.score)
            outcome = {
                "state": "scored",
                "score": score,
                "raw": from_micro(scored.raw),
                "band": gate.band if gate is not None else self.bands.holding(score).label,
                "gate": gate.id if gate is not None else None,
                "groups": {
                    group.id: from_micro(points) for group, points in zip(self.groups, scored.groups, strict=True)
                },
            }
        return Outcome(outcome, absent, lambda: self._explainer.explain(facts, at, scored))

    def describe(self) -> tuple[Section, ...]:
        """A section for each group, the gates and the bands."""
        return tuple(self._sections())

    @cached_property
    def _explainer(self) -> LeadExplainer:
        return LeadExplainer(
            self.groups,
            self.gates,
            self.bands,
            self.cap,
            self.most,
            self.zone,
            self.conditions,
            self.event_conditions,
        )

    # -- scoring

    def _fired(self, conditions: feel.ConditionSet, facts: Mapping[str, Any], at: datetime) -> int:
        """The rules that are true, as bits."""
        return conditions.evaluate(facts, at=at, zone=self.zone).rules

    def _interpreted(self, conditions: feel.ConditionSet, facts: Mapping[str, Any], at: datetime) -> int:
        """The same by the reference interpreter."""
        truths = conditions.interpret(facts, at=at, zone=self.zone)
        return sum(1 << bit for bit, truth in enumerate(truths) if truth)

    def _score(self, facts: Mapping[str, Any], at: datetime, find: Fired) -> Scored:
        fired = find(self.conditions, facts, at)
        given = [self.by_bit[bit] for bit in bits(fired)]  # only the rules that fired cost anything
        events = self._event_points(facts, at, find)
        for bit, points in events.items():
            given += [(self.by_event_bit[bit][0], one.contribution) for one in points]
        ups, downs = [0] * len(self.groups), [0] * len(self.groups)
        for index, contribution in given:
            if contribution > 0:
                ups[index] += contribution
            else:
                downs[index] += contribution
        totals, cuts = [], []
        for group, up, down in zip(self.groups, ups, downs, strict=True):
            cut = up - group.cap if group.cap is not None and up > group.cap else 0
            cuts.append(cut)
            totals.append(up - cut + down)
        raw = sum(totals)
        score = max(0, raw if self.cap is None else min(raw, self.cap))
        return Scored(fired, events, tuple(totals), tuple(cuts), raw, score, self._gate(fired))

    def _gate(self, fired: int) -> Gate | None:
        return next((gate for gate in self.gates if fired >> gate.bit & 1), None) if self.gates else None

    def _event_points(self, facts: Mapping[str, Any], at: datetime, find: Fired) -> dict[int, list[EventPoints]]:
        """What the events up to `at` give, by the bits of their rules."""
        found: dict[int, list[EventPoints]] = {}
        if self.event_conditions is None:
            return found
        for event in facts.get(EVENTS) or ():
            if event["at"] > at:
                continue
            for bit in bits(find(self.event_conditions, {**facts, "event": event}, at)):
                group, points = self.by_event_bit[bit]
                half_life = self.groups[group].half_life
                if half_life is not None:
                    points = decayed(points, at - event["at"], half_life)
                found.setdefault(bit, []).append(EventPoints(event, points))
        return found

    # -- describing

    def _sections(self) -> Iterator[Section]:
        for group in self.groups:
            notes = []
            if group.cap is not None:
                notes.append(
                    f"counts at most {decimal_text(from_micro(group.cap))} points; points taken away stand outside"
                )
            if group.half_life is not None:
                notes.append(f"points of events halve every {duration_text(group.half_life)}")
            rows = [DescribedRow(rule.id, (rule.when, _signed(rule.points)), rule.because) for rule in group.rules]
            rows += [
                DescribedRow(rule.id, (f"each event: {rule.when}", _signed(rule.points)), rule.because)
                for rule in group.events
            ]
            yield Section(group.title, _sentence(notes), ("When", "Points"), tuple(rows))
        if self.gates:
            gates = (
                DescribedRow(gate.id, (gate.when, f"band {gate.band}" if gate.band else "excluded"), gate.because)
                for gate in self.gates
            )
            yield Section(
                "Gates", "The first that is true decides, whatever the score.", ("When", "Then"), tuple(gates)
            )
        top = "" if self.cap is None else f" The score is at most {decimal_text(from_micro(self.cap))}."
        bands = (DescribedRow(band.label, (band.label, str(band)), band.because) for band in reversed(self.bands.bands))
        yield Section("Bands", f"A score below 0 is shown as 0.{top}", ("Band", "Score"), tuple(bands))


def _signed(points: int) -> str:
    text = decimal_text(from_micro(points))
    return text if points < 0 else f"+{text}"


def _sentence(notes: Sequence[str]) -> str:
    text = "; ".join(notes)
    return f"{text[0].upper()}{text[1:]}." if text else ""
