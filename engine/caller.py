"""Who asks, on whose behalf, and when: the argument that every use case takes first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

ROLES = ("sales_rep", "field_sales_rep", "sales_manager", "revops_analyst", "platform_admin")
"""The roles of MISSION.md, in its order."""

SERVICE_ROLE = "service"
"""The platform's own jobs, imports and installation: one whole organisation, never beyond it. No person has it."""

ACTIONS = (
    "read",
    "write",
    "start",
    "draft",
    "propose",
    "preview",
    "approve",
    "publish",
    "edit_policies",
    "ask",
    "erase",
)
"""Everything that a policy can allow. A use case asks for these words and only these."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A person (or an application acting for one) with a place in the organisation.

    The role and the place come from our own directory, never from a claim. `territory_ids` are the territories the
    person works; own records are those the person owns **and** that lie in one of them. `scopes` are those of the token
    (`engine.scopes`): None is the whole role, an empty set allows nothing.
    """

    id: str
    name: str
    role: str
    organisation_id: str
    region_id: str
    branch_id: str
    team_id: str
    territory_ids: tuple[str, ...] = ()
    scopes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """An actor at an instant, through a channel (`console`, `api`, `cli`, `job`), with the request's id."""

    actor: Actor
    now: datetime
    channel: str
    request_id: str
