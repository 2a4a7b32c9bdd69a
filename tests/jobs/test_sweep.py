"""What an idle worker says about logs that do not add up."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from adapters.wiring import Settings, build, now
from engine.records import Record
from engine.service.auditing import record_attempt
from jobs.worker import Sweep


def attempt(settings: Settings, organisation: str) -> None:
    """One more entry of an organisation's log."""
    with build(settings) as wiring:
        record_attempt(
            wiring.ports,
            at=now(),
            action="session.begin",
            outcome="denied",
            channel="console",
            request_id="r",
            subject=("session", "somebody"),
            organisation_id=organisation,
        )


def test_a_log_that_does_not_add_up_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged log is named once and not every three seconds, and the other organisations' logs are signed."""
    file = tmp_path / "records.db"
    settings = Settings.from_environment({"BYLAW_DATABASE_URL": f"sqlite:///{file}"}, home=tmp_path)
    with build(settings) as wiring, wiring.ports.store.transaction() as transaction:
        for name in ("broken", "good"):
            transaction.insert(Record("organisation", name, name, {"name": name, "currency": "USD", "example": False}))
    for organisation in ("broken", "good"):
        attempt(settings, organisation)
    with closing(sqlite3.connect(file)) as plain:
        plain.execute("DROP TRIGGER audit_head_forward")
        plain.execute("UPDATE audit_head SET frontier = 'x' WHERE organisation_id = 'broken'")
        plain.commit()

    caplog.set_level(logging.INFO, "bylaw.worker")
    sweep = Sweep(settings)
    for _ in range(3):
        sweep()
    said = [(record.levelname, record.getMessage().split("`")[1]) for record in caplog.records]
    assert sorted(said) == [("ERROR", "broken"), ("INFO", "good")]
