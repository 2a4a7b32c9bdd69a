"""`bylaw check`: what is wrong, where, and what to do; what is right, counted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_runs import ROOT, Run, environment

Bylaw = Callable[..., Run]
GOOD = "rules/lead-priority/inbound@3.yaml"


def test_shipped_rules(bylaw: Bylaw) -> None:
    """Every shipped rule file passes with all of its tests, and is counted."""
    found = bylaw("check", "rules", "--json").json
    assert found["ok"]
    assert len(list((ROOT / "rules").rglob("*.yaml"))) == len(found["rule_files"])
    assert all(test["passed"] for test in found["tests"])
    assert len(found["tests"]) > len(found["rule_files"])


def test_shipped_policies(bylaw: Bylaw) -> None:
    """The shipped policies load, every rule can become a database query, and their own tests pass."""
    found = bylaw("check", "policies", "--json").json
    assert (True, []) == (found["ok"], found["problems"])
    assert sorted(path.as_posix() for path in (ROOT / "policies").glob("*.polar")) == sorted(
        f"{ROOT}/{name}" for name in found["policy_files"]
    )
    assert any(test["source"].startswith("policies/") for test in found["tests"])


def test_bad_file(bylaw: Bylaw, tmp_path: Path) -> None:
    """A problem shows code, place, the line, a mark under the place and help; the exit code is 1."""
    file = tmp_path / "bad.yaml"
    file.write_text((ROOT / GOOD).read_text().replace("title:", "titel:", 1))
    found = bylaw("check", file)
    assert 1 == found.code
    place = next(number for number, line in enumerate(file.read_text().splitlines(), 1) if "titel" in line)
    assert f"{file}:{place}:1: rules.unknown_field: " in found.out
    assert f"{place:>5} | titel:" in found.out
    assert "^^^^^" in found.out
    assert "did you mean `title`?" in found.out
    assert "      = help: " in found.out
    assert "\n1 rule file, 0 tests passed, 0 failed; 1 problem" in found.out


def test_failing_test(bylaw: Bylaw, tmp_path: Path) -> None:
    """A rule file whose own test fails names the test, and the exit code is 1."""
    folder = tmp_path / "rules" / "lead-priority"
    folder.mkdir(parents=True)
    text = (ROOT / GOOD).read_text()
    assert "48.550855" in text
    (folder / "inbound@3.yaml").write_text(text.replace("48.550855", "48.550856", 1))
    found = bylaw("check", tmp_path / "rules")
    assert 1 == found.code
    assert "failed: " in found.out
    assert "1 failed; no problem" in found.out


def test_every_bad_case_has_a_problem_with_its_place(bylaw: Bylaw) -> None:
    """Each of the rule files that are wrong on purpose ends with 1, a code and a place in that file or its table."""
    bad = sorted((ROOT / "tests" / "cases" / "rulefile" / "bad").glob("*.yaml"))
    assert bad
    for file in bad:
        found = bylaw("check", file, "--json")
        document = found.json
        assert 1 == found.code, file.name
        assert document["problems"], file.name
        sources = {problem["source"] for problem in document["problems"]}
        assert 1 == len(sources)
        assert sources < {file.as_posix(), file.with_suffix(".csv").as_posix()}


def test_nothing_there(bylaw: Bylaw, tmp_path: Path) -> None:
    """A path that does not exist, an empty folder and a file of another kind are problems, each with its name."""
    other = tmp_path / "notes.txt"
    other.write_text("x")
    empty = tmp_path / "empty"
    empty.mkdir()
    found = bylaw("check", tmp_path / "none", empty, other, "--json")
    codes = sorted(problem["code"] for problem in found.json["problems"])
    assert (1, ["file.nothing_found", "file.nothing_found", "file.unreadable"]) == (found.code, codes)


def test_one_bad_path_hides_nothing(bylaw: Bylaw) -> None:
    """What can be checked is checked beside what cannot."""
    found = bylaw("check", "none.yaml", GOOD, "--json").json
    assert ["lead-priority/inbound"] == [entry["rule_set"] for entry in found["rule_files"]]
    assert ["file.unreadable"] == [problem["code"] for problem in found["problems"]]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"a" * 5_000_000, "rules.too_large"),
        (b"kind: \xff\n", "rules.encoding"),
        (b"", "rules.empty"),
        (b"kind:\tx\n", "rules.tab"),
    ],
)
def test_unreadable_content(bylaw: Bylaw, tmp_path: Path, content: bytes, code: str) -> None:
    """A file of 5 MB, one that is not UTF-8, an empty one and one with tabs each have their own code."""
    file = tmp_path / "x.yaml"
    file.write_bytes(content)
    found = bylaw("check", file, "--json")
    assert 1 == found.code
    assert code in [problem["code"] for problem in found.json["problems"]]


def test_pipe(bylaw: Bylaw, tmp_path: Path) -> None:
    """A rule file may come through a pipe, as shells give it for `<(...)`."""
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    writer = subprocess.Popen(["cp", str(ROOT / GOOD), str(pipe)])
    assert 0 == bylaw("check", pipe).code
    writer.wait()


def test_device(bylaw: Bylaw, tmp_path: Path) -> None:
    """What is no file is not read, however it is called."""
    link = tmp_path / "zero.yaml"
    link.symlink_to("/dev/zero")
    found = bylaw("check", link, "--json")
    assert "it is not a file" in found.json["problems"][0]["message"]


def test_hidden_folders_are_left_out(bylaw: Bylaw, tmp_path: Path) -> None:
    """A folder whose name begins with a dot is not looked into."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.yaml").write_text("x")
    assert "file.nothing_found" == bylaw("check", tmp_path, "--json").json["problems"][0]["code"]


