"""Released policies: after one, nobody gains anything that is not stated, exactly, with its reason."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from engine.policy import (
    NO_WIDENINGS,
    RELEASES_FILE,
    WIDENINGS_FILE,
    Compiled,
    Policies,
    Release,
    Statement,
    compiled,
    compiled_name,
    compiled_text,
    in_words,
    read_compiled,
    read_releases,
    read_statements,
    release_problems,
    releases_text,
    widening,
    with_release,
)
from engine.problems import InvalidError, Problem

FOLDER = Path(__file__).resolve().parents[2] / "policies"
MORE = 'cell("sales_manager", "branch", "write");'
CELL = ("sales_manager", "write", "lead")


def kept(found: Compiled) -> Compiled:
    """As a release keeps it: written and read again."""
    again = read_compiled(compiled_text(found), "kept.json")
    assert again is not None
    return again


@pytest.fixture(scope="module")
def wide(few: dict[str, str]) -> Policies:
    """A version in which managers write the branch's leads."""
    return Policies.load({**few, "matrix.polar": f"{few['matrix.polar']}\n{MORE}\n"})


@pytest.fixture(scope="module")
def narrow(few: dict[str, str]) -> Policies:
    """The version before it."""
    return Policies.load(few)


def problems(old: Policies, new: Policies, *stated: Statement) -> tuple[Problem, ...]:
    """What is wrong with the newer version."""
    return release_problems(kept(old.compiled), "1.0.0", new.compiled, stated, new.files)


def stated(new: Policies, **changes: object) -> Statement:
    """The widening, stated as it is."""
    ways = in_words(new.compiled.cell(*CELL))
    return replace(Statement(("sales_manager",), "write", ("lead",), ways, "they asked for it"), **changes)  # type: ignore[arg-type]


def test_the_shipped_policies_grant_no_more_than_the_last_release(policies: Policies) -> None:
    """Between the last release and the present policies nobody gains anything that is not stated."""
    last = read_releases((FOLDER / RELEASES_FILE).read_text(), RELEASES_FILE)[-1]
    released = read_compiled((FOLDER / compiled_name(last.policies)).read_text(), "released")
    assert released is not None
    said = read_statements((FOLDER / WIDENINGS_FILE).read_text(), WIDENINGS_FILE)
    assert [] == [
        one.render() for one in release_problems(released, last.version, policies.compiled, said, policies.files)
    ]


def test_a_widening_is_refused_with_a_witness(narrow: Policies, wide: Policies) -> None:
    """It names role, action and record type, stands at the rule, and shows somebody and a record that differ."""
    (problem,) = problems(narrow, wide)
    assert "policy.widened" == problem.code
    assert all(f"`{word}`" in problem.message for word in CELL)
    assert ("records.polar", 1) == (problem.place.source, problem.place.line)
    (change,) = widening(kept(narrow.compiled), wide.compiled)
    assert change.example() in problem.message
    assert wide.reference_allows(change.actor, change.action, change.record)
    assert not narrow.reference_allows(change.actor, change.action, change.record)


def test_what_the_problem_says_can_be_stated(narrow: Policies, wide: Policies) -> None:
    """The help's own statement, with a reason in it, is what makes the policies right."""
    (problem,) = problems(narrow, wide)
    found = re.search(r"\{.*\}", problem.help)
    assert found is not None
    text = f"widenings:\n  - {found.group().replace('...', 'managers stand in for each other')}\n"
    (said,) = read_statements(text, "widenings.yaml")
    assert (stated(wide).granted_when, "managers stand in for each other") == (said.granted_when, said.reason)
    assert () == problems(narrow, wide, said)


def test_a_statement_covers_what_it_says_and_nothing_later(
    narrow: Policies, wide: Policies, few: dict[str, str]
) -> None:
    """Another condition, another cell, a role too many, the same twice, and a further widening are each refused."""
    right = stated(wide)
    assert () == problems(narrow, wide, right)
    for wrong in (
        stated(wide, granted_when=right.granted_when[:1]),
        stated(wide, roles=("sales_manager", "sales_rep")),
        stated(wide, action="erase"),
        stated(wide, record_types=("lead", "deal")),
    ):
        assert "policy.widening_not_so" in {one.code for one in problems(narrow, wide, wrong)}
    assert ["policy.widening_not_so"] == [one.code for one in problems(narrow, wide, right, right)]
    region = few["matrix.polar"].replace("  record.region_id = user.region_id;", '  record.region_id >= "";')
    wider = Policies.load({**few, "matrix.polar": f"{region}\n{MORE}\n"})
    told = {one.code: one.message for one in problems(narrow, wider, right)}
    assert "the conditions under which `sales_manager` may `write` `lead`" in told["policy.widening_not_so"]
    assert "`sales_rep`" in " ".join(one.message for one in problems(narrow, wider, right))


