"""Why somebody may or may not, and what changes between two versions of the policies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.caller import Actor
from engine.policy import Explanation, Policies, compiled, explain, widening
from engine.policy.rows import allow_rules
from engine.records import Record

REP = Actor("ann", "Ann", "sales_rep", "acme", "north", "oslo", "red", ("t1", "t2"))
ANALYST = replace(REP, role="revops_analyst")
PLACE = {"region_id": "north", "branch_id": "oslo", "team_id": "red", "owner_id": "ann", "territory_id": "t1"}


def lead(**changes: object) -> Record:
    return Record("lead", "l1", "acme", {**PLACE, **changes}, 1)


def missed(found: Explanation) -> list[tuple[str, list[tuple[str, tuple[object, ...], object]]]]:
    """The nearest ways: the rule's line, and of each failed condition what it asks, wants and finds."""
    return [(str(way.place), [(one.asks, one.wanted, one.held) for one in way.failed]) for way in found.nearest]


def line_of(policies: Policies, head: str) -> str:
    """Where the rule with this head stands."""
    return next(str(rule.place) for rule in allow_rules(policies.files) if rule.head == head)


LEADS_RULE = "allow(user: User, action: String, record: Lead)"


def test_a_grant_names_its_rule(policies: Policies) -> None:
    """Who may is told the rule, its file and line, and the conditions that are met."""
    found = explain(policies, REP, "read", lead())
    assert found.allowed
    assert found.granted_by is not None
    assert (str(found.granted_by.place), found.granted_by.head) == (line_of(policies, LEADS_RULE), LEADS_RULE)
    asked = {one.asks for one in found.granted_by.conditions}
    assert {"record.owner_id = user.id", "record.territory_id in user.territory_ids"} <= asked
    assert found.nearest == ()


def test_a_denial_tells_what_is_missing_least(policies: Policies) -> None:
    """Who may not is told which condition of which rule fails, what it wants and what there is."""
    found = explain(policies, REP, "read", lead(owner_id="bob"))
    assert not found.allowed
    assert missed(found)[0] == (line_of(policies, LEADS_RULE), [("record.owner_id = user.id", ("ann",), "bob")])
    assert found.roles == ("sales_manager", "revops_analyst", "platform_admin")


def test_a_role_is_a_condition_like_others(policies: Policies) -> None:
    """A rule that is for other roles is among the nearest, with the roles that it wants."""
    found = explain(policies, REP, "read", lead(owner_id="bob"))
    roles = [one for way in found.nearest for one in way.failed if one.asks == "user.role"]
    assert ("sales_manager" in roles[0].wanted, roles[0].held) == (True, "sales_rep")


def test_nobody_approves_their_own_and_is_told_so(policies: Policies) -> None:
    """A proposer who may approve is told that the proposal is their own."""
    version = Record("rule_version", "v1", "acme", {"kind": "lead-priority", "published_by": "ann"}, 1)
    found = explain(policies, ANALYST, "approve", version)
    head = 'allow(user: User, "approve", record: RuleVersion)'
    assert missed(found)[0] == (line_of(policies, head), [("record.published_by != user.id", ("ann",), "ann")])
    assert found.roles == ()


def test_what_is_asked_of_the_user_is_told(policies: Policies) -> None:
    """Somebody without a branch is told that a rule wants one."""
    found = explain(policies, replace(ANALYST, branch_id=""), "write", lead(team_id="blue", owner_id="bob"))
    assert ('user.branch_id != ""', ("",), "") in missed(found)[0][1]


def test_a_token_outside_its_scopes_is_told_so(policies: Policies) -> None:
    """Where the role would be allowed it, the reason is the scopes."""
    found = explain(policies, replace(REP, scopes=frozenset({"read:deal"})), "read", lead())
    assert (found.allowed, found.outside_scopes, found.granted_by, found.nearest) == (False, True, None, ())
    assert not explain(policies, REP, "read", lead(owner_id="bob")).outside_scopes


