"""A scheduler that lets several tasks go on in turns that a seed decides: each turn ends where a store is asked."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

PATIENCE_SECONDS = 60
READS = ("get", "find", "scan", "count", "tally")


class Turns:
    """Runs tasks in threads of which exactly one goes on at any time; the seed decides which one is next."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # a seeded schedule, no secret
        self._go: dict[int, threading.Semaphore] = {}
        self._back = threading.Semaphore(0)
        self.failures: list[BaseException] = []

    def run(self, tasks: Sequence[Callable[[], object]]) -> None:
        """Let all tasks go on in turns until each has ended. Raises the first failure of a task."""
        threads = [threading.Thread(target=self._work, args=(task,), daemon=True) for task in tasks]
        for thread in threads:
            thread.start()
            assert self._back.acquire(timeout=PATIENCE_SECONDS), "a task did not begin"
        going = dict(self._go)
        while going:
            chosen = self._chance.choice(sorted(going))
            going[chosen].release()
            assert self._back.acquire(timeout=PATIENCE_SECONDS), "a task waits for something outside its turns"
            going = {name: gate for name, gate in going.items() if name in self._go}
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        if self.failures:
            raise self.failures[0]

    def point(self) -> None:
        """A place where another task may go on; nothing outside of `run`."""
        gate = self._go.get(threading.get_ident())
        if gate is not None:
            self._back.release()
            gate.acquire()

    def _work(self, task: Callable[[], object]) -> None:
        mine = threading.get_ident()
        gate = self._go[mine] = threading.Semaphore(0)
        self._back.release()
        gate.acquire()
        try:
            task()
        except BaseException as error:  # noqa: BLE001  # raised again where the tasks were started
            self.failures.append(error)
        finally:
            del self._go[mine]
            self._back.release()


class Turned:
    """A store that ends the turn before and after every question, and before a transaction and after its commit."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.turns: Turns | None = None

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return self._asked(found) if name in READS else found

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """One of the store; writers wait for each other outside of turns, so nobody's turn ends within."""
        self._point()
        with self._store.transaction() as transaction:
            yield transaction
        self._point()

    def _asked(self, question: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*given: Any, **named: Any) -> Any:
            self._point()
            answer = question(*given, **named)
            self._point()
            return answer

        return asked

    def _point(self) -> None:
        if self.turns is not None:
            self.turns.point()
