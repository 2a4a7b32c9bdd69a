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
    return {path.relative_to(FOLDER).as_posix(): path.read_text() for path in sorted(FOLDER.rglob("*.yaml"))}
