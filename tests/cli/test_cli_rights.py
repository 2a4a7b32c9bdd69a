"""No command without a row of the policies: each says which cells it asks, and asks these and no others."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_runs import Run
from spying import cells_that_grant, without_a_right
from test_documentation import LEAVES

from adapters.stores.sqlite.store import SQLiteTransaction
from adapters.wiring import Settings, Shipped, build, load_policies
from cli.rights import ANY, ASKS, NEEDS_NO_RIGHT
from engine.caller import Actor
from engine.policy import Policies
from engine.predicate import Always, Predicate
from engine.records import Record

Bylaw = Callable[..., Run]
Asking = Callable[..., tuple[Run, set[str]]]
COMMANDS = {" ".join(path) for path in LEAVES}
EXAMPLE = "larkmoor"

RUNS: dict[str, list[tuple[str, ...]]] = {
    "evaluate": [("lead-priority/inbound", "--facts", "docs/examples/lead.json")],
    "score leads": [()],
    "incentives run": [("sales-commission", "--period", "2017-Q3")],
    "sync explain": [("{conflict}",)],
    "rules list": [()],
    "rules show": [("lead-priority/inbound",)],
    "authz explain": [("--actor", "person-sales_rep", "--action", "write", "--record", "lead/lead-1001")],
    "audit show": [()],
    "audit check": [()],
    "audit export": [("--out", "{tmp}/all.jsonl"), ("--out", "{tmp}/own.jsonl", "--as", "person-sales_manager")],
    "audit erase": [
        ("--subject", one, "--reason", "asked for", "--as", "person-platform_admin")
        for one in ("lead/lead-1017", "person/person-d-marchetto")
    ],
    "jobs list": [()],
    "jobs show": [("job-none",)],
    "keys list": [()],
    "keys make": [("person-revops_analyst", "--name", "mine")],
    "keys rotate": [("{key}",)],
    "keys revoke": [("{key}",)],
    "people link": [("person-revops_analyst", "--issuer", "https://id.example.com", "--subject", "1")],
    "people unlink": [("person-revops_analyst",)],
}
"""Command lines that ask for everything that the command asks."""

ELSEWHERE = {"jobs cancel", "authz diff", "import crm", "import leads"}
"""Commands that need something made for them; they have tests of their own below."""


WITH_AN_ERASURE = {"conflict", "job", "statement"}
"""What else may say the name of whom is erased: the right is that to erase them."""


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The types of the records that the last command wrote."""
    types: set[str] = set()

    def noting(real: Callable[..., Any]) -> Callable[..., Any]:
        def write(self: SQLiteTransaction, record: Record) -> Any:
            types.add(record.type)
            return real(self, record)

        return write

    for name in ("insert", "update", "delete"):
        monkeypatch.setattr(SQLiteTransaction, name, noting(getattr(SQLiteTransaction, name)))
    return types


@pytest.fixture
def home(tmp_path: Path, example_home: Path) -> Path:
    """A copy of the example's home directory."""
    return Path(shutil.copytree(example_home, tmp_path / "copy"))


@pytest.fixture
def asking(bylaw: Bylaw, home: Path, monkeypatch: pytest.MonkeyPatch, written: set[str]) -> Asking:
    """Run a command and remember the cells that were asked about people of real organisations."""
    asked: set[str] = set()
    predicate, allows = Policies.predicate, Policies.allows

    def asked_for(self: Policies, actor: Actor, action: str, record_type: str) -> Predicate:
        asked.add(f"{action}:{record_type}")
        return predicate(self, actor, action, record_type)

    def asked_about(self: Policies, actor: Actor, action: str, record: Record) -> bool:
        asked.add(f"{action}:{record.type}")
        return allows(self, actor, action, record)

    monkeypatch.setattr(Policies, "predicate", asked_for)
    monkeypatch.setattr(Policies, "allows", asked_about)

    def run(*arguments: str | Path) -> tuple[Run, set[str]]:
        asked.clear()
        written.clear()
        found = bylaw(*arguments, home=home)
        erased = WITH_AN_ERASURE if arguments[:2] == ("audit", "erase") else set()
        assert without_a_right(written, asked) <= erased
        return found, set(asked)

    return run


