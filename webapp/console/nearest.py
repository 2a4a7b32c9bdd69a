"""What would change a decision, as pages show it beside why and why not."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine import exact_json
from engine.decision import Decision
from engine.nearest_change import NearestChange
from engine.problems import InvalidError
from engine.service.evaluate import nearest_change
from webapp.console import fact_form
from webapp.console.frame import caller, link, ports

LONGEST_ADDRESS = 2_000
"""Facts that make an address longer than this are not offered as a link: servers and proxies cut long addresses."""
STEPS = 2_000
"""Changes tried for each number of facts: a page should not wait for a longer search."""
NOT_ASKED = frozenset({"change.not_offered", "change.needs_target"})
"""Refusals that say a rule set does not answer the question at all."""


@dataclass(frozen=True, slots=True)
class Turned:
    """A nearest change and, where it fits into an address, the page that tries it."""

    change: NearestChange
    url: str | None


def what_would_change(decision: Decision) -> Turned | None:
    """The nearest change to the next outcome; None where the rule set cannot be asked."""
    try:
        change = nearest_change(
            ports(),
            caller(),
            decision.rule_set,
            decision.facts,
            at=decision.at,
            as_of=decision.as_of,
            version=decision.version,
            steps=STEPS,
        )
    except InvalidError as error:
        if {problem.code for problem in error.problems} <= NOT_ASKED:
            return None
        raise
    return Turned(change, _trial(decision, change) if change.found else None)


def _trial(decision: Decision, change: NearestChange) -> str | None:
    facts: dict[str, Any] = dict(decision.facts)
    for fact in change.changes:
        facts = _with(facts, fact.name.split("."), fact.to)
    written = fact_form.compact(_plain(facts))
    at = exact_json.instant_text(decision.at)
    address = link("trial", rule=decision.rule_set, version=str(decision.version), at=at, facts=written)
    return address + "#result" if len(address) <= LONGEST_ADDRESS else None


def _with(facts: dict[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    return {**facts, path[0]: value if len(path) == 1 else _with(facts[path[0]], path[1:], value)}


def _plain(value: Any) -> Any:
    """Facts as JSON has them: numbers stay numbers, temporal values become texts."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return (
        value
        if isinstance(value, str | int) or value is None or isinstance(value, Decimal)
        else exact_json.plain(value)
    )
