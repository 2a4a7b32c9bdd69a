"""Scopes of tokens: which texts are scopes, and that they only ever narrow."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.caller import ACTIONS, Actor
from engine.policy import ALL_ROLES, Policies
from engine.predicate import Always, Compare, In, Never, matches
from engine.records import RECORD_TYPES, Record
from engine.scopes import is_scope, narrowed

ANN = Actor("ann", "Ann", "platform_admin", "acme", "north", "oslo", "red", ("t1",))


@pytest.mark.parametrize("text", ["read:lead", "*:deal", "publish:*", "*:*", "region:north", "region:*"])
def test_what_is_a_scope(text: str) -> None:
    """An action and a type, either of them any, or a region."""
    assert is_scope(text)


@pytest.mark.parametrize(
    "text", ["", "read", "read:", ":lead", "raed:lead", "read:laed", "region:", "region:a b", "region:ä", "openid"]
)
def test_what_is_no_scope(text: str) -> None:
    """Misspelt actions and types, missing parts, and characters that RFC 6749 does not have in scopes."""
    assert not is_scope(text)


def test_a_person_without_a_token_has_the_whole_role() -> None:
    """Without scopes the predicate stays what it was; with an empty set nothing is left of it."""
    assert narrowed(Always(), ANN, "read", "lead") == Always()
    assert narrowed(Always(), replace(ANN, scopes=frozenset()), "read", "lead") == Never()


def test_a_region_becomes_part_of_the_condition() -> None:
    """The partition is asked of the database like everything else: the own region, the named ones, or none at all."""

    def within(*scopes: str) -> object:
        return narrowed(Always(), replace(ANN, scopes=frozenset(scopes)), "read", "lead")

    assert within("read:lead") == Compare("region_id", "=", "north")
    assert within("read:lead", "region:south") == Compare("region_id", "=", "south")
    assert within("read:lead", "region:south", "region:north") == In("region_id", ("north", "south"))
    assert within("read:lead", "region:*", "region:south") == Always()


_SCOPES = st.frozensets(
    st.one_of(
        st.sampled_from(
            ["*:*", "read:*", "*:lead", "region:*", "region:north", "region:south", "openid", ":", "region:"]
        ),
        st.builds("{}:{}".format, st.sampled_from(ACTIONS), st.sampled_from([known.name for known in RECORD_TYPES])),
    ),
    max_size=5,
)


@given(_SCOPES, st.sampled_from(ALL_ROLES), st.sampled_from(ACTIONS), st.sampled_from(["lead", "region", "product"]))
def test_scopes_never_widen(policies: Policies, scopes: frozenset[str], role: str, action: str, type_name: str) -> None:
    """Whatever the scopes, a token reaches nothing that its person does not reach without it."""
    person = replace(ANN, role=role)
    for region in ("north", "south", None):
        fields = {"region_id": region, "branch_id": "oslo", "team_id": "red", "owner_id": "ann", "territory_id": "t1"}
        record = Record(type_name, region or "r1", "acme", fields)
        token = replace(person, scopes=scopes)
        if policies.allows(token, action, record):
            assert policies.allows(person, action, record)
            assert policies.reference_allows(token, action, record)
        if "read:lead" in scopes and type_name == "lead" and not any("region" in scope for scope in scopes):
            assert not matches(narrowed(Always(), token, "read", "lead"), record.values()) or region == "north"
