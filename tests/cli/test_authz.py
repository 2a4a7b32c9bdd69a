"""`bylaw authz`: the matrix, an explanation, and what other policies would change, over the example organisation."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from command_runs import ROOT, Run

from engine.caller import ACTIONS, ROLES
from engine.policy import ALL_ROLES
from engine.records import RECORD_TYPES

Bylaw = Callable[..., Run]
EXPLAIN = ("authz", "explain", "--action", "write")


OLD = """
allow(user: User, "read", record: Lead) if
  user.role = "sales_manager" and ours(user, record) and record.team_id = user.team_id;
allow(user: User, "write", record: Lead) if
  user.role = "sales_rep" and ours(user, record) and record.owner_id = user.id;
ours(user, record) if user.organisation_id != "" and record.organisation_id = user.organisation_id;
"""
NEW = OLD.replace("record.team_id = user.team_id", "record.branch_id = user.branch_id").replace(
    "record.owner_id = user.id", "record.owner_id = user.id and record.territory_id in user.territory_ids"
)
"""Small policies under which managers come to read the branch, and representatives keep their territories."""


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """The two as folders: the whole policies take long to compare, and nothing here depends on them."""
    found = []
    for name, text in (("old", OLD), ("new", NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "leads.polar").write_text(text)
        found.append(tmp_path / name)
    return found[0], found[1]


def test_the_matrix_is_that_of_the_handbook(bylaw: Bylaw) -> None:
    """The printed matrix is the table of docs/authorization.md, and needs no database."""
    found = bylaw("authz", "matrix")
    page = (ROOT / "docs" / "authorization.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+)\| ([^|]+)\| ([^|]+)\| ([^|]+)\|$", page, re.MULTILINE)
    wanted = [[role, *(cell.strip() for cell in cells)] for role, *cells in rows if role in ROLES]
    printed = [re.split(r"\s{2,}", line.strip()) for line in found.out.splitlines()]
    assert wanted == [row for row in printed if row[0] in ROLES]
    assert (0, "") == (found.code, found.err)


def test_every_cell_is_told(bylaw: Bylaw) -> None:
    """`--all` has every role, action and record type once, each with what must hold or with nothing that would do."""
    found = bylaw("authz", "matrix", "--all", "--json").json
    cells = {(one["role"], one["action"], one["record_type"]): one["ways"] for one in found["cells"]}
    assert {(r, a, t.name) for r in ALL_ROLES for a in ACTIONS for t in RECORD_TYPES} == set(cells)
    assert len(found["cells"]) == len(cells)
    assert ["organisation_id = user.organisation_id"] == cells["sales_rep", "read", "product"]
    assert [] == cells["sales_rep", "write", "product"]
    assert all("organisation_id = user.organisation_id" in way for ways in cells.values() for way in ways)


def test_a_grant_is_explained(bylaw: Bylaw, example_home: Path) -> None:
    """A grant names the rule's file and line and ends with 0."""
    found = bylaw(*EXPLAIN, "--actor", "person-sales_rep", "--record", "lead/lead-1001", home=example_home)
    assert (0, "") == (found.code, found.err)
    assert "person-sales_rep may write lead/lead-1001" in found.out
    source, line = re.search(r"granted by (policies/\w+\.polar):(\d+):", found.out).groups()
    assert "record: Lead" in (ROOT / source).read_text().splitlines()[int(line) - 1]


def test_a_denial_is_explained(bylaw: Bylaw, example_home: Path) -> None:
    """A denial says which condition of the nearest rule fails with the values seen, and ends with 4."""
    asked = (*EXPLAIN, "--actor", "person-sales_manager", "--record", "lead/lead-1020")
    found = bylaw(*asked, home=example_home)
    assert 4 == found.code
    assert "person-sales_manager may not write lead/lead-1020" in found.out
    told = bylaw(*asked, "--json", home=example_home).json
    failed = [one for one in told["explanation"]["nearest"][0]["conditions"] if not one["met"]]
    assert [("record.team_id = user.team_id", ["team-harbor-retail"], "team-harbor-logistics")] == [
        (one["asks"], one["wanted"], one["held"]) for one in failed
    ]


