"""What goes wrong at the command line is told in a sentence with a place, ends with its code and changes nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_runs import ROOT, Run, environment

Bylaw = Callable[..., Run]

RULES = "rules"
INBOUND = "lead-priority/inbound"


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    file = tmp_path / "lead.json"
    file.write_text(json.dumps({"employees": 800, "industry": "retail"}))
    return file


@pytest.fixture
def home(tmp_path: Path, example_home: Path) -> Path:
    """A copy of the example's home directory, for tests that change it."""
    return Path(shutil.copytree(example_home, tmp_path / "copy"))


@pytest.mark.parametrize("instant", ["0001-01-01", "9999-12-31T23:59:59Z"])
def test_an_instant_at_the_end_of_the_calendar(bylaw: Bylaw, facts: Path, instant: str) -> None:
    """No zone can show such an instant, so nothing is decided or listed at it."""
    asked = bylaw("evaluate", INBOUND, "--facts", facts, "--at", instant, "--rules", RULES, "--json")
    assert (1, ["rules.instant"]) == (asked.code, asked.problems)
    listed = bylaw("rules", "list", "--at", instant)
    assert (1, True) == (listed.code, "rules.instant" in listed.err)


@pytest.mark.parametrize("instant", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_an_instant_outside_the_calendar(bylaw: Bylaw, facts: Path, instant: str) -> None:
    """An instant that has no date in UTC is refused with the option it stands in."""
    found = bylaw("evaluate", INBOUND, "--facts", facts, "--at", instant)
    assert (2, True) == (found.code, "lies outside the years 1 to 9999 in UTC" in found.err)


def test_problems_of_facts_name_their_file(bylaw: Bylaw, facts: Path) -> None:
    """A wrong fact is told with the file it stands in and its path there."""
    facts.write_text('{"employees": "800"}')
    found = bylaw("evaluate", INBOUND, "--facts", facts, "--rules", RULES)
    assert (1, True) == (found.code, found.err.startswith(f"{facts} $.employees: facts.wrong_type: "))


@pytest.mark.parametrize(
    "line",
    [
        ("check", ""),
        ("evaluate", INBOUND, "--facts", ""),
        ("rules", "list", "--home", ""),
        ("import", "crm", ""),
    ],
    ids=" ".join,
)
def test_an_empty_text_is_no_path(bylaw: Bylaw, line: tuple[str, ...]) -> None:
    """An empty name, as an unset variable of a script gives, does not mean the current directory."""
    found = bylaw(*line)
    assert (2, True) == (found.code, "an empty text names no file or directory" in found.err)


@pytest.mark.parametrize(
    ("name", "help_text"),
    [
        ("inbound", "a rule set's name starts with its kind: `lead-priority/inbound`"),
        ("lead-priority/inbund", "did you mean `lead-priority/inbound`?"),
        ("x", "there are: decision/discount-approval, "),
    ],
)
def test_an_unknown_rule_set(bylaw: Bylaw, name: str, help_text: str) -> None:
    """A rule set that is not there is told with the one that may be meant, or with those that are."""
    found = bylaw("rules", "show", name)
    assert (3, True) == (found.code, help_text in found.err)


def test_a_draft_alone_in_a_folder(bylaw: Bylaw, facts: Path, tmp_path: Path) -> None:
    """`--rules` decides by a draft without the versions before it, and tells why a test of a draft fails."""
    folder = tmp_path / "drafts"
    folder.mkdir()
    text = (ROOT / "rules" / "lead-priority" / "inbound@3.yaml").read_text()
    draft = folder / "draft.yaml"
    draft.write_text(text)
    asked = ("evaluate", INBOUND, "--facts", facts, "--rules", folder, "--at", "2026-11-02")
    assert (0, "3") == (bylaw(*asked, "--json").code, str(bylaw(*asked, "--json").json["version"]))
    draft.write_text(text.replace("expect: {band: B, score: 48.550855}", "expect: {band: A}"))
    failed = bylaw(*asked)
    assert (1, True) == (failed.code, "= help: `band` is `B`; `A` was expected" in failed.err)


def test_problems_of_imported_files_name_their_path(bylaw: Bylaw, tmp_path: Path) -> None:
    """A file that cannot be imported is named as it was given, not as the mapping calls it."""
    file = tmp_path / "mine.csv"
    file.write_text("a,b\n1,2\n")
    found = bylaw("import", "leads", file)
    assert (1, True) == (found.code, found.err.startswith(f"{file}:1:1: import.wrong_header: "))


def test_an_unknown_kind_of_rules(bylaw: Bylaw) -> None:
    """A kind that does not exist is refused: an empty list would look like an answer."""
    found = bylaw("rules", "list", "--kind", "lead-prio")
    assert (2, True) == (found.code, "`lead-prio` is no kind of rules: did you mean `lead-priority`?" in found.err)


def test_an_unknown_type_of_record(bylaw: Bylaw, example_home: Path) -> None:
    """The same for the audit log's types; a filter that nothing matches says so."""
    wrong = bylaw("audit", "show", "--type", "leads", home=example_home)
    assert (2, True) == (wrong.code, "`leads` is no type of record: did you mean `lead`?" in wrong.err)
    none = bylaw("audit", "show", "--actor", "nobody", home=example_home)
    assert (0, "no entry\n") == (none.code, none.out)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (("rules", "show", INBOUND, "--yaml", "--json"), "choose one"),
        (("evaluate", INBOUND, "--facts", "x", "--rules", RULES, "--as", "somebody"), "leave out --home"),
        (("import", "leads", "x", "--organisation", "a b/c"), "`a b/c` is no id"),
    ],
)
def test_options_that_contradict_each_other(bylaw: Bylaw, line: tuple[str, ...], sentence: str) -> None:
    """An option that would be ignored, or that cannot be what it says, is refused."""
    found = bylaw(*line)
    assert (2, True) == (found.code, sentence in found.err)


