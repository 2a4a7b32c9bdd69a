"""Doing something as if: everything is checked and refused as it would be, and nothing of it stays.

For asking whether a request would be refused now, of whoever would answer it: no list of its checks can fall behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

from engine.ports import AuditDraft, Message, Ports, Queue, Reader, Store, Transaction

_READING = frozenset(vars(Reader))
"""Whatever else a transaction offers changes something."""


def rehearsed(ports: Ports) -> Ports:
    """The same ports, but what is written is taken back when its transaction ends, and nothing reaches the queue.

    What stays is the log's entry of a denial: whoever was denied in the rehearsal was denied.
    """
    store, queue = cast("Store", _Store(ports.store)), cast("Queue", _Queue(ports.queue))
    return replace(ports, store=store, queue=queue, library=ports.library.apart())


class _TakenBackError(Exception):
    """Ends a transaction that shall leave nothing."""


class _Store:
    def __init__(self, behind: Store) -> None:
        self._behind = behind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        try:
            with self._behind.transaction() as real:
                rehearsing = _Transaction(real)
                yield cast("Transaction", rehearsing)
                if rehearsing.changed:
                    raise _TakenBackError
        except _TakenBackError:
            return

    def mark_delivered(self, message_id: str) -> None:
        """Nothing was delivered."""


class _Transaction:
    """A transaction that notes whether it holds anything but the entry of a denial."""

    def __init__(self, behind: Transaction) -> None:
        self._behind = behind
        self.changed = False

    def __getattr__(self, name: str) -> Any:
        self.changed = self.changed or name not in _READING
        return getattr(self._behind, name)

    def append_audit(self, draft: AuditDraft) -> int:
        self.changed = self.changed or draft.outcome != "denied"
        return self._behind.append_audit(draft)


class _Queue:
    def __init__(self, behind: Queue) -> None:
        self._behind = behind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)

    def deliver(self, message: Message) -> None:
        """Nobody waits for it."""
