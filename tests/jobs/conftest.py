"""Fixtures of the workers' tests; what they give is in `job_plant`."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from job_plant import LEADS, ORGANISATION, Plant, lead

from adapters.wiring import Settings, Texts, build, now
from engine.records import Record


@pytest.fixture
def make_plant(tmp_path: Path, redis_url: str, texts: Texts) -> Iterator[Callable[[str], Plant]]:
    plants: list[Plant] = []

    def make(name: str) -> Plant:
        settings = Settings.from_environment({"BYLAW_HOME": str(tmp_path / name), "BYLAW_REDIS_URL": redis_url})
        plant = Plant(settings, build(settings, texts=texts))
        plants.append(plant)
        with plant.ports.store.transaction() as transaction:
            fields = {"name": "Org", "currency": "USD", "example": False}
            transaction.insert(Record("organisation", ORGANISATION, ORGANISATION, fields))
            for number in range(LEADS):
                transaction.insert(lead(number))
        assert () == plant.wiring.seed(ORGANISATION, now()).problems
        return plant

    yield make
    for plant in plants:
        for worker in plant.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGKILL)
            worker.wait()
            assert worker.stderr is not None
            worker.stderr.close()
        plant.wiring.close()


@pytest.fixture
def plant(make_plant: Callable[[str], Plant], real: Callable[[str], None]) -> Plant:
    real("RQ worker")
    return make_plant("plant")
