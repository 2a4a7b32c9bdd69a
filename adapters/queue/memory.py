"""The reference: messages wait in this process, in the order they came, until somebody takes them."""

from __future__ import annotations

import threading
from collections import deque

from engine.ports import Message


class MemoryQueue:
    """See `engine.ports.Queue`. `take` is what a worker would do."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self._waiting: deque[Message] = deque()

    def deliver(self, message: Message) -> None:
        """See `engine.ports.Queue`."""
        with self._lock:
            if message.id not in self._known:
                self._known.add(message.id)
                self._waiting.append(message)

    def ping(self) -> None:
        """See `engine.ports.Queue`."""

    def workers(self) -> int:
        """Nobody works in the background here."""
        return 0

    def waiting(self) -> tuple[Message, ...]:
        """The messages that nobody has taken, oldest first."""
        with self._lock:
            return tuple(self._waiting)

    def take(self) -> Message | None:
        """The oldest waiting message, or None."""
        with self._lock:
            return self._waiting.popleft() if self._waiting else None
