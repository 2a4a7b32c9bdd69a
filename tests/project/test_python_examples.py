"""Python on pages is run: every block marked `python` of a page, in order, as one program.

A sketch that is not meant to run is marked `py`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = [
    page for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))] if BLOCK.search(page.read_text())
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_python_on_a_page_runs(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples of a page run from the top of the repository, and what they assert is true."""
    monkeypatch.chdir(ROOT)
    text = page.read_text()
    names: dict[str, object] = {"__name__": page.stem.replace("-", "_")}
    assertions = 0
    for block in BLOCK.finditer(text):
        # Lines are those of the page, so that a failure names them.
        source = "\n" * text.count("\n", 0, block.start(1)) + block[1]
        exec(compile(source, str(page), "exec"), names)  # the project's own pages
        assertions += block[1].count("assert ")
    assert assertions
