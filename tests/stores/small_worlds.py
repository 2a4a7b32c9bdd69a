"""Every small world of a record type: two organisations, regions, branches, teams and people, and nothing at all.

A world is a record whose every field that the policies ask is the actor's, somebody else's, a constant of the rules, or
unknown. Unknown has many forms (missing, null, a list, another type, a mapping); `forms` gives all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from engine.caller import Actor
from engine.policy import ALL_ROLES
from engine.records import Record, RecordType

MINE = {"region_id": "north", "branch_id": "oslo", "team_id": "red", "owner_id": "ann", "territory_id": "t1"}
OTHER = {"region_id": "south", "branch_id": "rome", "team_id": "blue", "owner_id": "bob", "territory_id": "t9"}
CONSTANTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "rule_version": {"kind": ("boundary", "lead-priority"), "published_by": ("ann", "bob")},
    "api_key": {"person_id": ("ann", "bob")},
    "idempotency_key": {"actor_id": ("ann", "bob")},
    "audit_entry": {"record_type": ("lead", "api_key", "person")},
}
"""Values of the fields beside the place that a type's rules ask; a test holds that these are all such fields."""
IDS = {"region": ("north", "south"), "person": ("ann", "bob"), "organisation": ("acme", "rival")}
"""Types whose own id is asked for."""

MISSING = object()


def forms(name: str) -> tuple[Any, ...]:
    """What a field can be that satisfies no condition."""
    return MISSING, None, [MINE.get(name, "ann")], 7, {"$ne": None}


def people(organisation: str = "acme") -> list[Actor]:
    """Of every role one with a place everywhere; of those that a team makes a difference to, one without a team too."""
    full = [Actor("ann", "Ann", role, organisation, "north", "oslo", "red", ("t1", "t2")) for role in ALL_ROLES]
    wide = ("sales_manager", "revops_analyst", "platform_admin")
    return [*full, *(Actor("ann", "Ann", role, organisation, "north", "oslo", "") for role in wide)]


def fields(known: RecordType) -> dict[str, tuple[str, ...]]:
    """The type's fields that its rules can ask, beside id and organisation, with the actor's and others' values."""
    place = {name: (MINE[name], OTHER[name]) for name in MINE if known.field(name)}
    return {**place, **CONSTANTS.get(known.name, {})}


def worlds(
    known: RecordType, *, every_null: bool, organisations: tuple[str, str] = ("acme", "rival")
) -> Iterator[Record]:
    """All combinations of the fields' values in both organisations, with a null in at most one field or in every."""
    held = fields(known)
    choices = [(*values, None) for values in held.values()]
    number = 0
    for organisation, record_id, values in product(organisations, IDS.get(known.name, ("",)), product(*choices)):
        if every_null or sum(value is None for value in values) <= 1:
            number += 1
            yield Record(
                known.name, record_id or f"r{number:05d}", organisation, dict(zip(held, values, strict=True)), 1
            )


def variants(record: Record) -> Iterator[dict[str, Any]]:
    """The record's values with each null in each of its forms."""
    held = record.values()
    unknown = [name for name in record.fields if record.fields[name] is None]
    for chosen in product(*(forms(name) for name in unknown)):
        changed = {**held, **dict(zip(unknown, chosen, strict=True))}
        yield {name: value for name, value in changed.items() if value is not MISSING}
