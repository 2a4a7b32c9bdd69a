"""Policies that must not be used, and test files that cannot be read: each with its code, its line and its help."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.policy import Policies, check, text_problems
from engine.problems import InvalidError, Problem

CASES = sorted((Path(__file__).parents[1] / "cases" / "policy").glob("*.polar"))


def problems_of(files: dict[str, str]) -> tuple[Problem, ...]:
    """What refuses the policies when they are loaded, and what is told about their texts."""
    try:
        Policies.load(files)
    except InvalidError as error:
        return (*error.problems, *text_problems(files))
    return text_problems(files)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_mistake_in_a_policy_is_found_before_it_is_used(case: Path) -> None:
    """Each file of `tests/cases/policy` is refused with the code, the line, the words and the help in its head."""
    text = case.read_text()
    head = dict(line[2:].split(": ", 1) for line in text.splitlines() if line.startswith("# ") and ": " in line)
    found = problems_of({case.name: text})
    meant = [one for one in found if one.code == head["code"] and head["says"] in one.message]
    assert meant, [str(one) for one in found]
    problem = meant[0]
    if "line" in head:
        assert (case.name, int(head["line"])) == (problem.place.source, problem.place.line)
        assert problem.excerpt == text.splitlines()[problem.place.line - 1] if problem.excerpt else True
    assert head.get("help", "") in problem.help
    for one in found:
        assert "osohq" not in one.render()
        assert "Traceback" not in one.render()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_policies_that_cannot_be_pushed_down_are_not_loaded(case: Path) -> None:
    """Loading refuses every shape that is no database query for some user; what merely denies is left to `check`."""
    text = case.read_text()
    if case.stem in ("misspelt_role", "no_row"):
        assert set(text_problems({case.name: text}))
        return
    with pytest.raises(InvalidError) as refused:
        Policies.load({case.name: text})
    assert {"policy.shape", "policy.syntax", "policy.organisation", "policy.unknown_name"} >= {
        one.code for one in refused.value.problems
    }


def test_what_is_wrong_with_one_file_is_told_beside_the_right_ones(few: dict[str, str]) -> None:
    """A bad rule among good policies is refused alone, at its line."""
    bad = (
        'allow(user: User, "erase", record: Deal) if\n  same_organisation(user, record) and record.stage.open = true;\n'
    )
    with pytest.raises(InvalidError) as refused:
        Policies.load({**few, "more.polar": bad})
    (problem,) = refused.value.problems
    assert ("policy.shape", "more.polar", 1) == (problem.code, problem.place.source, problem.place.line)
    assert "positively" in problem.help


BAD_TESTS = {
    "defaultz: {}\ntests: []": "`defaultz` is not a section of a policy test file; did you mean `defaults`?",
    "tests: []": "the file has no tests",
    "people: {ann: {role: sales_repp}}\ntests: [{name: x}]": "`sales_repp` is no role; did you mean `sales_rep`?",
    "people: {ann: {role: sales_rep, teem_id: red}}\ntests: [{name: x}]": "`teem_id` is not something that a person",
    "records: {one: {type: laed}}\ntests: [{name: x}]": "`laed` is no record type; did you mean `lead`?",
    "records: {one: {type: lead, ownr_id: x}}\ntests: [{name: x}]": "`ownr_id` is not a field of `lead`",
    "tests: [{name: x, actor: nobody, record: nothing, allow: [read]}]": "there is no actor `nobody` in this file",
    "tests: [{actor: a, record: b, allow: [read]}]": "a test has a `name` that says the rule",
    "tests: [{name: x, actor: a, record: b}]": "a test lists actions under `allow` or `deny`",
    "tests: [{name: x, actor: a, record: b, allow: [raed]}]": "`raed` is no action; did you mean `read`?",
}


@pytest.mark.parametrize(("text", "said"), BAD_TESTS.items(), ids=range(len(BAD_TESTS)))
def test_a_mistake_in_a_test_file_is_told_at_its_place(policies: Policies, text: str, said: str) -> None:
    """A policy test file with unknown names or missing parts is refused, with what was meant."""
    with pytest.raises(InvalidError) as refused:
        check(policies, {"tests/bad.yaml": text})
    meant = [one for one in refused.value.problems if said in one.message]
    assert meant, str(refused.value)
    assert meant[0].code == "policy.test_malformed"
    assert (meant[0].place.source, meant[0].place.line > 0) == ("tests/bad.yaml", True)


def test_a_failing_test_says_what_came_out(policies: Policies) -> None:
    """A policy test that comes out differently fails at the action's place, saying what was expected."""
    text = (
        "people: {ann: {role: sales_rep, organisation_id: acme}}\n"
        "records: {hers: {type: lead, organisation_id: rival}}\n"
        "tests:\n"
        "  - {name: a rep reads everything, actor: ann, record: hers, allow: [read], deny: [write]}\n"
    )
    (result,) = check(policies, {"tests/wrong.yaml": text})
    (problem,) = result.problems
    assert not result.passed
    assert problem.code == "policy.test_failed"
    assert problem.message == "`read` by `ann` on `hers` is denied; the test expects allowed"
    assert problem.place.line == 4


def test_no_policy_allows_nothing() -> None:
    """Without any rule everything is denied, and every record type is reported to lack a row."""
    from engine.caller import Actor
    from engine.predicate import Never
    from engine.records import RECORD_TYPES

    empty = Policies.load({"empty.polar": ""})
    actor = Actor("ann", "Ann", "platform_admin", "acme", "north", "oslo", "red")
    assert {Never()} == {empty.predicate(actor, "read", known.name) for known in RECORD_TYPES}
    assert len(RECORD_TYPES) == sum(problem.code == "policy.no_row" for problem in text_problems(empty.files))


def test_unknown_actions_and_types_are_programming_errors(policies: Policies) -> None:
    """Asking for an action or a record type that there is not raises instead of denying: a use case has a mistake."""
    from engine.caller import Actor

    actor = Actor("ann", "Ann", "platform_admin", "acme", "north", "oslo", "red")
    for action, record_type in (("raed", "lead"), ("read", "laed")):
        with pytest.raises(LookupError):
            policies.predicate(actor, action, record_type)