def test_every_command_is_listed_once() -> None:
    """Every command says what it asks or why it asks nothing, never both, and no other is listed."""
    assert COMMANDS == set(ASKS) | set(NEEDS_NO_RIGHT)
    assert set() == set(ASKS) & set(NEEDS_NO_RIGHT)


def test_every_cell_is_one_of_the_policies() -> None:
    """What commands ask is granted to somebody by the policies."""
    known = cells_that_grant(load_policies(Shipped.find())) | {ANY}
    assert {} == {name: set(cells) - known for name, cells in ASKS.items() if not set(cells) <= known}


def test_every_command_that_asks_is_run() -> None:
    """Each command that asks anything is run here."""
    assert set(ASKS) == set(RUNS) | ELSEWHERE


@pytest.mark.parametrize("name", RUNS)
def test_a_command_asks_what_it_says(asking: Asking, bylaw: Bylaw, home: Path, tmp_path: Path, name: str) -> None:
    """A command asks for the cells of the table, for no others, and for each of them sometimes.

    What it writes is of types on which it asked for a right to change.
    """
    asked: set[str] = set()
    key = ""
    if any("{key}" in line for line in RUNS[name]):
        key = bylaw("keys", "make", "person-revops_analyst", "--name", "one", "--json", home=home).json["id"]
    conflict = first_conflict(home)
    for line in RUNS[name]:
        arguments = (part.format(tmp=tmp_path, key=key, conflict=conflict) for part in line)
        found, cells = asking(*name.split(), *arguments)
        assert found.code == (3 if "job-none" in line else 0), found.err
        asked |= cells
    check_cells(name, asked)


def test_cancelling_a_job(asking: Asking, bylaw: Bylaw, home: Path) -> None:
    """`jobs cancel` asks what it says."""
    job = bylaw("score", "leads", "--background", "--json", home=home).json
    found, asked = asking("jobs", "cancel", job["id"])
    assert 0 == found.code, found.err
    check_cells("jobs cancel", asked)


def test_comparing_policies(asking: Asking, tmp_path: Path) -> None:
    """`authz diff` asks what it says."""
    rule = (
        'allow(user: User, "read", record: Lead) if user.role = "sales_rep" and '
        "record.organisation_id = user.organisation_id and record.{0} = user.{0};"
    )
    for name, attribute in (("old", "region_id"), ("new", "branch_id")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "leads.polar").write_text(rule.format(attribute))
    found, asked = asking("authz", "diff", tmp_path / "old", tmp_path / "new")
    assert 1 == found.code, found.err
    check_cells("authz diff", asked)
    assert "read:lead" in asked


def test_importing(asking: Asking, shared: Path, written: set[str]) -> None:
    """`import crm` and `import leads` ask what they say."""
    found, asked = asking("import", "crm", shared / "data" / "maven-crm")
    assert 0 == found.code, found.err
    check_cells("import crm", asked)
    assert {"person", "deal", "import_batch", "rule_version"} <= written
    leads = next((shared / "data" / "xeducation-leads").glob("*.csv"))
    found, asked = asking("import", "leads", leads, "--organisation", EXAMPLE)
    assert 0 == found.code, found.err
    check_cells("import leads", asked)


def first_conflict(home: Path) -> str:
    """One of the example's conflicts, which are others every day."""
    with build(Settings.from_environment(home=home)) as wiring:
        return wiring.ports.store.find("conflict", Always(), limit=1).records[0].id


def check_cells(name: str, asked: set[str]) -> None:
    """What was asked is what is declared."""
    declared = set(ASKS[name])
    assert declared - {ANY} <= asked
    assert ANY in declared or asked <= declared
