"""Real workers on a real queue: what they do, and what killing them at the worst moment does not do."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from job_plant import LEADS, ORGANISATION, Plant
from redis import Redis
from small_chunks_worker import LEADS_PER_CHUNK, make_small

from adapters.signing import is_signed_by
from engine.audit.note import open_checkpoint
from engine.ports import Message
from engine.predicate import Always
from engine.service import incentive_run, jobs, scoring
from engine.service.checkpoints import last_checkpoint
from engine.service.jobs import cancel_job, deliver_pending

CHUNKS = LEADS // LEADS_PER_CHUNK


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same small chunks in this process as in the workers."""
    for module, name in ((scoring, "CHUNK"), (incentive_run, "PAYEES_PER_CHUNK"), (jobs, "LEASE")):
        monkeypatch.setattr(module, name, getattr(module, name))
    make_small()


@pytest.fixture
def undisturbed(small: None, make_plant: Callable[[str], Plant]) -> Plant:
    """The same organisation after the same job, done in one go in this process."""
    plant = make_plant("undisturbed")
    plant.run_here(plant.start_job())
    return plant


def children_of(worker: subprocess.Popen[str]) -> list[int]:
    """The processes that the worker started: RQ's scheduler and, while it works on a job, the work horse."""
    return [int(child) for child in Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()]


def horse_of(worker: subprocess.Popen[str]) -> int:
    """The process that works on the job: the worker's child that leads a process group of its own."""
    return next(child for child in children_of(worker) if os.getpgid(child) == child)


def ended(process: int) -> bool:
    """Whether a process is no more, or only waits for somebody to ask how it ended."""
    try:
        return "Z" == Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True


def same_result(plant: Plant, undisturbed: Plant) -> None:
    """Every lead as in the undisturbed run and touched once, every chunk and every decision there exactly once."""
    assert undisturbed.leads() == plant.leads()
    assert undisturbed.decisions() == plant.decisions()
    assert undisturbed.chunks() == plant.chunks()
    assert len(set(plant.decisions())) == len(plant.decisions())


def without_times(result: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in result.items() if name not in {"at", "as_of", "release"}}


def test_worker_does_the_work(plant: Plant, undisturbed: Plant) -> None:
    """A worker that finds a message does the job, with the same result as the same use case called directly."""
    job_id = plant.start_job()
    deliver_pending(plant.ports)
    plant.start_worker()
    job = plant.wait_for_end(job_id)
    assert ("succeeded", LEADS, 1) == (job["state"], job["done"], job["attempts"])
    assert without_times(undisturbed.job(next(iter(jobs_of(undisturbed))))["result"]) == without_times(job["result"])
    same_result(plant, undisturbed)


def jobs_of(plant: Plant) -> list[str]:
    return [job.id for job in plant.ports.store.scan("job", Always())]


def test_outbox_is_swept(plant: Plant) -> None:
    """A message that nobody delivered is delivered by an idle worker."""
    worker = plant.start_worker()
    assert "waiting for jobs" == worker.stderr.readline().strip()
    assert "succeeded" == plant.wait_for_end(plant.start_job())["state"]
    assert () == plant.ports.store.pending_messages()


def test_killed_work_horse(plant: Plant, undisturbed: Plant) -> None:
    """When the process that works on a job is killed half way, the job is taken up again and nothing is doubled."""
    job_id = plant.start_job()
    worker = plant.start_worker()
    plant.wait_half_way(job_id)
    os.kill(horse_of(worker), signal.SIGKILL)
    job = plant.wait_for_end(job_id)
    assert ("succeeded", 2) == (job["state"], job["attempts"])
    same_result(plant, undisturbed)
    assert ["start", "finish"] == plant.actions()


def test_killed_worker(plant: Plant, undisturbed: Plant) -> None:
    """When a whole worker is killed half way, its work horse and scheduler die too and another worker goes on."""
    job_id = plant.start_job()
    worker = plant.start_worker()
    plant.wait_half_way(job_id)
    children = children_of(worker)
    worker.kill()
    worker.wait()
    done = plant.job(job_id)["done"]
    plant.start_worker()
    job = plant.wait_for_end(job_id)
    assert [True, True] == [ended(child) for child in children]
    assert 0 < done < LEADS
    assert ("succeeded", 2) == (job["state"], job["attempts"])
    same_result(plant, undisturbed)


def test_stopped_worker(plant: Plant, undisturbed: Plant) -> None:
    """A worker that is asked to stop ends after its present chunk, and another one finishes the job."""
    job_id = plant.start_job()
    worker = plant.start_worker()
    plant.wait_half_way(job_id)
    worker.terminate()
    assert 0 == worker.wait(timeout=20)
    assert "running" == plant.job(job_id)["state"]
    plant.start_worker()
    assert "succeeded" == plant.wait_for_end(job_id)["state"]
    same_result(plant, undisturbed)


