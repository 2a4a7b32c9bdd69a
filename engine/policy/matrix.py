"""The role matrix as the policies really are: asked of them, never written down twice."""

from __future__ import annotations

from dataclasses import dataclass

from engine.caller import ROLES, Actor
from engine.ports import Authorizer
from engine.records import Record, record_type

SYSTEM_TYPES = ("organisation", "region", "branch", "team", "territory", "person", "api_key")
"""System configuration: a role may do to it what it may do to every one of these."""

_HERE = {"region_id": "north", "branch_id": "oslo"}
_LEADS = {
    "own": {**_HERE, "team_id": "red", "owner_id": "ann", "territory_id": "t1"},
    "team": {**_HERE, "team_id": "red", "owner_id": "bob", "territory_id": "t1"},
    "branch": {**_HERE, "team_id": "blue", "owner_id": "cid", "territory_id": "t2"},
}


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """What one role may do (`read`, `write`) to own records, the team's, the branch's, and to system configuration."""

    role: str
    own: tuple[str, ...]
    team: tuple[str, ...]
    branch: tuple[str, ...]
    system: tuple[str, ...]


def matrix(policies: Authorizer, business_type: str = "lead") -> tuple[MatrixRow, ...]:
    """A row for each role, in the roles' order, for records of a business type. Any authorizer can be asked."""
    return tuple(_row(policies, role, business_type) for role in ROLES)


def _row(policies: Authorizer, role: str, business_type: str) -> MatrixRow:
    actor = Actor("ann", "Ann", role, "acme", "north", "oslo", "red", ("t1",))

    def may(record: Record) -> tuple[str, ...]:
        return tuple(action for action in ("read", "write") if policies.allows(actor, action, record))

    scopes = {name: may(Record(business_type, "r1", "acme", fields)) for name, fields in _LEADS.items()}
    everywhere = [set(may(_system_record(name))) for name in SYSTEM_TYPES]
    system = tuple(action for action in ("read", "write") if all(action in found for found in everywhere))
    return MatrixRow(role, scopes["own"], scopes["team"], scopes["branch"], system)


def _system_record(type_name: str) -> Record:
    """A record of the actor's region that is not about the actor."""
    names = {field.name for field in record_type(type_name).fields}
    place = {**_HERE, "person_id": "bob"}
    record_id = "north" if type_name == "region" else "r1"
    return Record(type_name, record_id, "acme", {name: value for name, value in place.items() if name in names})
