"""A runner in a process of its own, for an engine that may hang or take the whole process with it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.contest import CannotError, Entrant, Here, reason

PATIENCE_SECONDS = 20.0


class Apart:
    """Prepared and measured by `Here` on the other side; only times and answers come back."""

    def __init__(self, entrant: Entrant, inputs: Sequence[Any]) -> None:
        """Start the process and wait until it is prepared. Raises `CannotError` with what it says, or if it dies."""
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, entrant, inputs), daemon=True)
        self._process.start()
        theirs.close()
        try:
            self.prepared: int = self._answer()
        except CannotError:
            self.close()
            raise

    def round(self, count: int) -> tuple[list[int], list[Any]]:
        """Raises `CannotError` if the process says so, dies or takes longer than `PATIENCE_SECONDS`."""
        self._ours.send(count)
        taken, answers = self._answer()
        return taken, answers

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._ours.close()

    def _answer(self) -> Any:
        if not self._ours.poll(PATIENCE_SECONDS):
            raise CannotError(f"no answer within {PATIENCE_SECONDS:.0f} s")
        try:
            found = self._ours.recv()
        except EOFError:
            self._process.join(5)
            raise CannotError(f"its process ended with {self._process.exitcode}") from None
        if isinstance(found, str):
            raise CannotError(found)
        return found


def _serve(theirs: Connection, entrant: Entrant, inputs: Sequence[Any]) -> None:
    """The other side: a text is why it cannot go on."""
    try:
        runner = Here(entrant, inputs)
        theirs.send(runner.prepared)
        while True:
            theirs.send(runner.round(theirs.recv()))
    except EOFError:
        return
    except BaseException as error:  # noqa: BLE001  # whatever the peer raises is the reason
        theirs.send(reason(error))
