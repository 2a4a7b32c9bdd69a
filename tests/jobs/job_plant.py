"""A small organisation in a real database, a real queue, and real workers on both."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from adapters.wiring import Settings, Wiring, now
from engine.caller import Caller
from engine.predicate import Always
from engine.records import Record
from engine.service.directory import service_actor
from engine.service.jobs import ENDED, run_job
from engine.service.leads import start_scoring

ROOT = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).with_name("small_chunks_worker.py")
ORGANISATION = "org"
LEADS = 300
PATIENCE_SECONDS = 60


def lead(number: int) -> Record:
    """Leads of every band, and every tenth without any fact."""
    facts = {} if number % 10 == 0 else {"employees": Decimal(number * 5), "industry": ("retail", "other")[number % 2]}
    fields = {"name": f"Lead {number}", "facts_schema": "lead/2", "facts": facts, "score_state": "waiting"}
    return Record("lead", f"lead-{number:04}", ORGANISATION, fields)


@dataclass
class Plant:
    """Everything that a test of the workers needs."""

    settings: Settings
    wiring: Wiring
    workers: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def ports(self):
        return self.wiring.ports

    def caller(self) -> Caller:
        return Caller(service_actor(ORGANISATION), now(), "cli", "test")

    def start_worker(self, **environment: str) -> subprocess.Popen[str]:
        variables = {**os.environ, **self.settings.environment(), "PYTHONPATH": str(ROOT), **environment}
        worker = subprocess.Popen([sys.executable, str(WORKER)], env=variables, stderr=subprocess.PIPE, text=True)
        self.workers.append(worker)
        return worker

    def start_job(self) -> str:
        return start_scoring(self.ports, self.caller()).id

    def job(self, job_id: str) -> Record:
        return self.ports.store.get("job", job_id, Always())

    def wait(self, job_id: str, condition: Callable[[Record], bool]) -> Record:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition(job := self.job(job_id)):
            assert time.monotonic() < deadline, f"still {job['state']} after {job['done']}: {job['message']}"
            time.sleep(0.03)
        return job

    def wait_half_way(self, job_id: str) -> Record:
        return self.wait(job_id, lambda job: (job["done"] or 0) >= LEADS // 3)

    def wait_for_end(self, job_id: str) -> Record:
        return self.wait(job_id, lambda job: job["state"] in ENDED)

    def run_here(self, job_id: str) -> Record:
        return run_job(self.ports, job_id, clock=now, worker="test")

    def leads(self) -> dict[str, tuple[object, ...]]:
        """What was decided about every lead."""
        names = ("score_state", "score", "band", "scored_by", "revision")
        found = self.ports.store.scan("lead", Always())
        return {lead.id: tuple(lead.values().get(name) for name in names) for lead in found}

    def decisions(self) -> list[str]:
        """The leads that stored decisions are about: each once if nothing was doubled."""
        return sorted(decision["subject_id"] for decision in self.ports.store.scan("decision", Always()))

    def chunks(self) -> list[tuple[str, str, int]]:
        """The audit entries of the job's chunks: first lead, last lead, how many were changed."""
        entries = [entry for entry in self.ports.store.scan("audit_entry", Always()) if entry["action"] == "score"]
        parts = [entry["changes"]["leads"] for entry in entries]
        return sorted((part["first"], part["last"], int(part["changed"])) for part in parts)

    def actions(self) -> list[str]:
        """The audit log's other actions about jobs, in order."""
        entries = sorted(self.ports.store.scan("audit_entry", Always()), key=lambda entry: entry["sequence"])
        return [entry["action"] for entry in entries if entry["record_type"] == "job" and entry["action"] != "score"]
