"""What another version of the policies would change for the people and records that there are, before it is used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from engine.caller import Actor, Caller
from engine.ports import Ports
from engine.predicate import Never, Predicate, matches
from engine.records import Record
from engine.service.actions import READ
from engine.service.directory import actor_from

Cell = tuple[str, str, str]
"""A role, an action and a record type."""


class Granting(Protocol):
    """Some version of the policies: those in force, or what is kept of others."""

    def predicate(self, actor: Actor, action: str, record_type: str) -> Predicate:
        """Which records of the type the actor may do this to."""
        ...


@dataclass(frozen=True, slots=True)
class Effect:
    """What people of a role gain, or lose, on records of a type.

    `people` and `records` are how many of each are touched, `pairs` how often a person and a record meet anew;
    `example` is a person's and a record's id.
    """

    role: str
    action: str
    record_type: str
    gains: bool
    people: int
    records: int
    pairs: int
    example: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Effects:
    """All effects, and for each record type that was looked at how many records were and how many there are."""

    found: tuple[Effect, ...]
    looked_at: Mapping[str, tuple[int, int]]

    @property
    def complete(self) -> bool:
        """Whether every record was looked at."""
        return all(seen == there for seen, there in self.looked_at.values())


def effects(ports: Ports, caller: Caller, old: Granting, new: Granting, cells: Iterable[Cell], *, most: int) -> Effects:
    """What changes in these cells for the people and records that the caller may read.

    At most `most` records of a type are looked at, by ascending id; `looked_at` says so. Nothing is changed.
    """
    people = _people_by_role(ports, caller)
    by_type: dict[str, list[Cell]] = {}
    for cell in dict.fromkeys(cells):
        by_type.setdefault(cell[2], []).append(cell)
    found: list[Effect] = []
    looked_at: dict[str, tuple[int, int]] = {}
    for record_type, changed in by_type.items():
        readable = ports.authorizer.predicate(caller.actor, READ, record_type)
        records = _first(ports, record_type, readable, most)
        looked_at[record_type] = (len(records), ports.store.count(record_type, readable))
        for cell in changed:
            found.extend(_effects(cell, people.get(cell[0], ()), records, old, new))
    return Effects(
        tuple(sorted(found, key=lambda one: (one.role, one.record_type, one.action, not one.gains))), looked_at
    )


def _people_by_role(ports: Ports, caller: Caller) -> dict[str, list[Actor]]:
    found: dict[str, list[Actor]] = {}
    for person in ports.store.scan("person", ports.authorizer.predicate(caller.actor, READ, "person")):
        if person["active"] is not False:
            found.setdefault(person["role"], []).append(actor_from(person))
    return found


def _first(ports: Ports, record_type: str, readable: Predicate, most: int) -> list[Record]:
    found: list[Record] = []
    for record in ports.store.scan(record_type, readable):
        if len(found) == most:
            break
        found.append(record)
    return found


def _effects(cell: Cell, people: Iterable[Actor], records: list[Record], old: Granting, new: Granting) -> list[Effect]:
    role, action, record_type = cell
    pairs: dict[bool, list[tuple[str, str]]] = {True: [], False: []}
    for person in people:
        before, after = (policies.predicate(person, action, record_type) for policies in (old, new))
        if before == after:
            continue
        for record in records:
            values = record.values()
            had, has = (not isinstance(one, Never) and matches(one, values) for one in (before, after))
            if had is not has:
                pairs[has].append((person.id, record.id))
    return [
        Effect(
            role,
            action,
            record_type,
            gains,
            len({person_id for person_id, _ in met}),
            len({record_id for _, record_id in met}),
            len(met),
            met[0],
        )
        for gains, met in pairs.items()
        if met
    ]
