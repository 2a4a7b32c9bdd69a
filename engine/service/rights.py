"""What rights are made of: for noticing that they are others than they were."""

from __future__ import annotations

from hashlib import sha256

from engine import exact_json
from engine.caller import Actor
from engine.ports import Ports


def rights_digest(ports: Ports, actor: Actor) -> str:
    """A digest of all that somebody's rights follow from: role, place, scopes and the policies of this process.

    Where it is the same, every cell of the policies is; where it is another, some may be another.
    """
    scopes = None if actor.scopes is None else sorted(actor.scopes)
    place = [actor.organisation_id, actor.region_id, actor.branch_id, actor.team_id, sorted(actor.territory_ids)]
    return sha256(exact_json.canonical([actor.id, actor.role, place, scopes, ports.authorizer.digest])).hexdigest()
