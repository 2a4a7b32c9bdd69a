"""What changes between two versions of the policies: which role gains and loses what, each with an example."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from engine.caller import ACTIONS, Actor
from engine.policy.vocabulary import ALL_ROLES, RESOURCES, User
from engine.policy.worlds import records, users
from engine.predicate import matches
from engine.records import Record

if TYPE_CHECKING:
    from engine.policy.policies import Policies


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


def widening(old: Policies, new: Policies) -> tuple[Change, ...]:
    """Every cell that grants more or less in `new` than in `old`, by role, action and record type; both ways if both.

    Nothing is sampled: the small worlds of a cell hold an example if there is one. Takes some seconds. Raises
    `InvalidError` (`policy.shape`) for policies with a cell that cannot be a predicate.
    """
    if old.digest == new.digest:
        return ()
    return tuple(
        change
        for role, action, record_type in product(ALL_ROLES, ACTIONS, RESOURCES)
        for change in _changes(old, new, role, action, record_type)
    )


def _changes(old: Policies, new: Policies, role: str, action: str, record_type: str) -> Iterator[Change]:
    before, after = old.cell(role, action, record_type), new.cell(role, action, record_type)
    paths = [*before.paths(), *after.paths()]
    if set(before.paths()) == set(after.paths()):
        return
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
