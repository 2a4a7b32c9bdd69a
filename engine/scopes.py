"""What a token may do at most: scopes, which narrow what a role allows and never widen it.

| scope | the token may |
| --- | --- |
| `read:lead`, `write:deal` | ask for this action on records of this type; `*` stands for every action or every type |
| `region:north` | reach this region; more of them reach more regions, `region:*` every one that the role reaches |

A region is a partition that no token crosses unless its scope says so: without a `region:` scope a token stays in the
region of the person that it acts for. Any other scope, such as `openid`, allows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.caller import ACTIONS, Actor
from engine.predicate import Compare, In, Never, Predicate, both
from engine.records import RECORD_TYPES, record_type

ANY = "*"
REGION = "region"

_TYPES = frozenset(known.name for known in RECORD_TYPES)


def is_scope(text: str) -> bool:
    """Whether the text is a scope of the table above: what a key may be given. Region ids are not looked up."""
    action, colon, rest = text.partition(":")
    if not colon or not rest or any(not "!" <= character <= "~" for character in rest):
        return False
    if action == REGION:
        return True
    return action in (*ACTIONS, ANY) and (rest == ANY or rest in _TYPES)


def permits(scopes: Iterable[str] | None, action: str, type_name: str) -> bool:
    """Whether the scopes let a token ask for the action on records of the type at all; None is the whole role."""
    return scopes is None or _permitted(scopes, action, type_name)


def covers(held: Iterable[str] | None, wanted: Iterable[str] | None) -> bool:
    """Whether a token with `wanted` reaches nothing that one of the same person with `held` does not reach."""
    if held is None:
        return True
    if wanted is None:
        return False
    held, wanted = tuple(held), tuple(wanted)
    reached, needed = _named_regions(held), _named_regions(wanted)
    within = reached == needed or ANY in reached or (bool(needed) and set(needed) <= set(reached))
    return within and all(
        permits(held, action, type_name) or not permits(wanted, action, type_name)
        for action in ACTIONS
        for type_name in _TYPES
    )


def narrowed(predicate: Predicate, actor: Actor, action: str, type_name: str) -> Predicate:
    """The predicate within the actor's scopes: itself for somebody without scopes, never matching more than before.

    Types without a region (products, rule versions) are the whole organisation's and lie in no partition.
    """
    if actor.scopes is None:
        return predicate
    if not _permitted(actor.scopes, action, type_name):
        return Never()
    field = _region_field(type_name)
    regions = _regions(actor.scopes, actor.region_id)
    if field is None or ANY in regions:
        return predicate
    return both(predicate, _one_of(field, regions))


def _permitted(scopes: Iterable[str], action: str, type_name: str) -> bool:
    wanted = {f"{one}:{other}" for one in (action, ANY) for other in (type_name, ANY)}
    return not wanted.isdisjoint(scopes)


def _regions(scopes: Iterable[str], own: str) -> tuple[str, ...]:
    return _named_regions(scopes) or (own,)


def _named_regions(scopes: Iterable[str]) -> tuple[str, ...]:
    prefix = f"{REGION}:"
    return tuple(sorted({scope.removeprefix(prefix) for scope in scopes if scope.startswith(prefix)}))


def _region_field(type_name: str) -> str | None:
    if type_name == REGION:
        return "id"
    return "region_id" if record_type(type_name).field("region_id") else None


def _one_of(field: str, regions: tuple[str, ...]) -> Predicate:
    held = tuple(region for region in regions if region)  # an empty id is no id
    if not held:
        return Never()
    return Compare(field, "=", held[0]) if len(held) == 1 else In(field, held)
