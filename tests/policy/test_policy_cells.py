"""Cells: Oso is given fewer rules and says the same; what is kept of cells is what they are."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import pytest

from engine.caller import ACTIONS, Actor
from engine.policy import Policies, compiled, compiled_text, read_compiled
from engine.policy.cells import Evaluator
from engine.policy.compiled import ROLES
from engine.policy.rows import told_apart, without_comments
from engine.policy.template import EMPTY_CELL
from engine.problems import InvalidError

WALL = "record.organisation_id = user.organisation_id"
TRICKY = {
    "a rule in a condition": (
        f'allow(user: User, "read", record: Lead) if {WALL};\n'
        'allow(user: User, "write", record: Lead) if allow(user, "read", record);'
    ),
    "a denial in a condition": (
        f'allow(user: User, "read", record: Lead) if {WALL} and user.role = "sales_rep";\n'
        f'allow(user: User, "write", record: Lead) if {WALL} and not allow(user, "read", user);'
    ),
    "marks in texts": (
        f'allow(user: User, "read", record: Lead) if {WALL} and record.name = "a # b; allow(x)";\n'
        f'allow(user: User, "read", record: Deal) if {WALL}; # allow(user, "write", record: Deal);'
    ),
    "heads of every form": (
        f'allow(user: User, _action, record: Lead) if {WALL} and user.role = "sales_rep";\n'
        f'allow(user: User, "read", record: Lead{{name: "x"}}) if {WALL};\n'
        f'allow(user: User{{role: "sales_manager"}}, "write", record) if {WALL};\n'
        f'allow(user, action: String, record: Deal) if user matches User and action in ["read", "erase"] and {WALL};'
    ),
    "a block of a resource": (
        'resource Lead { permissions = ["read"]; roles = ["owner"]; "read" if "owner"; }\n'
        f'has_role(user: User, "owner", record: Lead) if {WALL} and record.owner_id = user.id;\n'
        "actor User {}\n"
        "allow(user: Actor, action, record: Resource) if has_permission(user, action, record);"
    ),
}


@pytest.mark.parametrize("text", TRICKY.values(), ids=TRICKY.keys())
def test_rules_that_are_left_out_make_no_difference(text: str) -> None:
    """Each cell is the same whether Oso is given every rule or those about the record type alone."""
    files = {"tricky.polar": text}
    some, every = Evaluator(files), Evaluator(files)
    every._rules = None
    granted = 0
    for key in product(("", "sales_rep", "sales_manager"), ACTIONS, ("lead", "deal", "person")):
        answers = []
        for evaluator in (some, every):
            try:
                answers.append(evaluator.cell(*key))
            except InvalidError as error:
                answers.append(error.problems)
        assert answers[0] == answers[1], key
        granted += answers[0] != EMPTY_CELL
    assert granted


def test_rules_are_told_apart_only_where_that_is_sure(policy_texts: dict[str, str]) -> None:
    """The shipped rules are; a file in which `allow` stands in a condition or in a block is given to Oso whole."""
    told = {name: told_apart({"tricky.polar": text}) for name, text in TRICKY.items()}
    whole = {"a rule in a condition", "a denial in a condition", "a block of a resource"}
    assert whole == {name for name, rules in told.items() if rules is None}
    shipped = told_apart(policy_texts)
    assert shipped is not None
    assert len(shipped) > 40


def test_a_number_sign_in_a_text_begins_no_comment() -> None:
    """Only what stands outside of texts is blanked out, and everything else keeps its place."""
    assert 'a("#;"); ' + " " * 8 + "\nb;" == without_comments('a("#;"); # "x" b;\nb;')


def test_what_is_kept_is_what_was_evaluated(few: dict[str, str]) -> None:
    """Compiled policies are the same after they were written and read, and so is their text."""
    more = {
        **few,
        "more.polar": (
            'allow(user: User, "read", record: Deal) if same_organisation(user, record) and record.owner_id = user.id'
            ' and record.revision > 1 and record.stage in ["a", "b"] and user.team_id != user.branch_id;\n'
            'allow(user: User, "read", record: Person) if same_organisation(user, record) and record.active = true and'
            " record.territory_id != user.every_territory;"
        ),
    }
    found = compiled(more)
    text = compiled_text(found)
    again = read_compiled(text, "kept.json")
    assert again == found
    assert again is not None
    assert compiled_text(again) == text
    assert again.is_for(found.digest)
    policies, evaluated = Policies.load(more, again), Policies.load(more)
    assert policies.compiled is again
    for role, scopes in product(ROLES, (None, frozenset({"read:lead"}))):
        actor = Actor("ann", "Ann", role, "acme", "north", "oslo", "red", ("t1", "t2"), scopes)
        for action, record_type in product(("read", "write"), ("lead", "deal", "person")):
            asked = (actor, action, record_type)
            assert again.predicate(*asked) == policies.predicate(*asked) == evaluated.predicate(*asked)
    assert all(
        again.cell(*key) == found.cell(*key) for key in product(ROLES, ("read", "write"), ("lead", "deal", "person"))
    )


def test_what_is_no_role_counts_as_the_empty_one(few: dict[str, str]) -> None:
    """Whoever asks for the cell of a role that does not exist is given that of nobody's role."""
    only = {"all.polar": f'allow(user: User, "read", record: Lead) if {WALL};'}
    for files in (few, only):
        found = compiled(files)
        for key in product(ACTIONS, ("lead", "deal", "person")):
            assert found.cell("no_such_role", *key) == found.cell("", *key)
    assert found.cell("no_such_role", "read", "lead") != EMPTY_CELL


def test_what_was_kept_for_another_vocabulary_is_not_used(few: dict[str, str]) -> None:
    """With another role, action or record type, or another kind of a field that is asked, they are evaluated anew."""
    found = compiled(few)
    asked = found.fields["lead"]
    assert asked["owner_id"] == "str"
    others = (
        {"roles": (*found.roles, "auditor")},
        {"actions": found.actions[:-1]},
        {"fields": {name: kinds for name, kinds in found.fields.items() if name != "deal"}},
        {"fields": {**found.fields, "lead": {**asked, "owner_id": "int"}}},
        {"fields": {**found.fields, "lead": {**asked, "colour": "str"}}},
    )
    assert not any(replace(found, **other).is_for(found.digest) for other in others)
    assert not found.is_for("0" * 64)
    later = {**json.loads(compiled_text(found)), "format": 2}
    assert read_compiled(json.dumps(later), "kept.json") is None
