"""The shipped policies."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.policy import Policies

FOLDER = Path(__file__).resolve().parents[2] / "policies"


@pytest.fixture(scope="session")
def policy_texts() -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(FOLDER.glob("*.polar"))}


@pytest.fixture(scope="session")
def policies(policy_texts: dict[str, str]) -> Policies:
    return Policies.load(policy_texts)


@pytest.fixture(scope="session")
def policy_tests() -> dict[str, str]:
    return {path.relative_to(FOLDER).as_posix(): path.read_text() for path in sorted(FOLDER.glob("*/*.yaml"))}


@pytest.fixture(scope="session")
def few(policy_texts: dict[str, str]) -> dict[str, str]:
    """The matrix with the row of leads alone."""
    row = next(line for line in policy_texts["records.polar"].splitlines() if "Lead)" in line)
    return {"matrix.polar": policy_texts["matrix.polar"], "records.polar": row}