def test_who_loses_is_no_problem(narrow: Policies, wide: Policies) -> None:
    """A version that grants less needs no statement; one that stands there all the same is told."""
    assert () == problems(wide, narrow)
    assert ["policy.widening_not_so"] == [one.code for one in problems(wide, narrow, stated(wide))]


def test_a_release_is_compared_when_the_record_types_are_others(narrow: Policies, wide: Policies) -> None:
    """A type that the release did not know was granted to nobody; a field that there is no more is met by nothing."""
    old = narrow.compiled
    without = replace(old, cells={key: cell for key, cell in old.cells.items() if key[2] != "lead"})
    granted = {(role, action) for role, action, name in old.cells if name == "lead"}
    found = release_problems(without, "1.0.0", old, (), narrow.files)
    assert () == found, "the same digest is the same version"
    found = release_problems(replace(without, digest="0" * 64), "1.0.0", old, (), narrow.files)
    assert len(granted) == len(found)
    text = compiled_text(old).replace('"owner_id"', '"former_owner"')
    value = json.loads(text)
    former = read_compiled(compiled_text(_resummed(value)), "former")
    assert former is not None
    gained = {(one.role, one.action) for one in widening(replace(former, digest="0" * 64), old) if one.gains}
    assert {("sales_rep", "read"), ("sales_rep", "write")} <= gained


def _resummed(value: dict[str, object]) -> Compiled:
    """Compiled policies from a changed file, as if it had been written so."""
    from engine.policy import compiled_file

    return compiled_file._compiled({name: part for name, part in value.items() if name != "sha256"})


def test_versions_ascend(narrow: Policies) -> None:
    """A release has a later version than those before it, of three numbers; the list is read as it was written."""
    said = Statement(("sales_rep", ""), "read", ("lead", "deal"), ("a = 1", "b = 2"), "why not")
    first = with_release((), Release("0.9.0", narrow.digest))
    listed = with_release(first, Release("0.10.0", narrow.digest, (said,)))
    assert listed == read_releases(releases_text(listed), RELEASES_FILE)
    for version in ("0.10.0", "0.9.1", "1", "1.0", "01.0.0", "1.0.0-rc", "", "1.0.0\n"):
        with pytest.raises(InvalidError) as refused:
            with_release(listed, Release(version, narrow.digest))
        assert "policy.releases" == refused.value.code
    for text in ("", "[]", '{"releases": []}', releases_text(reversed(listed)), '{"releases": [{"version": "1.0.0"}]}'):
        with pytest.raises(InvalidError) as refused:
            read_releases(text, RELEASES_FILE)
        assert "policy.releases" == refused.value.code


RIGHT = "widenings: [{roles: [sales_rep], action: read, record_types: [lead], granted_when: [x], reason: y}]"
WRONG: dict[str, str] = {
    RIGHT.replace("widenings", "widnings"): "`widnings` is none of widenings",
    RIGHT.replace("sales_rep", "sales_repp"): "did you mean `sales_rep`?",
    RIGHT.replace("read", "raed"): "did you mean `read`?",
    RIGHT.replace("lead", "laed"): "did you mean `lead`?",
    RIGHT.replace(", reason: y", ""): "a widening says its `reason`",
    RIGHT.replace("reason: y", "reason: ' '"): "a widening says its `reason`",
    RIGHT.replace("[sales_rep]", "[]"): "a widening says its `roles`",
    RIGHT.replace("roles:", "role:"): "`role` is none of roles, action",
    "widenings: [sales_rep]": "a widening says its `roles`",
}


@pytest.mark.parametrize(("text", "said"), WRONG.items(), ids=range(len(WRONG)))
def test_a_mistake_in_the_statements_is_told_at_its_place(text: str, said: str) -> None:
    """Unknown names and missing parts are refused with the line and what was meant."""
    with pytest.raises(InvalidError) as refused:
        read_statements(text, "policies/widenings.yaml")
    meant = [one for one in refused.value.problems if said in one.message]
    assert meant, str(refused.value)
    assert ("policy.widening_malformed", "policies/widenings.yaml", 1) == (
        meant[0].code,
        meant[0].place.source,
        meant[0].place.line,
    )


def test_a_release_leaves_nothing_stated() -> None:
    """The file that a release writes states nothing."""
    assert () == read_statements(NO_WIDENINGS, WIDENINGS_FILE)


def test_the_same_policies_in_other_words_need_no_statement(few: dict[str, str], narrow: Policies) -> None:
    """What is written otherwise and grants the same is no widening."""
    implied = 'allow(user: User, "read", record: Lead) if user.role = "sales_rep" and own(user, record);'
    again = compiled({**few, "more.polar": implied})
    assert again.digest != narrow.digest
    assert () == release_problems(kept(narrow.compiled), "1.0.0", again, (), few)