def test_what_is_not_there_is_not_explained(bylaw: Bylaw, example_home: Path) -> None:
    """Unknown people and records end with 3, unknown words with 2 and a suggestion."""
    for actor, record in (("person-none", "lead/lead-1001"), ("person-sales_rep", "lead/lead-none")):
        assert 3 == bylaw(*EXPLAIN, "--actor", actor, "--record", record, home=example_home).code
    for record in ("leed/lead-1001", "lead", "lead/"):
        assert 2 == bylaw(*EXPLAIN, "--actor", "person-sales_rep", "--record", record, home=example_home).code
    misspelt = bylaw("authz", "explain", "--actor", "x", "--action", "raed", "--record", "lead/x", home=example_home)
    assert (2, True) == (misspelt.code, "did you mean `read`?" in misspelt.err)


def test_an_explanation_for_somebody_stays_within_their_sight(bylaw: Bylaw, example_home: Path) -> None:
    """As a person, only what that person may ask about is told."""
    asked = (*EXPLAIN, "--actor", "person-sales_manager", "--record", "lead/lead-1001")
    assert 4 == bylaw(*asked, "--as", "person-sales_rep", home=example_home).code
    assert 0 == bylaw(*asked, "--as", "person-platform_admin", home=example_home).code


def test_a_difference_counts_people_and_records(bylaw: Bylaw, example_home: Path, folders: tuple[Path, Path]) -> None:
    """`diff` tells both directions, by the rules and for the people and records there are, and ends with 1."""
    found = bylaw("authz", "diff", *folders, "--json", home=example_home)
    assert 1 == found.code
    changes = {(one["role"], one["action"], one["record_type"], one["gains"]) for one in found.json["changes"]}
    assert {
        ("sales_rep", "write", "lead", False),
        ("sales_manager", "read", "lead", True),
        ("sales_manager", "read", "lead", False),
    } == changes
    (effect,) = found.json["effects"]
    assert ("sales_manager", "read", "lead", True) == tuple(
        effect[name] for name in ("role", "action", "record_type", "gains")
    )
    assert effect["people"] > 1
    assert effect["records"] <= effect["pairs"] <= effect["people"] * effect["records"]
    assert {"lead": True} == {name: one["records"] == one["of"] > 0 for name, one in found.json["looked_at"].items()}
    back = bylaw("authz", "diff", *reversed(folders), "--json", home=example_home).json["effects"]
    assert [effect | {"gains": False}] == back


def test_a_difference_is_what_the_policies_say(folders: tuple[Path, Path], example_home: Path, bylaw: Bylaw) -> None:
    """The pairs that are counted are those that one version allows and the other does not, counted one by one."""
    from adapters.wiring import Settings, build
    from engine.policy import Policies
    from engine.predicate import Always
    from engine.service.directory import actor_from

    told = bylaw("authz", "diff", *folders, "--json", home=example_home).json["effects"]
    old, new = (Policies.load({"leads.polar": (one / "leads.polar").read_text()}) for one in folders)
    with build(Settings.from_environment(home=example_home)) as wiring:
        people = [actor_from(person) for person in wiring.ports.store.scan("person", Always())]
        leads = list(wiring.ports.store.scan("lead", Always()))
    pairs = [
        (person.id, lead.id)
        for person in people
        for lead in leads
        if new.allows(person, "read", lead) and not old.allows(person, "read", lead)
    ]
    assert [len(pairs)] == [one["pairs"] for one in told]
    assert len({lead for _, lead in pairs}) == told[0]["records"]
    assert (told[0]["example"]["person_id"], told[0]["example"]["record_id"]) in pairs


def test_a_difference_that_looked_at_some_records_says_so(
    bylaw: Bylaw, example_home: Path, folders: tuple[Path, Path]
) -> None:
    """Where there are more records than are looked at, the output says so: it is never silently partial."""
    found = bylaw("authz", "diff", *folders, "--most", "10", home=example_home)
    assert "only the first 10 of" in found.out


def test_the_same_policies_differ_in_nothing(bylaw: Bylaw) -> None:
    """Policies that are the same end with 0, named by folder or by digest, without a database."""
    digest = bylaw("authz", "matrix", "--json").json["digest"]
    for one in ("policies", digest, digest[:8]):
        found = bylaw("authz", "diff", one, "policies")
        assert (0, "nobody gains or loses anything\n") == (found.code, found.out)
    assert 3 == bylaw("authz", "diff", "0123456789abcdef", "policies").code
    assert 3 == bylaw("authz", "diff", "nowhere", "policies").code


def test_rules_alone(bylaw: Bylaw, folders: tuple[Path, Path]) -> None:
    """`--rules-only` needs no database."""
    found = bylaw("authz", "diff", *folders, "--rules-only")
    assert (1, "") == (found.code, found.err)
    assert re.search(r"sales_manager +gains +read +lead", found.out)
