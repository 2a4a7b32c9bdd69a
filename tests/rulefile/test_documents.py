"""The pages about rule files cannot lag: their examples load and pass, and they name every field there is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.kinds import load

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("rule-files.md", "lead-priority.md", "decision-tables.md")
EXAMPLES = [
    (page, index, example)
    for page in PAGES
    for index, example in enumerate(
        re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)
    )
]


@pytest.mark.parametrize(("page", "index", "example"), EXAMPLES, ids=[f"{page}-{index}" for page, index, _ in EXAMPLES])
def test_an_example_loads_without_warning_and_passes(page: str, index: int, example: str, schemas) -> None:
    """What a page shows is a rule file that works."""
    rules = load(example.encode(), source=f"docs/{page}", schemas=schemas)
    assert () == rules.warnings
    assert [] == [problem.render() for result in rules.run_tests() for problem in result.problems]


@pytest.mark.parametrize(
    ("schema", "page"), [("lead-priority", "lead-priority.md"), ("decision", "decision-tables.md")]
)
def test_every_field_of_a_kind_has_its_place_on_the_page(schema: str, page: str) -> None:
    """A field that nobody described is a field that nobody uses rightly."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8") + (ROOT / "docs" / "rule-files.md").read_text(
        encoding="utf-8"
    )
    fields = json.loads((ROOT / "schemas" / "rules" / f"{schema}.schema.json").read_text(encoding="utf-8"))[
        "properties"
    ]
    assert [] == [name for name in fields if name not in text]


def test_loading_rules_is_light_to_import() -> None:
    """Importing the kinds loads none of the heavy libraries; jsonschema comes when a file is first checked."""
    heavy = ("jsonschema", "referencing", "oso", "numpy", "re2", "flask", "pymongo")
    program = f"import sys, engine.kinds; print([name for name in {heavy!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
