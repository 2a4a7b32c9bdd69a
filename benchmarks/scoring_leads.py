"""Scoring every example lead as the job does it, beside the engine's part of it alone."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from adapters.wiring import Settings, build, now
from benchmarks.results import OURS, Absence, Line, Section, Tally
from engine.caller import Caller
from engine.ports import Ports
from engine.predicate import Compare
from engine.records import Record
from engine.service.directory import service_actor
from engine.service.importing import default_organisation, import_leads
from engine.service.jobs import run_job
from engine.service.leads import start_scoring
from engine.service.scoring import Scorer

ROOT = Path(__file__).resolve().parent.parent
MAPPING = "xeducation-leads"


def job(limit: int | None) -> Section:
    """A lead's share of the job's processor time, beside the engine's decision alone, over the file's first leads."""
    measured = measure(limit)
    if measured is None:
        absence = Absence(OURS, "the leads of X Education are not at hand (BYLAW_SHARED)")
        return Section("scoring job", "Scoring leads as a job", "us", (), (absence,))
    whole, engine, leads, wrong = measured
    lines = (
        Line(OURS, "the job: read, decide, store, audit", [whole // leads], {"": Tally(leads, wrong)}),
        Line(OURS, "the decision alone", [engine // leads], {"": Tally(leads, 0)}),
    )
    return Section("scoring job", f"Scoring {leads:,} leads as a job, processor time of one lead", "us", lines)


def measure(limit: int | None) -> tuple[int, int, int, int] | None:
    """Processor nanoseconds of the job and of its decisions, leads, and leads whose score is not the decision's.

    None where the leads' file is not at hand.
    """
    shared = Path(os.environ.get("BYLAW_SHARED", ROOT.parent / "shared"))
    file = shared / "data" / "xeducation-leads" / "Leads.csv"
    if not file.exists():
        return None
    with tempfile.TemporaryDirectory() as home:
        settings = Settings.from_environment({"BYLAW_HOME": home})
        with build(settings) as wiring:
            at = now()
            mapping = (ROOT / "schemas" / "mappings" / f"{MAPPING}.yaml").read_bytes()
            organisation = default_organisation(wiring.ports, mapping, MAPPING)
            caller = Caller(service_actor(organisation), at, "cli", "benchmark")
            import_leads(wiring.ports, caller, _first(file, limit), mapping)
            wiring.seed(organisation, at)
            job = start_scoring(wiring.ports, caller)
            start = time.process_time_ns()
            run_job(wiring.ports, job.id, clock=now, worker="benchmark")
            whole = time.process_time_ns() - start
            return whole, *_alone(wiring.ports, caller, job)


def _first(file: Path, limit: int | None) -> bytes:
    """The heading and the first leads."""
    lines = file.read_bytes().splitlines(keepends=True)
    return b"".join(lines if limit is None else lines[: limit + 1])


def _alone(ports: Ports, caller: Caller, job: Record) -> tuple[int, int, int]:
    mine = Compare("organisation_id", "=", caller.actor.organisation_id)
    leads = list(ports.store.scan("lead", mine))
    at = job["created_at"] or caller.now
    scorer = Scorer.prepare(ports, caller, at=at, as_of=at, rule_set=None)
    start = time.process_time_ns()
    found = [scorer.decide(lead).outcome["score"] for lead in leads]
    engine = time.process_time_ns() - start
    return engine, len(leads), sum(lead["score"] != score for lead, score in zip(leads, found, strict=True))