def test_bad_policy(bylaw: Bylaw, tmp_path: Path) -> None:
    """A policy that does not parse shows its file and line."""
    (tmp_path / "bad.polar").write_text("allow(_user, _action, _record) if\n")
    found = bylaw("check", tmp_path, "--json")
    assert 1 == found.code
    assert {"policy"} == {problem["code"].split(".")[0] for problem in found.json["problems"]}


def loaded_by(*arguments: str, home: Path) -> set[str]:
    """The top-level modules that a run of the command has loaded."""
    code = f"""
import sys
from cli.main import run
run({list(arguments)!r})
print("\\n", *sys.modules, file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(home), capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize(
    ("arguments", "never"),
    [
        (("--help",), {"flask", "pymongo", "boto3", "oso", "redis", "rq", "rich", "jsonschema", "yaml"}),
        (("version",), {"flask", "pymongo", "boto3", "oso", "redis", "rq", "jsonschema", "yaml"}),
        (("check", GOOD), {"flask", "pymongo", "boto3", "oso", "redis", "rq"}),
        (("jobs", "list"), {"flask", "pymongo", "boto3"}),
    ],
)
def test_loads_only_what_it_needs(tmp_path: Path, arguments: tuple[str, ...], never: set[str]) -> None:
    """A command loads no library that it does not use, so that it starts quickly."""
    assert set() == never & loaded_by(*arguments, home=tmp_path)


def test_fact_schemas_of_ones_own(bylaw: Bylaw, tmp_path: Path) -> None:
    """Fact schemas beside a folder `rules` serve its rule files: where they are checked, exported and asked."""
    (tmp_path / "rules/decision").mkdir(parents=True)
    (tmp_path / "schemas/facts").mkdir(parents=True)
    (tmp_path / "schemas/facts/parcel-1.schema.json").write_text(
        '{"type": "object", "required": ["weight"], "properties": {"weight": {"type": "number", "minimum": 0}}}'
    )
    file = tmp_path / "rules/decision/postage@1.yaml"
    file.write_text(
        "# yaml-language-server: $schema=../../schemas/rules/decision.schema.json\n"
        "kind: decision\nname: postage\nversion: 1\ntitle: Postage\neffective: {from: 2026-01-01}\nfacts: parcel/1\n"
        "columns:\n  inputs: [{id: weight}]\n  outputs: [{id: price, type: number}]\n"
        "rows:\n  - {id: light, when: {weight: '< 2'}, then: {price: 5}, because: Light}\n"
        "  - {id: heavy, when: {weight: '>= 2'}, then: {price: 9}, because: Heavy}\n"
        "tests:\n  - {name: two is heavy, given: {weight: 2}, expect: {price: 9}}\n"
    )
    facts = tmp_path / "facts.json"
    facts.write_text('{"weight": 1}')
    assert "1 rule file, 1 test passed, 0 failed; no problem\n" == bylaw("check", tmp_path / "rules").out
    asked = bylaw("evaluate", "decision/postage", "--facts", facts, "--rules", tmp_path / "rules", "--json")
    assert {"price": "5"} == asked.json["outcome"]
    assert 0 == bylaw("tables", "export", file, tmp_path / "postage.xlsx").code
    assert 0 == bylaw("tables", "import", tmp_path / "postage.xlsx", "--out", file.with_name("postage@1.yaml")).code
