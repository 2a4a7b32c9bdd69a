"""The compiled rules: three versions of a record in, one merged record out, field by field with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from engine.decision import Explanation, Reason, WhyNot
from engine.kinds.sync_conflict.description import describe
from engine.kinds.sync_conflict.read import Rule, Rules, Unit
from engine.kinds.sync_conflict.strategies import Edit, Merged, Stamp, merge
from engine.problems import InvalidError, Place, Problem
from engine.rulefile.kind import Outcome, Section
from engine.rulefile.nearest import did_you_mean

HOW_SENTENCES: Mapping[str, str] = {
    "unchanged": "Nobody changed it",
    "only_client": "Only the device changed it",
    "only_server": "Only the server changed it",
    "same_change": "Both made the same change",
}
"""Why a field came out as it did where there was no conflict for a rule to decide."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How one unit came out. Values are by field name; an absent one is None."""

    unit: Unit
    rule: Rule
    passed_over: tuple[Rule, ...]
    base: Mapping[str, Any]
    client: Mapping[str, Any]
    server: Mapping[str, Any]
    merged: Merged
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SyncConflictBody:
    """Checked rules that decide. Immutable and safe to share between threads."""

    rules: Rules
    zone: tzinfo
    warnings: tuple[Problem, ...]
    hints: tuple[Problem, ...] = ()

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The listed rules, then the one for all other fields."""
        return (*(rule.id for rule in self.rules.listed), self.rules.otherwise.id)

    def describe(self) -> tuple[Section, ...]:
        """The rules by field, and what the small model found about each strategy."""
        return describe(self.rules)

    def decide(self, facts: Mapping[str, Any], *, at: datetime, as_of: datetime) -> Outcome:  # noqa: ARG002  # one rule set, one answer
        """Merge. Raises `InvalidError` for another kind of record, or an unknown field in `client_fields`."""
        self._check(facts)
        bits = self.rules.conditions.evaluate(facts, at=at, zone=self.zone).rules if self.rules.reads else 0
        settled = tuple(_settle(unit, facts, bits) for unit in self.rules.units)
        merged = {name: value for found in settled for name, value in found.values.items() if _is_known(found, name)}
        rows = [row for found in settled for row in _rows(found)]
        outcome = {
            "merged": merged,
            "fields": rows,
            "needs_person": any(found.merged.needs_person for found in settled),
            "conflicts": sum(1 for found in settled if found.merged.how == "strategy"),
        }
        missing = sorted(
            {path for paths in self.rules.reads.values() for path in paths if _at_path(facts, path) is None}
        )

        def explain() -> Explanation:
            return self._explain(settled, facts, at)

        return Outcome(outcome, tuple(missing), explain)

    def _check(self, facts: Mapping[str, Any]) -> None:
        problems = []
        if facts["record_type"] != self.rules.record:
            message = f"the facts are about a `{facts['record_type']}`, the rules about a `{self.rules.record}`"
            problems.append(Problem("sync.record", message, Place("facts", path="$.record_type")))
        known = [name for unit in self.rules.units for name in unit.fields]
        for index, name in enumerate(facts.get("client_fields") or ()):
            if name not in known:
                message = f"`{name}` is not a field of the record{did_you_mean(name, known)}"
                problems.append(
                    Problem("sync.unknown_field", message, Place("facts", path=f"$.client_fields[{index}]"))
                )
        if problems:
            raise InvalidError(problems)

    def _explain(self, settled: tuple[Settled, ...], facts: Mapping[str, Any], at: datetime) -> Explanation:
        """A reason for every conflict a rule decided; what kept the other rules from deciding. In the file's order."""
        reasons: list[Reason] = []
        why_not: list[WhyNot] = []
        for found in settled:
            for rule in found.passed_over:
                failed = self.rules.conditions.why_not(rule.id, facts, at=at, zone=self.zone)
                if failed is not None:
                    why_not.append(WhyNot(rule.id, rule.because, failed.text, dict(failed.seen)))
            if found.merged.how == "strategy":
                reasons.append(_reason(found))
            elif found.rule is not self.rules.otherwise:
                fields = " and ".join(f"`{name}`" for name in found.unit.fields)
                seen = {side: _one(values) for side, values in _sides(found).items()}
                condition = f"both sides changed {fields} differently"
                why_not.append(WhyNot(found.rule.id, found.rule.because, condition, seen))
        other = self.rules.otherwise
        if other.id not in {reason.rule for reason in reasons}:
            condition = "both sides changed a field without a rule of its own differently"
            why_not.append(WhyNot(other.id, other.because, condition, {}))
        order = {rule: position for position, rule in enumerate(self.rule_ids)}
        reasons.sort(key=lambda reason: order[reason.rule])
        why_not.sort(key=lambda why: order[why.rule])
        return Explanation.of(reasons, why_not)


