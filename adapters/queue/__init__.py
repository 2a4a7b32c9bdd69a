"""The queue port's adapters: memory (the reference, for tests) and RQ; both pass one conformance suite."""

from adapters.queue.memory import MemoryQueue
from adapters.queue.rq_queue import QUEUE_NAME, TASK, RqQueue

__all__ = ["QUEUE_NAME", "TASK", "MemoryQueue", "RqQueue"]
