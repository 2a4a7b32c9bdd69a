"""Messages as RQ jobs: the message's id is the job's id, so that delivering twice queues once.

The task is named, not imported: the worker's side (`jobs.tasks`) depends on this package and not the reverse. Arguments
travel as JSON, never as pickles.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rq import Queue as Rq
from rq import Retry, worker_registration
from rq.exceptions import DuplicateJobError
from rq.serializers import JSONSerializer

from adapters.redis_connection import as_unavailable
from engine.ports import Message

if TYPE_CHECKING:
    from redis import Redis
    from rq.job import Job

QUEUE_NAME = "bylaw"
TASK = "jobs.tasks.run"

NO_TIMEOUT = -1
"""A job is as long as its population; a dead worker is told from a slow one by the lease on the job's record."""

KEPT_SECONDS = 24 * 3_600
"""How long a finished message stays known, so that a late second delivery is recognised."""

RETRY_SECONDS = (2, 10, 60)
"""Pauses before a message is tried again, when the work could not even start (the database was away)."""

ALIVE_SECONDS = 20
"""A worker beats every five seconds, idle or busy; one that was silent this long is not counted."""

UNAVAILABLE = "queue.unavailable"


class RqQueue:
    """See `engine.ports.Queue`. Safe to share between threads; each process makes its own."""

    def __init__(self, connection: Redis) -> None:
        self._redis = connection
        self._queue = Rq(QUEUE_NAME, connection=connection, serializer=JSONSerializer)

    def deliver(self, message: Message) -> None:
        """See `engine.ports.Queue`."""
        with as_unavailable(UNAVAILABLE):
            try:
                self._queue.enqueue(
                    TASK,
                    args=(message.id, dict(message.payload)),
                    job_id=message.id,
                    unique=True,
                    description=f"{message.topic} {' '.join(message.payload.values())}",
                    job_timeout=NO_TIMEOUT,
                    result_ttl=KEPT_SECONDS,
                    failure_ttl=KEPT_SECONDS,
                    retry=Retry(max=len(RETRY_SECONDS), interval=list(RETRY_SECONDS)),
                )
            except DuplicateJobError:
                return

    def find(self, message_id: str) -> Job | None:
        """The RQ job of a message, for tests and for people who look into the queue."""
        return self._queue.fetch_job(message_id)

    def ping(self) -> None:
        """See `engine.ports.Queue`."""
        with as_unavailable(UNAVAILABLE):
            self._redis.ping()

    def workers(self) -> int:
        """See `engine.ports.Queue`."""
        with as_unavailable(UNAVAILABLE):
            keys = worker_registration.get_keys(queue=self._queue)
            with self._redis.pipeline(transaction=False) as pipeline:
                for key in keys:
                    pipeline.hget(key, "last_heartbeat")
                beats = pipeline.execute()
        # A killed worker stays registered for minutes: only a heartbeat shows that one is alive.
        oldest = datetime.now(UTC) - timedelta(seconds=ALIVE_SECONDS)
        return sum(beat is not None and _instant(beat) >= oldest for beat in beats)


def _instant(text: bytes | str) -> datetime:
    written = datetime.fromisoformat(text.decode("ascii") if isinstance(text, bytes) else text)
    return written if written.tzinfo else written.replace(tzinfo=UTC)
