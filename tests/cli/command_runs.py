"""What a run of the command gives back."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import exact_json

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Run:
    """Exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document that standard output holds."""
        assert self.out.endswith("\n")
        assert 1 == self.out.count("\n")
        return exact_json.parse(self.out)

    @property
    def problems(self) -> list[str]:
        """The codes on standard error of a run with `--json`."""
        return [problem["code"] for problem in exact_json.parse(self.err)["problems"]]


def environment(home: Path, **more: str) -> dict[str, str]:
    """An environment without our settings but for the home directory and what is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BYLAW_")}
    return {**kept, "PYTHONPATH": str(ROOT), "BYLAW_HOME": str(home), **more}
