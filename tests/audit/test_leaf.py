"""The leaf of an audit entry: which bytes are hashed, and that no personal value is among them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.audit.leaf import ACTOR_NAME, commitment, leaf_bytes, leaf_value, names_of, pointer
from engine.audit.merkle import leaf_hash
from engine.records import Record, record_type

SALT = bytes(range(32))


def entry(**fields: object) -> Record:
    given = {
        "sequence": 7, "at": datetime(2026, 11, 2, 9, 30, tzinfo=UTC), "actor_id": "ann", "actor_role": "sales_rep",
        "channel": "api", "request_id": "r-1", "action": "update", "outcome": "accepted", "record_type": "lead",
        "record_id": "lead-1", "region_id": "north", "owner_id": "ann", "previous_hash": "ab" * 32,
        "changes": {"status": {"before": None, "after": "open"}, "score": {"before": Decimal("1.10"), "after": None}},
        **fields,
    }  # fmt: skip
    return Record("audit_entry", "audit-000000000007", "acme", given, 1)


def test_the_bytes_are_canonical_json_of_what_the_entry_says() -> None:
    """A leaf is RFC 8785 JSON: sorted names, no white space, decimals as strings, nothing for what has no value."""
    assert leaf_bytes(entry()).decode() == (
        '{"action":"update","actor":{"id":"ann","role":"sales_rep"},"at":"2026-11-02T09:30:00Z",'
        '"changes":{"score":{"after":null,"before":"1.1"},"status":{"after":"open","before":null}},"channel":"api",'
        '"format":"bylaw-audit-1","organisation_id":"acme","place":{"owner_id":"ann","region_id":"north"},'
        f'"previous":"{"ab" * 32}","request_id":"r-1","result":"accepted","sequence":7,'
        '"subject":{"id":"lead-1","type":"lead"}}'
    )


def test_the_hash_is_that_of_the_standard() -> None:
    """A leaf's hash is SHA-256 over a zero byte and the leaf (RFC 6962, 2.1), as in the published vectors."""
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"


def test_personal_values_are_committed_to_and_not_shown() -> None:
    """With or without the personal values in the entry the leaf is the same, and holds commitments in their places."""
    kept = {
        ACTOR_NAME: {"subject": "person/ann", "commitment": commitment(SALT, "Ann")},
        "/changes/name/after": {"subject": "lead/lead-1", "commitment": commitment(SALT, "Eve")},
    }
    stored = entry(personal=kept, changes={"name": {"before": None}})
    read = entry(
        actor_name="Ann",
        personal={
            place: {**one, "salt": SALT.hex(), "value": value}
            for (place, one), value in zip(kept.items(), ("Ann", "Eve"), strict=True)
        },
        changes={"name": {"before": None, "after": "Eve"}},
    )
    assert leaf_bytes(stored) == leaf_bytes(read)
    assert leaf_value(read)["personal"] == kept
    assert b"Eve" not in leaf_bytes(read)
    assert b"Ann" not in leaf_bytes(read)


def test_a_commitment_is_salted() -> None:
    """The commitment is SHA-256 over salt and canonical value; another salt gives another, a short one is refused."""
    assert commitment(SALT, "Ann") == sha256(SALT + b'"Ann"').hexdigest()
    assert commitment(SALT, "Ann") != commitment(SALT[::-1], "Ann")
    with pytest.raises(ValueError, match="32 bytes"):
        commitment(b"short", "Ann")


@pytest.mark.parametrize(
    "changed",
    [
        {name: f"{name}-other"}
        for name in (
            "actor_id", "actor_role", "channel", "request_id", "action", "outcome", "record_type", "record_id",
            "region_id", "branch_id", "team_id", "owner_id", "territory_id", "rule_set", "policies", "reason",
            "approver_id", "before_digest", "after_digest", "previous_hash", "actor_name",
        )
    ]
    + [
        {"sequence": 8},
        {"rule_version": 2},
        {"at": datetime(2026, 11, 2, 9, 30, 0, 1, tzinfo=UTC)},
        {"changes": None},
        {"changes": {}},
        {"personal": {"/changes/x/after": {"subject": "lead/1", "commitment": "00"}}},
    ],
    ids=lambda changed: next(iter(changed)),
)  # fmt: skip
def test_every_field_of_an_entry_is_in_its_leaf(changed: dict[str, object]) -> None:
    """No field of an entry can be changed without changing the leaf, but those that are made of the leaf."""
    assert leaf_bytes(entry(**changed)) != leaf_bytes(entry())


def test_no_field_is_forgotten() -> None:
    """Each field of the record type is part of the leaf, or is the leaf's own hash or the sealed personal values."""
    known = {field.name for field in record_type("audit_entry").fields}
    full = entry(**dict.fromkeys(known - {"sequence", "changes", "personal", "at"}, "x"))
    named = repr(leaf_value(full))
    assert known - {"leaf_hash", "sealed"} >= {"sequence", "changes"}
    for name in known - {"leaf_hash", "sealed", "personal"}:
        assert leaf_bytes(full.with_fields(**{name: None})) != leaf_bytes(full), (name, named)
    for name in ("leaf_hash", "sealed"):
        assert leaf_bytes(full.with_fields(**{name: None})) == leaf_bytes(full)


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_pointers_lead_back_to_their_names(names: list[str]) -> None:
    """A JSON pointer names its place without doubt, whatever characters the names have."""
    assert names_of(pointer(*names)) == tuple(names)
