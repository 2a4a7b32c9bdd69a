"""The leaf of an audit entry: the exact bytes whose hash goes into the organisation's Merkle tree.

A leaf is the canonical JSON (RFC 8785) of what an entry says, decimals as strings. Personal values are not in it: where
one would stand there is nothing, and under `personal` the leaf holds a salted commitment to it, by the place's JSON
pointer. Whoever is shown salt and value can check them; once both are destroyed the leaf, its hash and every proof stay
as they are and say nothing about the person. `docs/audit.md` describes the format member by member.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from engine import exact_json
from engine.records import PLACE, Record

LEAF_FORMAT = "bylaw-audit-1"
SALT_BYTES = 32
ACTOR_NAME = "/actor/name"
CHANGES = "changes"


def leaf_value(entry: Record) -> dict[str, Any]:
    """What the leaf says, as JSON. Takes an `audit_entry` as stored or as read: personal values are left out of both.

    Members without a value are left out.
    """
    committed: Mapping[str, Any] = entry["personal"] or {}
    value = {
        "format": LEAF_FORMAT,
        "sequence": entry["sequence"],
        "previous": entry["previous_hash"],
        "organisation_id": entry.organisation_id,
        "at": entry["at"],
        "actor": _without_nulls(
            {
                "id": entry["actor_id"],
                "role": entry["actor_role"],
                "name": None if ACTOR_NAME in committed else entry["actor_name"],
            }
        ),
        "channel": entry["channel"],
        "request_id": entry["request_id"],
        "action": entry["action"],
        "result": entry["outcome"],
        "subject": {"type": entry["record_type"], "id": entry["record_id"]},
        "place": _without_nulls({known.name: entry[known.name] for known in PLACE}) or None,
        "rule": _without_nulls({"set": entry["rule_set"], "version": entry["rule_version"]}) or None,
        "policies": entry["policies"],
        "reason": entry["reason"],
        "approver_id": entry["approver_id"],
        "before_hash": entry["before_digest"],
        "after_hash": entry["after_digest"],
        CHANGES: _without(entry[CHANGES], committed),
        "personal": {
            pointer: {"subject": one["subject"], "commitment": one["commitment"]} for pointer, one in committed.items()
        }
        or None,
    }
    return _without_nulls(value)


def entry_id(sequence: int) -> str:
    """The id of an entry's record: its number in fixed width, so that ids sort as the log does."""
    return f"audit-{sequence:012d}"


def leaf_bytes(entry: Record) -> bytes:
    """The leaf's bytes: RFC 8785 over `leaf_value`."""
    return exact_json.canonical(leaf_value(entry))


def commitment(salt: bytes, value: Any) -> str:
    """SHA-256 over the salt and the canonical JSON of the value, in hexadecimal.

    The salt hides the value: names are few, so that a hash of one alone could be found by trying. Raises `ValueError`
    for a salt of another length than `SALT_BYTES`.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    return sha256(salt + exact_json.canonical(value)).hexdigest()


def pointer(*names: str) -> str:
    """The JSON pointer (RFC 6901) of a place in a leaf: `/changes/name/after`."""
    return "".join(f"/{name.replace('~', '~0').replace('/', '~1')}" for name in names)


def names_of(place: str) -> tuple[str, ...]:
    """The names that a pointer is made of."""
    return tuple(name.replace("~1", "/").replace("~0", "~") for name in place.split("/")[1:])


def _without(changes: Mapping[str, Any] | None, committed: Mapping[str, Any]) -> dict[str, Any] | None:
    """The changes without the values that are only committed to; what is left of a change to one is an empty object."""
    if changes is None:
        return None
    left = dict(changes)
    for place in committed:
        top, *names = names_of(place)
        if top == CHANGES and len(names) == 2 and isinstance(left.get(names[0]), Mapping):
            left[names[0]] = {side: value for side, value in left[names[0]].items() if side != names[1]}
    return left


def _without_nulls(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in value.items() if item is not None}
