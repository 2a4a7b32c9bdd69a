"""Documentation cannot lag behind: what the code declares has its paragraph, and links lead somewhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from adapters import wiring
from engine.kinds import KINDS
from engine.problem_codes import CODES

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PACKAGES = ("engine", "adapters", "webapp", "jobs", "cli")
SOURCES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))


def test_every_problem_code_is_documented():
    """docs/problems.md lists every problem code with its sentence, and no other."""
    text = (ROOT / "docs" / "problems.md").read_text()
    assert CODES == dict(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| (.+) \|$", text, re.MULTILINE))


def test_every_declared_code_is_used():
    """A problem code that no source names is dead and has to go."""
    text = "\n".join(path.read_text() for path in SOURCES if path.name != "problem_codes.py")
    assert [code for code in CODES if f'"{code}"' not in text] == []


def test_everything_that_shells_import_is_documented():
    """docs/architecture.md names everything that `adapters.wiring` offers."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert [name for name in wiring.__all__ if f"`{name}`" not in text] == []


def test_every_rule_kind_is_documented():
    """Every rule kind has its paragraph in docs/rule-files.md."""
    text = (ROOT / "docs" / "rule-files.md").read_text()
    assert [kind.name for kind in KINDS if f"`{kind.name}`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    """Every relative link and image of a page names a file of the project."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    links = [
        link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link and not link.startswith("mailto:")
    ]
    targets = [link.split("#")[0] for link in links]
    assert [target for target in targets if target and not (page.parent / target).exists()] == []


def test_readme_shows_the_two_commands():
    """The README names `make run` and `make test`."""
    text = (ROOT / "README.md").read_text()
    assert "make run" in text
    assert "make test" in text


def test_every_decision_page_is_listed():
    """docs/decisions/README.md lists every decision page."""
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    pages = [path.name for path in (ROOT / "docs" / "decisions").glob("0*.md")]
    assert pages
    assert [name for name in pages if name not in index] == []


def every_test() -> list[tuple[str, ast.FunctionDef]]:
    """Every test function with its place."""
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node)
        for path in TESTS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def test_tests_say_their_rule():
    """Every test's docstring is the rule that it proves."""
    assert [where for where, node in every_test() if not ast.get_docstring(node)] == []


def test_no_test_is_empty():
    """Every test asserts, expects an error, or delegates to a function that checks."""
    empty = [
        where
        for where, node in every_test()
        if not any(isinstance(inner, ast.Assert | ast.Call) for inner in ast.walk(node))
    ]
    assert empty == []
