"""From a sync-conflict file whose shape is right to checked rules for every field of the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from engine import feel
from engine.feel import types
from engine.kinds.sync_conflict.algebra import algebra
from engine.kinds.sync_conflict.strategies import (
    ORDERED_STRATEGIES,
    SET_STRATEGIES,
    WHOLE_STRATEGIES,
    Ties,
)
from engine.problems import Problem, Report
from engine.rulefile.facts import FactField
from engine.rulefile.kind import Draft
from engine.rulefile.nearest import did_you_mean
from engine.rulefile.nodes import Node

OTHERWISE = "otherwise"
"""The id of the rule for fields without one, where the file gives it none."""

SIDES = ("base", "client", "server")
NEEDED_FACTS: Mapping[str, str] = {
    "record_type": "string",
    "base": "object",
    "client": "object",
    "server": "object",
    "client_at": "date-time",
    "server_at": "date-time",
    "device_id": "string",
}

COMPARABLE = frozenset({types.NUMBER, types.DATE, types.DATE_TIME, types.DAYS_TIME_DURATION})


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule for a field or group. `bit` is the place of its condition in the compiled set, None without one."""

    id: str
    fields: tuple[str, ...]
    strategy: str
    ties: Ties
    because: str
    bit: int | None = None
    when: str = ""
    arrival_matters: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """Fields that win or lose together, with their rules in order; the last one is without a condition."""

    fields: tuple[str, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """A checked file: one unit for every field of the record, in the fact schema's order."""

    record: str
    units: tuple[Unit, ...]
    listed: tuple[Rule, ...]
    otherwise: Rule
    conditions: feel.ConditionSet
    reads: Mapping[str, tuple[str, ...]]
    set_fields: frozenset[str]


def read_rules(draft: Draft) -> tuple[Rules, tuple[Problem, ...]]:
    """The rules and warnings. Raises `InvalidError` with everything that is wrong."""
    tree, report, warnings = draft.tree, draft.report, Report()
    fields = _record_fields(draft)
    draft.unique_ids([*tree.list_of("fields"), *([tree["otherwise"]] if "id" in tree["otherwise"] else [])])
    conditions: list[tuple[str, feel.Expression]] = []
    nodes = tree.list_of("fields")
    listed = tuple(_rule(draft, node, fields, conditions, warnings) for node in nodes)
    otherwise = _otherwise(draft, tree["otherwise"], warnings)
    _check_units(draft, listed, nodes)
    report.raise_if_any()
    units = _units(tuple(fields), listed, otherwise)
    compiled = feel.ConditionSet.compile(conditions)
    reads = {name: tuple(sorted(expression.reads)) for name, expression in conditions}
    sets = frozenset(
        name for unit in units for rule in unit.rules if rule.strategy in SET_STRATEGIES for name in unit.fields
    )
    return Rules(tree.text_of("record"), units, listed, otherwise, compiled, reads, sets), tuple(warnings)


def _record_fields(draft: Draft) -> dict[str, FactField]:
    """The record's fields by name; the three sides must have the same ones."""
    place = draft.tree["facts"].place
    lacking = [
        path for path, form in NEEDED_FACTS.items() if (found := draft.facts.field(path)) is None or found.form != form
    ]
    if lacking:
        message = f"a sync-conflict rule set needs facts that `{draft.facts.name}` does not have: {', '.join(lacking)}"
        draft.report.add("sync.facts", message, place, "`deal-conflict/1` is an example of such a schema")
    draft.report.raise_if_any()
    sides = {
        side: {field.name: field for field in found.fields} for side in SIDES if (found := draft.facts.field(side))
    }
    for side in SIDES[1:]:
        for name in sides["base"].keys() ^ sides[side].keys():
            message = f"`{name}` is a field of the record in only one of `base` and `{side}` of `{draft.facts.name}`"
            draft.report.add("sync.facts", message, place, "the three sides describe the same record")
    return sides["base"]


def _rule(
    draft: Draft,
    node: Node,
    fields: Mapping[str, FactField],
    conditions: list[tuple[str, feel.Expression]],
    warnings: Report,
) -> Rule:
    names = [node["field"]] if "field" in node else list(node.list_of("group"))
    if ("field" in node) == ("group" in node):
        message = f"`{node.text_of('id')}` needs either `field` or `group`, not both and not neither"
        draft.report.add(
            "sync.field_or_group", message, node["id"].place, "`group` lists fields that win or lose together"
        )
    strategy = node.text_of("strategy")
    for name in names:
        known = fields.get(name.text)
        if known is None:
            message = f"`{name.text}` is not a field of the record{did_you_mean(name.text, fields)}"
            draft.report.add("sync.unknown_field", message, name.place, f"known: {', '.join(fields)}")
        elif "group" not in node:
            _check_type(draft, node["strategy"], known)
    if "group" in node and strategy not in WHOLE_STRATEGIES:
        message = f"`{strategy}` decides by a single value, so it cannot keep a group together"
        draft.report.add(
            "sync.strategy", message, node["strategy"].place, f"for a group: {', '.join(sorted(WHOLE_STRATEGIES))}"
        )
    bit = None
    if "when" in node:
        expression = draft.expression(node["when"], expect=types.BOOLEAN)
        bit = len(conditions)
        if expression is not None:
            conditions.append((node.text_of("id"), expression))
    _check_arrival(draft, node, warnings, conditional="when" in node)
    return Rule(
        id=node.text_of("id"),
        fields=tuple(name.text for name in names),
        strategy=strategy,
        ties=_ties(draft, node),
        because=node.text_of("because"),
        bit=bit,
        when=node.text_of("when"),
        arrival_matters="arrival" in node,
    )


def _otherwise(draft: Draft, node: Node, warnings: Report) -> Rule:
    strategy = node.text_of("strategy")
    if strategy not in WHOLE_STRATEGIES:
        message = f"`{strategy}` does not fit every field, so it cannot hold for all others"
        draft.report.add(
            "sync.strategy", message, node["strategy"].place, f"here: {', '.join(sorted(WHOLE_STRATEGIES))}"
        )
    _check_arrival(draft, node, warnings, conditional=False)
    return Rule(
        id=node.text_of("id", OTHERWISE),
        fields=(),
        strategy=strategy,
        ties=_ties(draft, node),
        because=node.text_of("because"),
        arrival_matters="arrival" in node,
    )


def _check_type(draft: Draft, strategy: Node, field: FactField) -> None:
    if strategy.text in ORDERED_STRATEGIES and field.type not in COMPARABLE:
        message = f"`{strategy.text}` compares numbers, dates or instants; `{field.name}` is {_words(field)}"
        draft.report.add("sync.strategy", message, strategy.place, "choose a strategy that takes one side as it is")
    is_set = isinstance(field.type, types.ListType) and field.type.item == types.STRING
    if strategy.text in SET_STRATEGIES and not is_set:
        message = f"`{strategy.text}` merges lists of texts; `{field.name}` is {_words(field)}"
        draft.report.add("sync.strategy", message, strategy.place, "choose a strategy that takes one side as it is")


def _words(field: FactField) -> str:
    """What a field holds, in an author's words."""
    return {"object": "a group of values", "array": "a list", "string": "a text", "boolean": "true or false"}.get(
        field.form, f"a {field.type}"
    )


def _ties(draft: Draft, node: Node) -> Ties:
    if "ties" in node and node.text_of("strategy") != "last_write":
        message = f"`ties` is read by `last_write` only, not by `{node.text_of('strategy')}`"
        draft.report.add("sync.strategy", message, node["ties"].key_place or node["ties"].place, "leave it out")
    return cast("Ties", node.text_of("ties", "device"))


def _check_arrival(draft: Draft, node: Node, warnings: Report, *, conditional: bool) -> None:
    """An outcome that depends on who arrives first must be declared; the small model finds out and shows a case."""
    strategy, declared = node.text_of("strategy"), "arrival" in node
    measured = algebra(strategy, cast("Ties", node.text_of("ties", "device")))
    if measured.order_free and not conditional:
        if declared:
            message = f"`{strategy}` comes out alike whoever arrives first, so `arrival: matters` says nothing"
            warnings.add("sync.arrival_needless", message, node["arrival"].place, "leave it out")
        return
    if declared:
        return
    if not measured.order_free:
        differ = measured.triples - measured.triples_agree
        message = (
            f"under `{strategy}` the outcome depends on which device gets a signal first: "
            f"{differ} of {measured.triples} small cases differ"
        )
        help_text = f"say `arrival: matters` if that is meant, or use an order-free strategy; {measured.witness}"
    else:
        message = "whether this condition holds depends on which device gets a signal first"
        help_text = "say `arrival: matters` if that is meant, or decide without a condition"
    place = node["strategy"].place if not measured.order_free else node["when"].place
    draft.report.add("sync.arrival", message, place, help_text)


def _check_units(draft: Draft, listed: Sequence[Rule], nodes: Sequence[Node]) -> None:
    """A field belongs to one unit, and only a unit's last rule is without a condition."""
    owner: dict[str, tuple[frozenset[str], str]] = {}
    settled: dict[frozenset[str], str] = {}
    for rule, node in zip(listed, nodes, strict=True):
        unit = frozenset(rule.fields)
        for name in rule.fields:
            if name in owner and owner[name][0] != unit:
                message = f"`{name}` belongs to `{owner[name][1]}` already, with other fields beside it"
                draft.report.add("sync.torn_group", message, node["id"].place, "rules for a field name the same group")
            owner.setdefault(name, (unit, rule.id))
        if unit in settled:
            message = f"`{rule.id}` never decides: `{settled[unit]}` above it holds always"
            draft.report.add("sync.unreachable", message, node["id"].place, "put the rule with a condition first")
        elif rule.bit is None:
            settled[unit] = rule.id


def _units(names: Sequence[str], listed: Sequence[Rule], otherwise: Rule) -> tuple[Unit, ...]:
    units: list[Unit] = []
    seen: set[str] = set()
    for name in names:
        if name in seen:
            continue
        rules = tuple(rule for rule in listed if name in rule.fields)
        fields = rules[0].fields if rules else (name,)
        seen.update(fields)
        units.append(Unit(fields, rules if rules and rules[-1].bit is None else (*rules, otherwise)))
    return tuple(units)