@pytest.mark.parametrize("role", ["sales_rep", "sales_manager", "revops_analyst", "platform_admin", "service"])
@pytest.mark.parametrize("action", ["read", "write"])
def test_the_explanation_is_the_answer(policies: Policies, role: str, action: str) -> None:
    """A rule is named if and only if the answer is yes, and then all its conditions hold; else each way misses one."""
    answers = set()
    for changes in ({}, {"owner_id": "bob"}, {"team_id": "blue", "owner_id": "bob"}, {"region_id": None}):
        actor, record = replace(REP, role=role), lead(**changes)
        found = explain(policies, actor, action, record)
        answers.add(found.allowed)
        assert found.allowed is policies.reference_allows(actor, action, record)
        assert found.allowed is (found.granted_by is not None)
        assert found.granted_by is None or not found.granted_by.failed
        assert found.allowed or (found.nearest and all(way.failed for way in found.nearest))
    assert answers == {True, False} or role == "service"


def test_every_rule_is_found_in_its_place(policies: Policies) -> None:
    """Rules are told apart by file and line, whatever stands in texts and comments between them."""
    text = (
        '# allow(a, b, c);\nallow(_u: User, "a;b", _r: Lead);\n\n'
        '  allow(\n    _u: User, "read", _r\n  ) if 1 = 1; x(1);'
    )
    found = [(rule.place.line, rule.place.column, rule.head) for rule in allow_rules({"a.polar": text})]
    assert found == [(2, 1, 'allow(_u: User, "a;b", _r: Lead)'), (4, 3, 'allow( _u: User, "read", _r )')]
    assert sum(text.count("\nallow(") for text in policies.files.values()) == len(list(allow_rules(policies.files)))


# -- two versions


@pytest.fixture(scope="module")
def few(policy_texts: dict[str, str]) -> dict[str, str]:
    """The matrix for leads, and the rules about rule files: the shipped policies without what is not looked at here."""
    records = "\n".join(line for line in policy_texts["records.polar"].splitlines() if "Lead)" in line)
    system = policy_texts["system.polar"]
    return {**policy_texts, "records.polar": records, "system.polar": system[system.index("member(user, record) if") :]}


APPROVERS = ("sales_manager", "revops_analyst", "platform_admin")


def test_a_wider_version_is_told_with_an_example(few: dict[str, str]) -> None:
    """A cell more in the matrix, proposers who may approve: each is found, with somebody and a record to show it."""
    matrix = few["matrix.polar"] + '\ncell("sales_manager", "branch", "write");\n'
    rules = few["rules.polar"].replace("record.published_by != user.id;", 'record.published_by >= "";')
    narrow, wide = Policies.load(few), Policies.load({**few, "matrix.polar": matrix, "rules.polar": rules})
    found = widening(narrow.compiled, wide.compiled)
    cells = {(one.role, one.action, one.record_type) for one in found}
    approving = {(role, "approve", "rule_version") for role in APPROVERS}
    assert cells == {("sales_manager", "write", "lead"), *approving}
    for one in found:
        assert one.gains
        assert wide.allows(one.actor, one.action, one.record)
        assert not narrow.allows(one.actor, one.action, one.record)
        assert not narrow.reference_allows(one.actor, one.action, one.record)
    back = widening(wide.compiled, narrow.compiled)
    assert {(one.role, one.action, one.record_type, one.gains) for one in back} == {(*cell, False) for cell in cells}


def test_a_version_that_says_the_same_changes_nothing(few: dict[str, str]) -> None:
    """Other words for the same policies are no change: a rule that another one implies, a rule in two halves."""
    implied = 'allow(user: User, "read", record: Lead) if user.role = "sales_rep" and own(user, record);'
    halves = (
        'edits("revops_analyst", record) if record.kind < "boundary";\n'
        'edits("revops_analyst", record) if record.kind > "boundary";'
    )
    whole = 'edits("revops_analyst", record) if record.kind != "boundary";'
    assert whole in few["rules.polar"]
    again = {
        **few,
        "records.polar": f"{few['records.polar']}\n{implied}",
        "rules.polar": few["rules.polar"].replace(whole, halves),
    }
    assert widening(compiled(few), compiled(again)) == ()


def test_a_null_makes_a_difference(few: dict[str, str]) -> None:
    """A condition that only a record without the value fails is a loss, and the example is such a record."""
    anything = 'approves("platform_admin", _record);'
    assert anything in few["rules.polar"]
    known = 'approves("platform_admin", record) if record.kind >= "";'
    found = widening(compiled(few), compiled({**few, "rules.polar": few["rules.polar"].replace(anything, known)}))
    assert [(one.role, one.action, one.gains) for one in found] == [("platform_admin", "approve", False)]
    assert found[0].record["kind"] is None
