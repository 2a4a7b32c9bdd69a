"""Why a lead has its score: the rules that counted, and the first condition that kept each of the others from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from engine import feel
from engine.decision import Explanation, Reason, Unmet
from engine.exact_json import decimal_text
from engine.kinds.lead_priority.bands import Bands
from engine.kinds.lead_priority.decay import from_micro
from engine.kinds.lead_priority.model import TOTAL_CAP, TOTAL_FLOOR, EventPoints, Gate, Group, Rule, Scored
from engine.kinds.lead_priority.nearest import EVENTS
from engine.once import once

_Conjuncts = tuple[tuple[Unmet, ...], ...]
"""The conjuncts of conditions, each with its rule's words, by the bits of the rules."""

_Failed = tuple[Unmet, tuple[Any, ...]]
"""What a rule lacks, and the values seen."""

_Failure = tuple[int, tuple[Any, ...]] | None
"""The position of a rule's first conjunct that is not true, and the values it saw."""


@dataclass(frozen=True)
class LeadExplainer:
    """Explains the scores of one rule set. What it says of many leads in the same words is made once.

    The members are those of `LeadPriority`.
    """

    groups: tuple[Group, ...]
    gates: tuple[Gate, ...]
    bands: Bands
    cap: int | None
    most: int | None
    zone: tzinfo
    conditions: feel.ConditionSet
    event_conditions: feel.ConditionSet | None

    def explain(self, facts: Mapping[str, Any], at: datetime, scored: Scored) -> Explanation:
        """The texts of a score."""
        why_not = self._why_not(facts, at, scored.fired, scored.events)
        gate = scored.gate
        if gate is None:
            why_not.extend(self._next_band(from_micro(scored.score)))
        else:
            why_not.extend(self._passed_over(gate, scored.fired))
            if gate.band is None:
                return Explanation((Reason(gate.id, gate.because),), tuple(why_not))
        reasons = list(self._reasons(scored))
        if gate is not None:
            label = self.bands.holding(from_micro(scored.score)).label
            reasons.append(Reason(gate.id, gate.because, detail={"band": gate.band, "band_by_score": label}))
        return Explanation(tuple(reasons), tuple(why_not))

    def explain_nothing(self, facts: Mapping[str, Any], at: datetime) -> Explanation:
        """The texts for a lead that is not scored, because nothing is known that a rule reads."""
        return Explanation((), tuple(self._why_not(facts, at, 0, ())))

    # -- the rules that counted

    @once
    def _of_facts(self) -> tuple[Reason, ...]:
        """The reasons that rules over facts give, by their bits."""
        return tuple(
            Reason(rule.id, rule.because, from_micro(rule.points), {"group": group.id})
            for group in self.groups
            for rule in group.rules
        )

    def _reasons(self, scored: Scored) -> Iterator[Reason]:
        of_facts, fired = self._of_facts, scored.fired
        for group, cut in zip(self.groups, scored.cut, strict=True):
            for rule in group.rules:
                if fired >> rule.bit & 1:
                    yield of_facts[rule.bit]
            for rule in group.events:
                if points := scored.events.get(rule.bit):
                    yield _event_reason(rule, group, points)
            if cut:
                because = f"{group.title} counts at most {decimal_text(from_micro(group.cap or 0))} points"
                yield Reason(
                    group.cap_id, because, from_micro(-cut), {"group": group.id, "cap": from_micro(group.cap or 0)}
                )
        if self.cap is not None and scored.raw > self.cap:
            cap = from_micro(self.cap)
            yield Reason(
                TOTAL_CAP,
                f"the whole score counts at most {decimal_text(cap)} points",
                from_micro(self.cap - scored.raw),
                {"cap": cap},
            )
        if scored.raw < 0:
            yield Reason(
                TOTAL_FLOOR,
                "a score is shown as 0 when it is below",
                from_micro(-scored.raw),
                {"raw": from_micro(scored.raw)},
            )

    # -- the rules that did not

    @once
    def _over_facts(self) -> _Conjuncts:
        """Those of rules over facts and of gates, by their bits."""
        return _conjuncts(self.conditions, [*(rule for group in self.groups for rule in group.rules), *self.gates])

    @once
    def _over_events(self) -> _Conjuncts:
        """Those of rules over events, by their bits."""
        conditions, rules = self.event_conditions, [rule for group in self.groups for rule in group.events]
        return _conjuncts(conditions, rules) if conditions is not None else ()

    @once
    def _without_event(self) -> _Conjuncts:
        """What rules over events lack where none has happened, by their bits."""
        rules = (rule for group in self.groups for rule in group.events)
        return tuple((Unmet(rule.id, rule.because, rule.when, (EVENTS,)),) for rule in rules)

    def _why_not(self, facts: Mapping[str, Any], at: datetime, fired: int, events: Iterable[int]) -> list[_Failed]:
        over_facts, of_facts = self._over_facts, self.conditions.failures(facts, at=at, zone=self.zone)
        over_events, of_events = self._failures_of_events(facts, at)
        counted = sum(1 << bit for bit in events)
        found: list[_Failed] = []
        for group in self.groups:
            _add_failed(found, group.rules, fired, over_facts, of_facts)
            _add_failed(found, group.events, counted, over_events, of_events)
        _add_failed(found, self.gates, fired, over_facts, of_facts)
        return found

    def _failures_of_events(self, facts: Mapping[str, Any], at: datetime) -> tuple[_Conjuncts, Sequence[_Failure]]:
        """The latest event speaks for all: it is the one that somebody would look at first."""
        if self.event_conditions is None:
            return (), ()
        given = facts.get(EVENTS)
        past = [event for event in given or () if event["at"] <= at]
        if not past:
            return self._without_event, [(0, (None if given is None else [],))] * len(self._without_event)
        latest = {**facts, "event": max(past, key=lambda event: event["at"])}
        return self._over_events, self.event_conditions.failures(latest, at=at, zone=self.zone)

    def _passed_over(self, first: Gate, fired: int) -> Iterator[_Failed]:
        """Gates that are true, but stand behind the one that decides."""
        for gate in self.gates:
            if gate.bit > first.bit and fired >> gate.bit & 1:
                yield Unmet(gate.id, gate.because, f"is true too, but `{first.id}` goes before it", ()), ()

    def _next_band(self, score: Decimal) -> Iterator[_Failed]:
        """What is lacking to the next higher band, unless caps keep every lead from it."""
        band = self.bands.above(score)
        if band is not None and (self.most is None or band.from_ <= from_micro(self.most)):
            lacking = f"{decimal_text(band.from_ - score)} points more reach `{band.label}`"
            yield Unmet(f"band.{band.label}", lacking, f"score >= {decimal_text(band.from_)}", ("score",)), (score,)