def _settle(unit: Unit, facts: Mapping[str, Any], bits: int) -> Settled:
    touched = facts.get("client_fields")
    base = {name: facts["base"].get(name) for name in unit.fields}
    server = {name: facts["server"].get(name) for name in unit.fields}
    client = {
        name: facts["client"].get(name) if touched is None or name in touched else base[name] for name in unit.fields
    }
    position = next(index for index, rule in enumerate(unit.rules) if rule.bit is None or bits >> rule.bit & 1)
    rule = unit.rules[position]
    edit = Edit(
        base=_one(base),
        client=_one(client),
        server=_one(server),
        client_stamp=Stamp(facts["client_at"], facts["device_id"]),
        server_stamp=Stamp(facts["server_at"], facts.get("server_device_id") or ""),
    )
    merged = merge(rule.strategy, edit, rule.ties)
    if len(unit.fields) == 1:
        values: Mapping[str, Any] = {unit.fields[0]: merged.value}
    else:
        values = merged.value
    # Rules under a condition that did not hold are passed over only where there was a conflict to decide.
    passed_over = unit.rules[:position] if merged.how == "strategy" else ()
    return Settled(unit, rule, passed_over, base, client, server, merged, values)


def _one(values: Mapping[str, Any]) -> Any:
    """A field's value by itself; a group's values stay together as one."""
    return next(iter(values.values())) if len(values) == 1 else values


def _is_known(found: Settled, name: str) -> bool:
    """Whether any side has a value: a cleared field is null in the merged record, one nobody filled is absent."""
    return any(side[name] is not None for side in (found.base, found.client, found.server))


def _sides(found: Settled) -> dict[str, Mapping[str, Any]]:
    return {"base": found.base, "client": found.client, "server": found.server}


def _rows(found: Settled) -> list[dict[str, Any]]:
    merged, rule = found.merged, found.rule
    because = HOW_SENTENCES.get(merged.how, rule.because)
    return [
        {
            "field": name,
            "group": list(found.unit.fields) if len(found.unit.fields) > 1 else None,
            "strategy": rule.strategy,
            "base": found.base[name],
            "client": found.client[name],
            "server": found.server[name],
            "value": found.values[name],
            "winner": merged.winner,
            "how": merged.how,
            "overwritten": _overwritten(found, name),
            "needs_person": merged.needs_person,
            "rule": rule.id,
            "because": because,
        }
        for name in found.unit.fields
    ]


def _overwritten(found: Settled, name: str) -> dict[str, Any] | None:
    """The value that a decided conflict put aside, and whose it is; kept so that nothing is lost silently."""
    if found.merged.how != "strategy" or found.merged.needs_person:
        return None
    value = found.values[name]
    for side, given in (("client", found.client[name]), ("server", found.server[name])):
        if given != value and found.merged.winner != side and not _kept(given, value):
            return {"side": side, "value": given}
    return None


def _kept(given: Any, value: Any) -> bool:
    """Whether a set's elements are all in the merged set."""
    return isinstance(given, tuple) and isinstance(value, tuple) and set(given) <= set(value)


def _reason(found: Settled) -> Reason:
    detail = {
        "fields": list(found.unit.fields),
        "strategy": found.rule.strategy,
        "winner": found.merged.winner,
        **{side: _one(values) for side, values in _sides(found).items()},
        "value": found.merged.value,
        "needs_person": found.merged.needs_person,
    }
    return Reason(found.rule.id, found.rule.because, None, detail)


def _at_path(facts: Mapping[str, Any], path: str) -> Any:
    value: Any = facts
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value
