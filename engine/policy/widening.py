"""What changes between two versions of the policies: which role gains and loses what, each with an example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from engine.caller import ACTIONS, Actor
from engine.policy.compiled import ROLES, Compiled
from engine.policy.symbols import TEXTS
from engine.policy.vocabulary import RESOURCES, User
from engine.policy.worlds import records, users
from engine.predicate import matches
from engine.records import Record


@dataclass(frozen=True, slots=True)
class Change:
    """A role `gains` (or loses) an action on some records of a type; `actor` and `record` show it.

    The record holds only the fields that the two versions ask for.
    """

    role: str
    action: str
    record_type: str
    gains: bool
    actor: Actor
    record: Record

    def example(self) -> str:
        """The person and the record in words: "`ann` (organisation_id `acme`, ...) on one with team_id `red`"."""
        actor, values = self.actor, self.record.values()
        of_whom = {name: getattr(actor, name) for name in TEXTS if name != "id"}
        if actor.territory_ids:
            of_whom["territory_ids"] = ", ".join(actor.territory_ids)
        asked = {name: value for name, value in values.items() if name not in {"id", "revision"} or value == actor.id}
        return f"`{actor.id}` ({_listed(of_whom)}) on one with {_listed(asked)}"


def _listed(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {'nothing' if value is None else f'`{value}`'}" for name, value in fields.items())


def widening(old: Compiled, new: Compiled) -> tuple[Change, ...]:
    """Every cell that grants more or less in `new` than in `old`, by role, action and record type; both ways if both.

    Nothing is sampled: the small worlds of a cell hold an example if there is one. The role "" is somebody whose role
    is none. What `old` did not know, such as a record type that is new, it granted nobody.
    """
    if old.digest == new.digest:
        return ()
    return tuple(
        change
        for role, action, record_type in product(ROLES, ACTIONS, RESOURCES)
        for change in _changes(old, new, role, action, record_type)
    )


def _changes(old: Compiled, new: Compiled, role: str, action: str, record_type: str) -> Iterator[Change]:
    before, after = old.cell(role, action, record_type), new.cell(role, action, record_type)
    if before == after:
        return
    paths = [*before.paths(), *after.paths()]
    found: dict[bool, Change] = {}
    seen = set()
    for actor in users(role, paths):
        user = User(actor)
        first, second = before.template(user), after.template(user)
        one, other = first.filled(user), second.filled(user)
        if one == other or (one, other) in seen:
            continue
        seen.add((one, other))
        literals = [literal for template in (first, second) for part in template.conjunctions() for literal in part]
        for record in records(record_type, actor, literals):
            values = record.values()
            granted = matches(other, values)
            if granted is not matches(one, values) and granted not in found:
                found[granted] = Change(role, action, record_type, granted, actor, record)
        if len(found) == 2:
            break
    yield from (found[gains] for gains in (True, False) if gains in found)
