"""From a lead-priority file to the compiled body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal

from engine import feel
from engine.feel import types
from engine.feel.domains import Domains
from engine.kinds.lead_priority.bands import Bands, read_bands
from engine.kinds.lead_priority.body import LeadPriority
from engine.kinds.lead_priority.decay import from_micro, micro
from engine.kinds.lead_priority.model import TOTAL_CAP, TOTAL_FLOOR, Gate, Group, Rule
from engine.kinds.lead_priority.nearest import EVENTS
from engine.kinds.lead_priority.score_findings import Scoring, score_findings
from engine.kinds.lead_priority.score_range import Giver, score_range
from engine.kinds.paths import in_schema_order
from engine.problems import Report
from engine.rulefile.facts import FactSchema
from engine.rulefile.kind import Draft
from engine.rulefile.nearest import did_you_mean
from engine.rulefile.nodes import Node
from engine.rulefile.temporal import parse_duration


def read_rules(draft: Draft) -> LeadPriority:
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
