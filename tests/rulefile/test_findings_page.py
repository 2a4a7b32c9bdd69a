"""The page about findings cannot lag: each example is loaded and says what stands below it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.kinds import load
from engine.problem_codes import CODES
from engine.problems import InvalidError, Problem
from engine.rulefile import SchemaSource
from engine.rulefile.versions import look_at_versions

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^### `([a-z_.]+)`\n.*?```yaml\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
TOLD = [code for code, said in CODES.items() if said.endswith(("(a warning).", "(a hint).")) and "table." in code]


def whole_file(example: str, number: int = 1) -> bytes:
    """An example with the head that the page leaves out."""
    kind, facts = ("lead-priority", "lead/2") if example.startswith("groups:") else ("decision", "discount-request/1")
    head = f"kind: {kind}\nname: example\nversion: {number}\ntitle: An example\nfacts: {facts}\n"
    effective = "" if "effective:" in example else "effective: {from: 2026-01-01}\n"
    bands = "bands: [{from: 0, label: C}]\n" if kind == "lead-priority" and "bands:" not in example else ""
    return (head + effective + example + bands).encode()


def found_in(example: str, schemas: SchemaSource) -> list[tuple[str, Problem]]:
    """What loading an example says; several files, parted by a line of dashes, are versions."""
    files = example.split("---\n")
    if len(files) > 1:
        versions = [
            load(whole_file(file, at), source="example.yaml", schemas=schemas) for at, file in enumerate(files, 1)
        ]
        return [("warning", problem) for problem in look_at_versions(versions)]
    try:
        rules = load(whole_file(example), source="example.yaml", schemas=schemas)
    except InvalidError as error:
        return [("problem", problem) for problem in error.problems]
    return [*(("warning", each) for each in rules.warnings), *(("hint", each) for each in rules.hints)]


def shown(severity: str, problem: Problem) -> str:
    """A finding as the page shows it."""
    lines = [f"{severity}: {problem.message}"]
    lines += [f"given: {problem.given}"] if problem.given else []
    lines += [f"help: {problem.help}"] if problem.help else []
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(("code", "example", "text"), EXAMPLES, ids=[code for code, _, _ in EXAMPLES])
def test_an_example_says_what_the_page_shows(code: str, example: str, text: str, schemas: SchemaSource) -> None:
    """Loading the example tells the finding in the very words of the page, with its facts and help."""
    assert text == "".join(shown(*each) for each in found_in(example, schemas) if each[1].code == code)


def test_every_finding_about_tables_has_its_example() -> None:
    """A finding that nobody has shown is one that nobody understands."""
    assert set(TOLD) | {"table.overlap", "table.contradiction"} <= {code for code, _, _ in EXAMPLES}
