"""Scopes only narrow: every role, every cell and every kind of scope set, over a small world; and handing scopes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.caller import ACTIONS, Actor
from engine.policy import ALL_ROLES, Policies
from engine.predicate import Never, matches
from engine.records import RECORD_TYPES, Record
from engine.scopes import covers
from webapp.api.operation import Operation
from webapp.api.routes import OPERATIONS

PLACES = ("region_id", "branch_id", "team_id", "owner_id", "territory_id")
HOME = ("north", "oslo", "red", "ann", "t1")
TYPES = tuple(known.name for known in RECORD_TYPES)


def person(role: str) -> Actor:
    """Ann of the red team in Oslo, in this role."""
    return Actor("ann", "Ann", role, "acme", *HOME[:3], ("t1",))


def world(type_name: str) -> Iterator[Record]:
    """Records of a type: Ann's, her team's, her branch's, her region's, of another region, and of nobody's."""
    for depth in range(6):
        given = {
            name: value if place < depth else f"other-{name}"
            for place, (name, value) in enumerate(zip(PLACES, HOME, strict=True))
        }
        for region in ("north", "south", None):
            fields = {**given, "region_id": region, "person_id": given["owner_id"], "actor_id": given["owner_id"]}
            yield Record(type_name, region or "r", "acme", {**fields, "record_type": "api_key", "kind": "decision"})
    yield Record(type_name, "acme", "acme", {})
    yield Record(type_name, "ann", "rival", dict(zip(PLACES, HOME, strict=True)))


WORLD = {type_name: tuple(world(type_name)) for type_name in TYPES}


def scope_sets(action: str, type_name: str) -> tuple[frozenset[str], ...]:
    """Every way in which scopes may and may not name a cell, each within every kind of regions."""
    named = [
        (),
        (f"{action}:{type_name}",),
        (f"{action}:*",),
        (f"*:{type_name}",),
        ("*:*",),
        ("openid",),
        (f"{action}:", f":{type_name}"),
    ]
    regions: list[tuple[str, ...]] = [
        (),
        ("region:north",),
        ("region:south",),
        ("region:north", "region:south"),
        ("region:*",),
        ("region:",),
    ]
    return tuple(frozenset((*one, *other)) for one, other in product(named, regions))


def test_no_scope_allows_what_the_role_denies(
    policies: Policies, record_property: Callable[[str, object], None]
) -> None:
    """Over all roles, cells and kinds of scope sets a token reaches a part of what its person reaches, never more."""
    compared, granted, taken = 0, 0, 0
    for role, action, type_name in product(ALL_ROLES, ACTIONS, TYPES):
        whole = policies.predicate(person(role), action, type_name)
        reached = {id(one) for one in WORLD[type_name] if matches(whole, one.values())}
        for scopes in scope_sets(action, type_name):
            narrow = policies.predicate(replace(person(role), scopes=scopes), action, type_name)
            found = {
                id(one) for one in WORLD[type_name] if not isinstance(narrow, Never) and matches(narrow, one.values())
            }
            assert found <= reached, (role, action, type_name, scopes)
            compared += len(WORLD[type_name])
            granted += len(found)
            taken += len(reached - found)
    record_property("compared", f"{compared:,} of which {granted:,} granted and {taken:,} taken by scopes")
    assert compared == len(ALL_ROLES) * len(ACTIONS) * len(TYPES) * 42 * len(WORLD["lead"])
    assert min(granted, taken) > 1_000


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.scopes], ids=lambda one: one.id)
def test_an_operation_needs_the_cells_that_its_scopes_name(policies: Policies, operation: Operation) -> None:
    """Without any one of its scopes an operation reaches nothing of that cell, whatever the role."""
    for scope in operation.scopes:
        action, _, type_name = scope.partition(":")
        others = frozenset(f"{one}:{other}" for one, other in product(ACTIONS, TYPES)) - {scope}
        for role in ALL_ROLES:
            actor = replace(person(role), scopes=others | {"region:*"})
            assert Never() == policies.predicate(actor, action, type_name)


_SCOPES = st.one_of(
    st.none(),
    st.frozensets(
        st.sampled_from(
            [
                "*:*",
                "read:*",
                "*:lead",
                "read:lead",
                "write:lead",
                "read:product",
                "region:*",
                "region:north",
                "region:south",
                "x",
            ]
        ),
        max_size=5,
    ),
)


@given(_SCOPES, _SCOPES)
def test_what_is_handed_on_is_no_more(
    policies: Policies, held: frozenset[str] | None, wanted: frozenset[str] | None
) -> None:
    """Where scopes cover others, a key with the others reaches nothing that one with these does not."""
    if not covers(held, wanted):
        return
    for role, action, type_name in product(
        ("platform_admin", "service"), ("read", "write"), ("lead", "product", "region")
    ):
        allowed = [
            {id(one) for one in WORLD[type_name] if policies.allows(replace(person(role), scopes=scopes), action, one)}
            for scopes in (held, wanted)
        ]
        assert allowed[1] <= allowed[0]


def test_what_covers_what() -> None:
    """The whole role covers everything, nothing else covers it; stars cover names, and regions are never widened."""
    assert covers(None, None)
    assert covers(None, {"*:*", "region:*"})
    assert not covers({"*:*", "region:*"}, None)
    assert covers({"read:*"}, {"read:lead", "openid"})
    assert not covers({"read:lead"}, {"read:*"})
    assert covers({"*:*", "region:*"}, {"*:*"})
    assert not covers({"*:*"}, {"*:*", "region:north"})
    assert not covers({"*:*", "region:south"}, {"*:*"})
    assert covers(set(), set())
