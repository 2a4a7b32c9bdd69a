"""The public DMN compatibility kit, run from where it lies: every case of both levels."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path

import pytest

from cli.dmn_kit import csv_text, run_folders

AT = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)


@pytest.mark.parametrize(("level", "cases"), [(2, 81), (3, 2101)])
def test_every_case_of_the_kit_passes(shared: Path, level: int, cases: int) -> None:
    """No case of the kit fails, and none is left out."""
    results = run_folders([shared / "dmn-tck" / f"compliance-level-{level}"], AT, lambda *_: None)
    failed = {
        f"{file.path.stem} {case.case}: {case.detail}" for file in results for case in file.cases if not case.passed
    }
    assert set() == failed
    assert cases == sum(len(file.cases) for file in results)


def test_results_are_written_in_the_kits_own_columns(shared: Path) -> None:
    """The table has folder, test file, case, result and detail, all quoted, as the kit publishes them."""
    results = run_folders([shared / "dmn-tck" / "compliance-level-2" / "0004-simpletable-U"], AT, lambda *_: None)
    rows = list(csv.reader(io.StringIO(csv_text(results))))
    assert [
        ["compliance-level-2/0004-simpletable-U", "0004-simpletable-U-test-01", case, "SUCCESS", ""]
        for case in ("001", "002", "003")
    ] == rows