def test_a_file_where_a_folder_is_expected(bylaw: Bylaw, facts: Path) -> None:
    """The sentence says what the path is and what it should be."""
    file = "rules/lead-priority/inbound@3.yaml"
    decided = bylaw("evaluate", INBOUND, "--facts", facts, "--rules", file)
    assert (3, True) == (decided.code, "it is a file; a folder of rule files is expected" in decided.err)
    imported = bylaw("import", "crm", file)
    assert (3, True) == (imported.code, "it is a file; a folder of CSV files is expected" in imported.err)


def test_rules_of_another_kind_decide_no_conflict(bylaw: Bylaw, facts: Path, example_home: Path) -> None:
    """A dry run asks rules about conflicts and no others, for stored conflicts and for given ones."""
    asked = ("sync", "explain", "--rule-set", INBOUND, "--json")
    given = bylaw(*asked, "--facts", facts, home=example_home)
    stored = bylaw(*asked, "conflict-deal-981", home=example_home)
    assert [(1, ["rule_set.wrong_kind"])] * 2 == [(found.code, found.problems) for found in (given, stored)]


def test_scoring_with_one_rule_set_leaves_other_leads_alone(bylaw: Bylaw, home: Path) -> None:
    """Leads whose facts a named rule set does not read keep their scores."""
    found = bylaw("score", "leads", "--rule-set", "lead-priority/course-enquiry", "--json", home=home)
    assert (0, {"leads": "0", "failed": "0", "changed": "0"}) == (
        found.code,
        {name: str(found.json["result"][name]) for name in ("leads", "failed", "changed")},
    )


@pytest.mark.parametrize("name", ["", "  ", "x" * 201])
def test_a_key_has_a_name(bylaw: Bylaw, home: Path, name: str) -> None:
    """A key says what it is for, in so many words that a list can show them."""
    found = bylaw("keys", "make", "person-sales_rep", "--name", name, "--json", home=home)
    assert (1, ["api_key.name"]) == (found.code, found.problems)


def test_an_organisation_where_there_is_none(bylaw: Bylaw) -> None:
    """An empty database lists no organisations."""
    found = bylaw("rules", "list", "--organisation", "acme")
    assert (3, True) == (found.code, "the database holds none yet" in found.err)


@pytest.mark.parametrize("line", [("rules", "list"), ("rules", "list", "--json"), ("rules", "show", INBOUND, "--yaml")])
def test_an_output_that_is_full(tmp_path: Path, line: tuple[str, ...]) -> None:
    """An answer that cannot be written is told in a sentence, whatever its form."""
    with Path("/dev/full").open("wb") as full:
        found = _process(*line, home=tmp_path, stdout=full)
    assert (5, True) == (found.returncode, "standard output cannot be written" in found.stderr)
    assert "Traceback" not in found.stderr


def test_an_output_that_is_closed(tmp_path: Path) -> None:
    """A caller that closed the output wants the exit code alone."""
    found = _process("rules", "list", home=tmp_path, stdout=subprocess.PIPE, close=True)
    assert (0, "") == (found.returncode, found.stdout)
    assert "Traceback" not in found.stderr


def test_a_path_that_may_not_be_looked_into(bylaw: Bylaw, monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps a file from being read is told with the file."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    found = bylaw("check", "locked/file.yaml")
    assert (1, True) == (found.code, "`locked/file.yaml` cannot be read: there is no permission" in found.out)


def _process(*line: str, home: Path, stdout: Any, close: bool = False) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", *line]
    if close:
        command = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    return subprocess.run(
        command, cwd=ROOT, env=environment(home), stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
    )
