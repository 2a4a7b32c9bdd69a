"""The kind `lead-priority`: points from facts and dated events, summed to a score that lies in one band.

A group's positive points may be capped; its negative ones stand outside the cap, so that a cap cannot hide them.
Points of events decay by half-lives. Gates decide beside the score: the first that is true fixes the band or excludes
the lead. The score is floored at 0 and may be capped; both show as reasons of their own, so that the contributions of
a decision's reasons always sum to its score exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, tzinfo
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

from engine import feel
from engine.exact_json import decimal_text, duration_text
from engine.feel import types
from engine.feel.domains import Domains
from engine.feel.matching import bits
from engine.kinds._bands import Bands, read_bands
from engine.kinds._decay import decayed, from_micro, micro
from engine.kinds._lead_explaining import LeadExplainer
from engine.kinds._lead_model import TOTAL_CAP, TOTAL_FLOOR, EventPoints, Gate, Group, Rule, Scored
from engine.kinds._lead_nearest import EVENTS, LeadRules, lead_nearest
from engine.kinds._paths import in_schema_order, missing
from engine.kinds._score_findings import Scoring, score_findings
from engine.kinds._score_range import Giver, score_range
from engine.nearest_change import NearestChange
from engine.problems import Problem, Report
from engine.rulefile.facts import FactSchema
from engine.rulefile.kind import DescribedRow, Draft, Kind, Outcome, Section
from engine.rulefile.nearest import did_you_mean
from engine.rulefile.nodes import Node
from engine.rulefile.question import Question
from engine.rulefile.temporal import parse_duration

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


# -- from a file to the body


def build(draft: Draft) -> LeadPriority:
    """The body of a lead-priority file. Raises `InvalidError` with all problems."""
    reader = _Reader(draft)
    groups = tuple(reader.group(node) for node in draft.tree.list_of("groups"))
    cap = reader.points(draft.tree.get("cap"))
    bands = read_bands(draft.tree.list_of("bands"), from_micro(cap) if cap is not None else None, draft.report)
    gates = tuple(reader.gate(node, bands) for node in draft.tree.list_of("gates"))
    reader.check_ids(groups)
    draft.report.raise_if_any()
    body = LeadPriority(
        groups=groups,
        by_bit=(
            *((index, rule.points) for index, group in enumerate(groups) for rule in group.rules),
            *((0, 0) for _ in gates),
        ),
        by_event_bit=tuple((index, rule.points) for index, group in enumerate(groups) for rule in group.events),
        gates=gates,
        bands=bands,
        cap=cap,
        most=None,
        zone=draft.zone,
        conditions=feel.ConditionSet.compile(reader.over_facts),
        event_conditions=feel.ConditionSet.compile(reader.over_events) if reader.over_events else None,
        reads=_reads(reader.over_facts, reader.over_events, draft.facts),
        warnings=(),
    )
    return _analysed(body, reader)


def _analysed(body: LeadPriority, reader: _Reader) -> LeadPriority:
    """The body with what can be said about its scores."""
    draft = reader.draft
    looked_at = [rule.bit for group in body.groups for rule in group.rules]
    looked_at += [gate.bit for gate in body.gates if gate.band is None]
    read = {path for bit in looked_at for path in reader.over_facts[bit][1].reads}
    found = score_range(
        [
            Giver(rule.id, index, rule.points, reader.over_facts[rule.bit][1].ir)
            for index, group in enumerate(body.groups)
            for rule in group.rules
        ],
        [
            Giver(rule.id, index, rule.points, reader.over_events[rule.bit][1].ir)
            for index, group in enumerate(body.groups)
            for rule in group.events
        ],
        [reader.over_facts[gate.bit][1].ir for gate in body.gates if gate.band is None],
        [group.cap for group in body.groups],
        _domains(draft.facts),
        may_know_nothing=not body.reads or bool(set(body.reads) - read),
    )
    scoring = Scoring(
        decide=body.decide,
        group_ids=tuple(group.id for group in body.groups),
        caps=tuple(group.cap for group in body.groups),
        cap=body.cap,
        bands=body.bands.bands,
        gated=frozenset(gate.band for gate in body.gates if gate.band is not None),
        facts=draft.facts,
        reads=body.reads,
        at=datetime.combine(draft.head.effective.from_, time(12), draft.zone),
    )
    rules = {rule.text_of("id"): rule for group in draft.tree.list_of("groups") for rule in group.list_of("rules")}
    bands = draft.tree["bands"]
    most = found.total.most
    warnings, hints = score_findings(scoring, found, draft.tree.list_of("bands"), rules, bands.key_place or bands.place)
    return replace(
        body,
        most=body.cap if most is None else most if body.cap is None else min(most, body.cap),
        warnings=warnings,
        hints=hints,
    )


def _domains(facts: FactSchema) -> Domains:
    """What the facts may be, and the parts of an event under its name in conditions."""
    events = facts.field(EVENTS)
    below = FactSchema(facts.name, "", events.item).domains if events is not None and events.item is not None else {}
    return {**facts.domains, **{f"event.{path}": domain for path, domain in below.items()}}


class _Reader:
    """Reads groups and gates of one file, and gathers their conditions in the order of their bits."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.report: Report = draft.report
        self.over_facts: list[tuple[str, feel.Expression]] = []
        self.over_events: list[tuple[str, feel.Expression]] = []
        self.event_scope = _event_scope(draft.facts)

    def group(self, node: Node) -> Group:
        """A group with its rules."""
        if not node.list_of("rules") and not node.list_of("events"):
            message = f"the group `{node.text_of('id')}` has no rules"
            self.report.add("rules.missing_field", message, node["id"].place, "add `rules`, `events` or both")
        half_life = self._half_life(node)
        events = node.list_of("events")
        if events and self.event_scope is None:
            message = f"`{self.draft.facts.name}` has no `{EVENTS}` with an `at`, so there is nothing to give points to"
            self.report.add(
                "rules.decay", message, node["events"].key_place or node.place, "choose a fact schema with events"
            )
            events = ()
        return Group(
            id=node.text_of("id"),
            title=node.text_of("title") or node.text_of("id").replace("-", " ").replace("_", " ").capitalize(),
            cap=self.points(node.get("cap")),
            half_life=half_life,
            rules=tuple(self._rule(rule, self.over_facts, None) for rule in node.list_of("rules")),
            events=tuple(self._rule(rule, self.over_events, self.event_scope) for rule in events),
        )

    def gate(self, node: Node, bands: Bands) -> Gate:
        """A gate; its band must be one of the file's."""
        then = node["then"]
        band = then.text_of("band") or None
        labels = [known.label for known in bands.bands]
        if band is not None and band not in labels:
            message = f"`{band}` is not the label of a band{did_you_mean(band, labels)}"
            self.report.add("rules.wrong_value", message, then["band"].place, f"one of: {', '.join(labels)}")
        bit = self._condition(node, self.over_facts, None)
        return Gate(node.text_of("id"), node.text_of("when"), band, node.text_of("because"), bit)

    def points(self, node: Node | None) -> int | None:
        """Points as millionths."""
        if node is None:
            return None
        try:
            return micro(Decimal(node.text))
        except ValueError:
            message = f"`{node.text}` has more than six digits after the point"
            self.report.add("rules.wrong_value", message, node.place, "points are counted in millionths")
            return 0

    def check_ids(self, groups: Sequence[Group]) -> None:
        """Ids are unique in a file, and none is one that the engine gives to caps and the floor."""
        tree = self.draft.tree
        self.draft.unique_ids(tree.list_of("groups"), "group")
        parts = [*tree.list_of("groups")]
        rules = [rule for part in parts for rule in (*part.list_of("rules"), *part.list_of("events"))]
        self.draft.unique_ids([*rules, *tree.list_of("gates")])
        reserved = {TOTAL_CAP, TOTAL_FLOOR, *(group.cap_id for group in groups)}
        for node in [*rules, *tree.list_of("gates")]:
            if node.text_of("id") in reserved:
                message = f"`{node.text_of('id')}` is the id under which a cap or the floor is shown"
                self.report.add("rules.duplicate_id", message, node["id"].place, "choose another id")

    def _rule(self, node: Node, conditions: list[tuple[str, feel.Expression]], scope: types.Scope | None) -> Rule:
        points = self.points(node["points"]) or 0
        bit = self._condition(node, conditions, scope)
        return Rule(node.text_of("id"), " ".join(node.text_of("when").split()), points, node.text_of("because"), bit)

    def _condition(self, node: Node, conditions: list[tuple[str, feel.Expression]], scope: types.Scope | None) -> int:
        found = self.draft.expression(node["when"], expect=types.BOOLEAN, scope=scope)
        if found is not None:
            conditions.append((node.text_of("id"), found))
        return len(conditions) - 1

    def _half_life(self, node: Node) -> timedelta | None:
        decay = node.get("decay")
        if decay is None:
            return None
        stated = decay["half_life"]
        found = parse_duration(stated.text)
        if found is None or found <= timedelta(0):
            message = f"`{stated.text}` is not a duration of days and time above zero"
            self.report.add("rules.decay", message, stated.place, "like this: `P14D` (14 days) or `PT12H` (12 hours)")
            return timedelta(days=1)
        if not node.list_of("events"):
            message = f"nothing decays in the group `{node.text_of('id')}`: it has no `events`"
            self.report.add("rules.decay", message, decay.key_place or decay.place, "facts have no age; remove `decay`")
        return found


def _event_scope(facts: FactSchema) -> types.Scope | None:
    """The facts with `event` added, where the fact schema has a list of dated events."""
    events = facts.field(EVENTS)
    if events is None or events.item is None or events.item.form != "object":
        return None
    at = next((part for part in events.item.fields if part.name == "at"), None)
    if at is None or at.form != "date-time" or not at.required:
        return None
    return facts.scope.child({"event": types.Field(events.item.type)})


def _reads(
    over_facts: Sequence[tuple[str, feel.Expression]],
    over_events: Sequence[tuple[str, feel.Expression]],
    facts: FactSchema,
) -> tuple[str, ...]:
    """The facts that any condition reads, in the fact schema's order; a condition on events reads the events."""
    found = {path for _, expression in over_facts for path in expression.reads}
    for _, expression in over_events:
        found |= {EVENTS if path.split(".")[0] == "event" else path for path in expression.reads}
    if over_events:
        found.add(EVENTS)
    return in_schema_order(found, facts)


KIND: Final = Kind("lead-priority", "rules/lead-priority.schema.json", build)
