"""The audit log for outsiders at the command line: exporting, checking the file, checking the store."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from command_runs import Run

from adapters.shipped import Shipped
from engine.audit.note import InclusionProof

Bylaw = Callable[..., Run]


@pytest.fixture
def home(tmp_path: Path, example_home: Path) -> Path:
    """A copy of the example's home directory: an export signs a checkpoint in it."""
    return Path(shutil.copytree(example_home, tmp_path / "copy"))


@pytest.fixture
def file(bylaw: Bylaw, home: Path, tmp_path: Path) -> Path:
    """The example's whole log."""
    out = tmp_path / "log.jsonl"
    assert bylaw("audit", "export", "--out", out, home=home).code == 0
    return out


@pytest.fixture
def key(bylaw: Bylaw, home: Path, tmp_path: Path) -> Path:
    """The log's public key, as it is given to auditors."""
    out = tmp_path / "log.key"
    out.write_text(bylaw("audit", "key", home=home).out)
    return out


def by_itself(*arguments: object) -> Run:
    """The verifier that `bylaw audit verifier` prints, in a Python without any package."""
    command = [sys.executable, "-I", "-S", "-c", Shipped.verifier().decode(), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return Run(done.returncode, done.stdout, done.stderr)


def test_an_auditor_checks_a_file(bylaw: Bylaw, home: Path, file: Path, key: Path) -> None:
    """Both verifiers say the same of a good file, in the same words, with the key that came by another way."""
    found = bylaw("audit", "verify", file, "--key", key)
    assert (0, "") == (found.code, found.err)
    assert found.out.startswith("good: ")
    assert found.out == by_itself(file, "--key", key).out
    assert "compare the fingerprint" in bylaw("audit", "verify", file).out
    fingerprint = bylaw("audit", "key", "--json", home=home).json["fingerprint"]
    verdict = bylaw("audit", "verify", file, "--fingerprint", fingerprint.upper(), "--json").json
    assert (True, True, "organisation") == (verdict["good"], verdict["trusted_key"], verdict["scope"])


def test_an_auditor_finds_a_change(bylaw: Bylaw, file: Path) -> None:
    """A file with a changed entry ends both verifiers with 1, and both name the entry in the same words."""
    file.write_bytes(
        file.read_bytes().replace(
            b'"result":"accepted","rule":{"set":"lead', b'"result":"accepted","rule":{"set":"Lead', 1
        )
    )
    found = bylaw("audit", "verify", file)
    assert 1 == found.code
    assert found.out.startswith("NOT GOOD (entry ")
    assert "[audit.entry_changed]" in found.out
    assert (found.out, 1) == (by_itself(file).out, by_itself(file).code)
    assert "audit.entry_changed" == bylaw("audit", "verify", file, "--json").json["problem"]["code"]


def test_a_checkpoint_that_was_kept(bylaw: Bylaw, home: Path, file: Path, tmp_path: Path) -> None:
    """A checkpoint that an auditor has kept is proved by whole files, and by parts of the log when it is named."""
    kept = tmp_path / "kept"
    kept.write_text(bylaw("audit", "checkpoint", home=home).out)
    assert 0 == bylaw("audit", "verify", file, "--since", kept).code
    part = tmp_path / "part.jsonl"
    arguments = ("audit", "export", "--scope", "subject:lead/none", "--since", kept, "--out", part)
    assert 0 == bylaw(*arguments, home=home).code
    assert 0 == bylaw("audit", "verify", part, "--since", kept).code
    wrong = bylaw("audit", "verify", file, "--since", file)
    assert (1, True) == (wrong.code, "[audit.file_unreadable]" in wrong.out)


def test_what_somebody_may_not_read(bylaw: Bylaw, home: Path) -> None:
    """A person's export holds what the person may read; the output is the file where no name is given."""
    found = bylaw("audit", "export", "--as", "person-sales_rep", home=home)
    assert 0 == found.code
    assert found.out.startswith('{"entries":')
    assert '"made_for":"person-sales_rep"' in found.out
    whole = bylaw("audit", "export", home=home)
    assert len(found.out) < len(whole.out)


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (("export", "--scope", "regin:x"), 1, "audit.scope"),
        (("export", "--since", "none"), 3, "file.unreadable"),
        (("export", "--out", "none/log.jsonl"), 3, "file.unreadable"),
        (("verify", "none"), 3, "file.unreadable"),
        (("verify", "docs"), 3, "file.unreadable"),
        (("verify", "README.md", "--key", "README.md"), 1, "audit.note"),
        (("proof", "README.md", "1"), 1, "audit.file_unreadable"),
        (("proof", "none", "1"), 3, "file.unreadable"),
    ],
)
def test_wrong_input(bylaw: Bylaw, home: Path, arguments: tuple[str, ...], code: int, problem: str) -> None:
    """What cannot be read, written or understood is one problem with its exit code."""
    found = bylaw("audit", *arguments, home=home)
    assert code == found.code
    assert problem in found.err