def _conjuncts(conditions: feel.ConditionSet, rules: Iterable[Rule | Gate]) -> _Conjuncts:
    return tuple(
        tuple(Unmet(rule.id, rule.because, clause.text, clause.facts) for clause in conditions.clauses(rule.id))
        for rule in rules
    )


def _add_failed(
    found: list[_Failed],
    rules: Iterable[Rule | Gate],
    counted: int,
    conjuncts: _Conjuncts,
    failures: Sequence[_Failure],
) -> None:
    """Add what the rules that have not counted lack.

    One that is true all the same lacks nothing: it is about absence, where nothing is known at all.
    """
    for rule in rules:
        bit = rule.bit
        if not counted >> bit & 1 and (failure := failures[bit]) is not None:
            position, values = failure
            found.append((conjuncts[bit][position], values))


def _event_reason(rule: Rule, group: Group, points: Sequence[EventPoints]) -> Reason:
    events = [
        {
            "type": each.event.get("type"),
            "at": each.event["at"],
            "points": from_micro(rule.points),
            "contribution": from_micro(each.contribution),
        }
        for each in points
    ]
    detail: dict[str, Any] = {"group": group.id, "events": events}
    if group.half_life is not None:
        detail["half_life"] = group.half_life
    return Reason(rule.id, rule.because, from_micro(sum(each.contribution for each in points)), detail)
