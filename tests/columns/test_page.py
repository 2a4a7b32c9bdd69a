"""The page about populations cannot lag: its examples are run in order."""

from __future__ import annotations

import re
from pathlib import Path

from test_decisions import ROOT, rule_set


def test_the_examples_on_the_page_run() -> None:
    """Every example of docs/populations.md runs, and what it asserts holds."""
    page = (ROOT / "docs" / "populations.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(examples) == 3
    names = {"rule_set": rule_set(Path(ROOT / "rules" / "lead-priority" / "inbound@3.yaml"))}
    for example in examples:
        exec(example, names)
    assert names["decisions"].share_recomputed == 0.25