def test_no_half_file_is_left(bylaw: Bylaw, home: Path, tmp_path: Path) -> None:
    """A file that cannot be finished is not left behind."""
    _raw(home, "UPDATE audit_entry SET at = 'x' WHERE sequence = 3")
    out = tmp_path / "out" / "log.jsonl"
    out.parent.mkdir()
    assert 1 == bylaw("audit", "export", "--out", out, home=home).code
    assert [] == list(out.parent.iterdir())


def test_one_proof(bylaw: Bylaw, file: Path) -> None:
    """One entry's proof comes out as C2SP's text."""
    found = bylaw("audit", "proof", file, "2")
    assert 0 == found.code
    assert 1 == InclusionProof.parse(found.out).index
    assert 1 == bylaw("audit", "proof", file, "100000").code
    assert 2 == bylaw("audit", "proof", file, "0").code


def test_the_verifier_is_printed(bylaw: Bylaw) -> None:
    """The verifier is printed byte for byte."""
    assert Shipped.verifier().decode() == bylaw("audit", "verifier").out


def test_the_role_for_mongodb_is_printed(bylaw: Bylaw) -> None:
    """The role adds to append-only collections and removes nothing there, in the database that is named."""
    made = bylaw("audit", "role", "--database", "sales").json
    granted = {one["resource"]["collection"]: one["actions"] for one in made["privileges"]}
    assert ("bylaw_application", {"sales"}) == (
        made["createRole"],
        {one["resource"]["db"] for one in made["privileges"]},
    )
    assert {"find", "insert"} == {"find", "insert", "update", "remove"} & set(granted["audit_entry"])


def test_checking_the_store(bylaw: Bylaw, home: Path, file: Path) -> None:
    """The log is checked where it is kept; an entry changed with a database tool is named, and the exit code is 1."""
    assert file.exists()
    good = bylaw("audit", "check", home=home)
    assert (0, "") == (good.code, good.err)
    assert "1 checkpoints are as they were logged" in good.out
    assert True is bylaw("audit", "check", "--json", home=home).json["good"]
    assert 4 == bylaw("audit", "check", "--as", "person-sales_rep", home=home).code

    _raw(home, "UPDATE audit_entry SET actor_id = 'mallory' WHERE sequence = 3")
    bad = bylaw("audit", "check", home=home)
    assert 1 == bad.code
    assert "NOT GOOD (entry 3): " in bad.out
    assert ("audit.entry_changed", "3") == _problem(bylaw("audit", "check", "--json", home=home))
    again = file.with_name("again.jsonl")
    assert 0 == bylaw("audit", "export", "--out", again, home=home).code
    assert "NOT GOOD (entry 3, " in bylaw("audit", "verify", again).out

    _raw(home, "UPDATE audit_entry SET leaf_hash = '00' WHERE sequence = 3")
    assert 1 == bylaw("audit", "export", home=home).code
    _raw(home, "UPDATE checkpoint SET root = '00'")
    assert 1 == bylaw("audit", "check", home=home).code


def test_an_older_state_that_came_back(bylaw: Bylaw, home: Path, tmp_path: Path) -> None:
    """A restored backup is told by a later checkpoint that was kept elsewhere, when checking and when exporting."""
    backup = Path(shutil.copy(home / "bylaw.sqlite3", tmp_path / "backup.sqlite3"))
    reason = ("--subject", "person/person-sales_rep", "--reason", "request 7", "--as", "person-platform_admin")
    assert 0 == bylaw("audit", "erase", *reason, home=home).code
    kept = tmp_path / "kept.txt"
    kept.write_text(bylaw("audit", "checkpoint", home=home).out)
    assert 0 == bylaw("audit", "check", "--since", kept, home=home).code

    for leftover in home.glob("bylaw.sqlite3*"):
        leftover.unlink()
    shutil.copy(backup, home / "bylaw.sqlite3")
    assert 0 == bylaw("audit", "check", home=home).code
    against = bylaw("audit", "check", "--since", kept, "--json", home=home)
    assert (1, "audit.entry_missing") == (against.code, against.json["problem"]["code"])
    refused = bylaw("audit", "export", "--since", kept, home=home)
    assert (1, True, "") == (refused.code, "audit.history_changed" in refused.err, refused.out)


def test_a_damaged_end(bylaw: Bylaw, home: Path) -> None:
    """Where the end of the log cannot be read, a command that changes something says so and what to do."""
    _raw(home, "UPDATE audit_head SET frontier = substr(frontier, 2)")
    reason = ("--subject", "person/person-sales_rep", "--reason", "request 7", "--as", "person-platform_admin")
    refused = bylaw("audit", "erase", *reason, home=home)
    assert (5, "") == (refused.code, refused.out)
    assert "audit.edge_damaged" in refused.err
    assert "bylaw audit check" in refused.err
    assert "audit.edge_damaged" == bylaw("audit", "check", "--json", home=home).json["problem"]["code"]


def _problem(run: Run) -> tuple[str, str]:
    return run.json["problem"]["code"], str(run.json["number"])


def _raw(home: Path, statement: str) -> None:
    """A change by somebody who has the database's file."""
    with closing(sqlite3.connect(home / "bylaw.sqlite3")) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute(statement)
        connection.commit()
