"""Proofs by Z3, about all users and all records there could be: the matrix, its walls, and what may not be wider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product

import pytest
from proofs import Spec, World, counterexample
from z3 import And, Implies, Not

from engine.caller import ACTIONS, ROLES
from engine.policy import ALL_ROLES, Policies, compiled_text, read_compiled, widening
from engine.policy.template import Template
from engine.records import RECORD_TYPES, RecordType, record_type

Proved = Callable[[str, Mapping[str, int]], None]

ORGANISATION_WIDE = {"import_batch", "audit_entry"}
"""Types with a region that admins (of imports, analysts too) read beyond it: imports, the log of what all share."""


@pytest.mark.parametrize("known", RECORD_TYPES, ids=lambda known: known.name)
def test_every_cell_is_what_the_page_says(policies: Policies, known: RecordType, proved: Proved) -> None:
    """For every role and action, the policies allow exactly what docs/authorization.md says, whoever asks."""
    world = World(known)
    for role, action in product(ALL_ROLES, ACTIONS):
        cell = world.cell(policies.cell(role, action, known.name).paths())
        assert counterexample(world, cell == Spec(world).allowed(role, action)) is None, (role, action)
    proved("policies in Z3", {"cells proved equal to the written matrix": len(ALL_ROLES) * len(ACTIONS)})


@pytest.mark.parametrize("known", RECORD_TYPES, ids=lambda known: known.name)
def test_no_path_crosses_organisation_or_region(policies: Policies, known: RecordType, proved: Proved) -> None:
    """Nobody reaches another organisation's record, nor a person one of another region but where that is stated."""
    world, claims = World(known), 0
    spec = Spec(world)
    for role, action in product(ALL_ROLES, ACTIONS):
        cell = world.cell(policies.cell(role, action, known.name).paths())
        assert counterexample(world, Implies(cell, spec.organisation)) is None, (role, action)
        claims += 1
        own = And(known.name == "person", world.value("id") == world.user["id"])
        if role in ROLES and known.field("region_id") and known.name not in ORGANISATION_WIDE:
            assert counterexample(world, Implies(And(cell, Not(own)), spec.region)) is None, (role, action)
            claims += 1
    proved("policies in Z3", {"walls proved": claims})


def test_where_the_region_is_crossed(policies: Policies) -> None:
    """The stated exceptions are real, and only for who is named: nobody else reads them beyond the region."""
    crossing = set()
    for name, role, action in product(ORGANISATION_WIDE, ROLES, ACTIONS):
        world = World(record_type(name))
        cell = world.cell(policies.cell(role, action, name).paths())
        if counterexample(world, Implies(cell, Spec(world).region)) is not None:
            crossing.add((name, role, action))
    assert crossing == {
        ("import_batch", "revops_analyst", "read"),
        ("import_batch", "platform_admin", "read"),
        ("import_batch", "platform_admin", "write"),
        ("audit_entry", "platform_admin", "read"),
    }


@pytest.mark.parametrize(
    ("type_name", "action", "maker"), [("rule_version", "approve", "published_by"), ("statement", "write", "owner_id")]
)
def test_nobody_approves_their_own(policies: Policies, type_name: str, action: str, maker: str, proved: Proved) -> None:
    """No person, of whatever role, approves the version they put forward, or writes the statement of their own pay."""
    world = World(record_type(type_name))
    for role in ROLES:
        cell = world.cell(policies.cell(role, action, type_name).paths())
        others = Not(And(world.present(maker), world.value(maker) == world.user["id"]))
        assert counterexample(world, Implies(cell, And(others, world.present(maker)))) is None, role
    proved("policies in Z3", {"cells where nobody decides about their own": len(ROLES)})


@pytest.mark.parametrize(
    ("type_name", "action", "forgotten"),
    [("lead", "read", "organisation_id"), ("lead", "write", "region_id"), ("rule_version", "approve", "published_by")],
)
def test_a_forgotten_condition_is_found(policies: Policies, type_name: str, action: str, forgotten: str) -> None:
    """A cell that lost its wall, its partition or its second person, as a wrong translation would lose it, fails."""
    world = World(record_type(type_name))
    for role in ("sales_manager", "revops_analyst", "platform_admin"):
        paths = policies.cell(role, action, type_name).paths()
        faulty = [replace(path, template=_without(path.template, forgotten)) for path in paths]
        wanted = Spec(world).allowed(role, action)
        found = counterexample(world, world.cell(faulty) == wanted)
        assert found is not None, role
        assert found.eval(Not(wanted), model_completion=True)


def _without(template: Template, field: str) -> Template:
    shared, *alternatives = (
        tuple(one for one in part if one.field != field) for part in (template.shared, *template.alternatives)
    )
    return replace(template, shared=shared, alternatives=tuple(alternatives))


# -- two versions

STATED = {
    ('cell("revops_analyst", "branch", "write");', ""): {("revops_analyst", "write", False)},
    (
        'cell("sales_manager", "branch", "read");',
        'cell("sales_manager", "branch", "read");\ncell("sales_manager", "branch", "write");',
    ): {("sales_manager", "write", True)},
    (
        '  user.team_id != "" and\n',
        "",
    ): {
        *((role, action, True) for role in ("sales_manager", "platform_admin") for action in ("read", "write")),
        ("revops_analyst", "read", True),
    },
    ("  record.region_id = user.region_id;", '  record.region_id >= "";'): {
        (role, action, True) for role in ROLES for action in ("read", "write")
    },
}
"""Changes of `matrix.polar`, and who gains (or loses) what on leads."""


def widened(old: Policies, new: Policies, type_name: str) -> set[tuple[str, str, bool]]:
    """By proof: the roles and actions that gain, or lose, something between two versions."""
    world, found = World(record_type(type_name)), set()
    for role, action in product(ALL_ROLES, ACTIONS):
        before = world.cell(old.cell(role, action, type_name).paths())
        after = world.cell(new.cell(role, action, type_name).paths())
        for gains, claim in ((True, Implies(after, before)), (False, Implies(before, after))):
            if counterexample(world, claim) is not None:
                found.add((role, action, gains))
    return found


@pytest.mark.parametrize(("change", "stated"), STATED.items(), ids=range(len(STATED)))
def test_no_role_widens_but_where_it_is_stated(
    few: dict[str, str], change: tuple[str, str], stated: set[tuple[str, str, bool]]
) -> None:
    """Between two versions exactly the stated roles gain or lose, by proof and by the examples of `widening` alike.

    The older one is what a release keeps of it.
    """
    old = Policies.load(few)
    assert change[0] in few["matrix.polar"]
    new = Policies.load({**few, "matrix.polar": few["matrix.polar"].replace(*change)})
    assert widened(old, new, "lead") == stated
    released = read_compiled(compiled_text(old.compiled), "released")
    assert released is not None
    assert {(one.role, one.action, one.gains) for one in widening(released, new.compiled)} == stated
