"""`bylaw tables` and `bylaw dmn export|import`: what they write and when they write nothing."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_runs import ROOT, Run

Bylaw = Callable[..., Run]
LIMITS = ROOT / "rules" / "decision" / "discount-limits@1.yaml"


@pytest.fixture
def limits(tmp_path: Path) -> Path:
    """A copy of the shipped matrix with its CSV."""
    shutil.copy(LIMITS.with_suffix(".csv"), tmp_path)
    return Path(shutil.copy(LIMITS, tmp_path))


def test_a_table_goes_to_a_spreadsheet_and_back(bylaw: Bylaw, limits: Path, tmp_path: Path) -> None:
    """Exported, imported as a whole and imported into its own file, the rules stay what they were."""
    book, made = tmp_path / "limits.xlsx", tmp_path / "whole" / "discount-limits@1.yaml"
    made.parent.mkdir()
    before = limits.with_suffix(".csv").read_bytes()
    assert (0, "", "") == tuple(vars(bylaw("tables", "export", limits, book))[name] for name in ("code", "out", "err"))
    assert 0 == bylaw("tables", "import", book, "--out", made).code
    assert "5 tests passed, 0 failed; no problem" in bylaw("check", made).out
    found = bylaw("tables", "import", book, "--into", limits)
    assert (0, True) == (found.code, "wrote 240 rows" in found.err)
    assert before == limits.with_suffix(".csv").read_bytes()


def test_rows_that_are_not_right_change_nothing(bylaw: Bylaw, limits: Path, tmp_path: Path) -> None:
    """A gap is only doubtful, but rows that overlap or cannot be read leave the file as it was."""
    table = limits.with_suffix(".csv")
    before = table.read_text(encoding="utf-8")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(before.replace("dach,platform,< 10000", "dach,platform,< 1OO00", 1), encoding="utf-8")
    found = bylaw("tables", "import", wrong, "--into", limits)
    assert (1, True, True) == (found.code, "nothing was written" in found.err, "1OO00" in found.err)
    assert before == table.read_text(encoding="utf-8")
    wrong.write_text("\n".join(before.splitlines()[:20]), encoding="utf-8")
    found = bylaw("tables", "import", wrong, "--into", limits)
    assert (0, True) == (found.code, "warning: " in found.err)
    assert 20 == len(table.read_text(encoding="utf-8").splitlines())


def test_a_table_goes_to_csv(bylaw: Bylaw, limits: Path, tmp_path: Path) -> None:
    """Its rows as `rows_file` would name them; another ending is refused."""
    out = tmp_path / "rows.csv"
    assert 0 == bylaw("tables", "export", limits, out).code
    assert limits.with_suffix(".csv").read_bytes() == out.read_bytes()
    assert 2 == bylaw("tables", "export", limits, tmp_path / "rows.ods").code


def test_texts_that_a_spreadsheet_would_run_are_told(bylaw: Bylaw, limits: Path, tmp_path: Path) -> None:
    """An exported CSV keeps a text that begins like a formula, and says which row a spreadsheet would run."""
    table = limits.with_suffix(".csv")
    lines = table.read_text(encoding="utf-8").splitlines()
    lines[1] = re.sub(r',"[^"]*"$', ",=1+1", lines[1])
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = bylaw("tables", "export", limits, tmp_path / "rows.csv")
    assert (0, lines[1]) == (found.code, (tmp_path / "rows.csv").read_text(encoding="utf-8").splitlines()[1])
    assert f"runs a text of the row `{lines[1].partition(',')[0]}` as a formula" in found.err
    assert "" == bylaw("tables", "export", limits, tmp_path / "rows.xlsx").err


def test_a_model_becomes_rules_and_a_schema(bylaw: Bylaw, limits: Path, tmp_path: Path) -> None:
    """An exported model comes back as a file that `check` accepts; a folder that is not there is told."""
    model, made = tmp_path / "limits.dmn", tmp_path / "back.yaml"
    assert 0 == bylaw("dmn", "export", limits, "--out", model).code
    found = bylaw("dmn", "import", model, "--out", made, "--schema", tmp_path / "facts.json")
    assert (0, True) == (found.code, (tmp_path / "facts.json").is_file())
    assert "1 rule file, 0 tests passed, 0 failed; no problem" in bylaw("check", made).out
    assert 3 == bylaw("dmn", "export", limits, "--out", tmp_path / "nowhere" / "limits.dmn").code
    assert 2 == bylaw("dmn", "import", model, "--from", "tomorrow").code