def test_cancelled_half_way(plant: Plant, undisturbed: Plant) -> None:
    """A cancelled job stops after its present chunk; what it did stays, once, and the rest is untouched."""
    job_id = plant.start_job()
    plant.start_worker()
    plant.wait_half_way(job_id)
    cancel_job(plant.ports, plant.caller(), job_id)
    job = plant.wait_for_end(job_id)
    assert "cancelled" == job["state"]
    done, expected = int(job["done"]), undisturbed.leads()
    assert 0 < done < LEADS
    for number, (lead_id, found) in enumerate(plant.leads().items()):
        assert found == (expected[lead_id] if number < done else ("waiting", None, None, None, 1))
    assert undisturbed.chunks()[: done // LEADS_PER_CHUNK] == plant.chunks()


def test_message_delivered_twice(plant: Plant, undisturbed: Plant) -> None:
    """A message that comes again after its job has ended changes nothing."""
    job_id = plant.start_job()
    (message,) = plant.ports.store.pending_messages()
    plant.start_worker()
    before = plant.wait_for_end(job_id)
    again = Message(f"{message.id}-again", message.organisation_id, message.topic, message.payload, message.created_at)
    plant.ports.queue.deliver(again)
    deadline = time.monotonic() + 30
    while plant.ports.queue.find(again.id).get_status() != "finished" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "ended before" == plant.ports.queue.find(again.id).return_value()
    assert before == plant.job(job_id)
    same_result(plant, undisturbed)


def test_two_workers(plant: Plant, undisturbed: Plant) -> None:
    """Two workers that get the same job do it once."""
    job_id = plant.start_job()
    (message,) = plant.ports.store.pending_messages()
    for suffix in ("a", "b"):
        plant.ports.queue.deliver(
            Message(message.id + suffix, message.organisation_id, message.topic, message.payload, message.created_at)
        )
    plant.start_worker()
    plant.start_worker()
    assert 1 == plant.wait_for_end(job_id)["attempts"]
    same_result(plant, undisturbed)


def test_job_of_a_lost_database(plant: Plant) -> None:
    """A message whose job is not in the database is put aside with a sentence, not tried for ever."""
    plant.ports.queue.deliver(Message("m", "org", "job", {"job_id": "job-gone"}, plant.caller().now))
    plant.start_worker()
    deadline = time.monotonic() + 30
    while plant.ports.queue.find("m").get_status() != "finished" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "gone" == plant.ports.queue.find("m").return_value()


def test_workers_are_counted(plant: Plant) -> None:
    """A worker is counted while it lives, and no longer after a clean stop."""
    worker = plant.start_worker()
    assert "waiting for jobs" == worker.stderr.readline().strip()
    deadline = time.monotonic() + 30
    while not plant.ports.queue.workers() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert 1 == plant.ports.queue.workers()
    worker.terminate()
    assert 0 == worker.wait(timeout=20)
    assert 0 == plant.ports.queue.workers()


def test_an_idle_worker_signs_checkpoints(plant: Plant) -> None:
    """A worker that waits signs a checkpoint of the log when one is due, with the key in the home directory."""
    plant.run_here(plant.start_job())
    plant.start_worker(BYLAW_AUDIT_SECONDS="1")
    deadline = time.monotonic() + 30
    while (made := last_checkpoint(plant.ports, ORGANISATION)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert made is not None
    opened = open_checkpoint(made["note"], plant.wiring.signer.key(ORGANISATION), is_signed_by)
    assert (opened.size, opened.root.hex()) == (made["size"], made["root"])


def test_worker_without_a_queue(plant: Plant) -> None:
    """A worker that cannot reach its queue ends at once with code 5 and one sentence."""
    worker = plant.start_worker(BYLAW_REDIS_URL="redis://127.0.0.1:1/0")
    assert 5 == worker.wait(timeout=30)
    assert worker.stderr.read().startswith("queue.unavailable: the queue server does not answer")


def test_worker_before_the_database(plant: Plant) -> None:
    """A worker that starts before its database exists makes it and waits."""
    home = plant.settings.home.parent / "new"
    url = f"sqlite:///{home / 'bylaw.sqlite3'}"
    worker = plant.start_worker(BYLAW_HOME=str(home), BYLAW_DATABASE_URL=url)
    assert "waiting for jobs" == worker.stderr.readline().strip()
    deadline = time.monotonic() + 30
    while not (home / "bylaw.sqlite3").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (home / "bylaw.sqlite3").exists()
    assert worker.poll() is None


def test_queue_holds_no_pickles(plant: Plant, redis_url: str) -> None:
    """What waits in the queue is JSON: a queue that somebody else could write to makes no worker run their code."""
    plant.start_job()
    deliver_pending(plant.ports)
    connection = Redis.from_url(redis_url)
    (key,) = connection.keys("rq:job:*")
    assert b"jobs.tasks.run" in zlib.decompress(connection.hget(key, "data"))


def test_stopped_before_it_began(plant: Plant) -> None:
    """A stop signal that comes while a worker is still starting ends it cleanly, and leaves nothing registered."""
    for _ in range(3):
        worker = plant.start_worker()
        assert "waiting for jobs" == worker.stderr.readline().strip()
        worker.terminate()
        assert 0 == worker.wait(timeout=20)
    assert 0 == plant.ports.queue.workers()
