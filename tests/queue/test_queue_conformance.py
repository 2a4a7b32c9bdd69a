"""One suite for every adapter of the queue port; memory is the reference."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from redis import Redis

from adapters.queue import QUEUE_NAME, TASK, MemoryQueue, RqQueue
from engine.ports import Message, Queue
from engine.problems import UnavailableError


class Waiting:
    """A queue under test, and the ids that wait in it, in order."""

    def __init__(self, queue: Queue, ids: Callable[[], list[str]]) -> None:
        self.queue, self.ids = queue, ids


@pytest.fixture(params=["memory", "rq"])
def waiting(request: pytest.FixtureRequest) -> Waiting:
    if request.param == "memory":
        memory = MemoryQueue()
        return Waiting(memory, lambda: [message.id for message in memory.waiting()])
    connection = Redis.from_url(request.getfixturevalue("redis_url"))
    return Waiting(
        RqQueue(connection), lambda: [one.decode() for one in connection.lrange(f"rq:queue:{QUEUE_NAME}", 0, -1)]
    )


def message(message_id: str = "job-1-start") -> Message:
    return Message(message_id, "org", "job", {"job_id": "job-1"}, datetime(2026, 11, 2, tzinfo=UTC))


def test_twice_is_once(waiting: Waiting) -> None:
    """Delivering the same message twice queues it once."""
    waiting.queue.deliver(message())
    waiting.queue.deliver(message())
    assert ["job-1-start"] == waiting.ids()


def test_order(waiting: Waiting) -> None:
    """Messages wait in the order of their delivery."""
    for name in ("b", "a", "c"):
        waiting.queue.deliver(message(name))
    assert ["b", "a", "c"] == waiting.ids()


def test_ping_and_workers(waiting: Waiting) -> None:
    """A queue that answers says so, and knows that nobody works on it."""
    waiting.queue.ping()
    assert 0 == waiting.queue.workers()


def test_late_second_delivery(redis_url: str) -> None:
    """A message whose work is done stays known, so that a late second delivery does nothing."""
    connection = Redis.from_url(redis_url)
    queue = RqQueue(connection)
    queue.deliver(message())
    connection.lpop(f"rq:queue:{QUEUE_NAME}")
    queue.deliver(message())
    assert 0 == connection.llen(f"rq:queue:{QUEUE_NAME}")


def test_named_task_with_json_arguments(redis_url: str) -> None:
    """A job names its task and carries its arguments as JSON: nothing that a reader would have to unpickle."""
    connection = Redis.from_url(redis_url)
    RqQueue(connection).deliver(message())
    job = RqQueue(connection).find("job-1-start")
    assert job is not None
    assert (TASK, ["job-1-start", {"job_id": "job-1"}]) == (job.func_name, list(job.args))
    assert b"cpickle" not in connection.hget("rq:job:job-1-start", "data")


def test_away(tmp_path: object) -> None:
    """A queue server that is away is an error of its own, without the address, which may hold a password."""
    queue = RqQueue(Redis.from_url("redis://:hidden@127.0.0.1:1/0", socket_connect_timeout=1))
    for ask in (queue.ping, queue.workers, lambda: queue.deliver(message())):
        with pytest.raises(UnavailableError) as raised:
            ask()
        assert "queue.unavailable" == raised.value.code
        assert "hidden" not in str(raised.value)


def test_silent_worker_is_not_counted(redis_url: str) -> None:
    """Only a worker whose heart beat lately is alive; one that was killed stays registered and is not counted."""
    connection = Redis.from_url(redis_url)
    queue = RqQueue(connection)
    for name, beat in (("now", datetime.now(UTC)), ("then", datetime(2020, 1, 1, tzinfo=UTC))):
        connection.sadd(f"rq:workers:{QUEUE_NAME}", f"rq:worker:{name}")
        connection.hset(f"rq:worker:{name}", "last_heartbeat", beat.isoformat().replace("+00:00", "Z"))
    assert 1 == queue.workers()
