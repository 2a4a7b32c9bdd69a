"""The event loop: start programs in order, relay their lines, restart what ends, stop everything when asked."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType

from adapters.supervisor.log import Log
from adapters.supervisor.program import Child, Program, adopt_orphans, children
from engine.problems import Problem, UnavailableError

FAST_FAILURE_SECONDS = 10
FAST_FAILURES = 5
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 8.0
READY_SECONDS = 30
TICK_SECONDS = 0.1
LAST_LINES = 10
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class _Slot:
    """One program over its restarts."""

    program: Program
    child: Child | None = None
    failures: int = 0
    start_at: float = 0.0
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))


class Supervisor:
    """Runs programs until a stop signal. `run` returns the signal's number; it must be called in the main thread.

    `ready` is asked again and again once all have started; `on_ready` is called the first time it says true.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        log: Log,
        *,
        ready: Callable[[], bool] = lambda: True,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._slots = [_Slot(program) for program in programs]
        self._log = log
        self._ready = ready
        self._on_ready = on_ready
        self._selector = selectors.DefaultSelector()
        self._stop: int | None = None
        self._not_ours: frozenset[int] = frozenset()

    def run(self) -> int:
        """Start everything, then keep it running. Raises `UnavailableError` (`up.gave_up`) when that is no use."""
        adopt_orphans(yes=True)
        self._not_ours = frozenset(children())
        with self._signals():
            try:
                self._start_all()
                self._keep_running()
            finally:
                self._end_all()
                adopt_orphans(yes=False)
        return self._stop or 0

    # -- starting

    def _start_all(self) -> None:
        for slot in self._slots:
            self._start(slot)
            deadline = time.monotonic() + READY_SECONDS
            while self._stop is None and not self._is_settled(slot):
                self._turn()
                if not slot.program.once and time.monotonic() > deadline:
                    self._give_up(slot, f"was not ready within {READY_SECONDS} seconds")
            if self._stop is not None:
                return

    def _is_settled(self, slot: _Slot) -> bool:
        if slot.program.once:
            return slot.child is None
        return slot.child is not None and slot.program.ready()

    def _start(self, slot: _Slot) -> None:
        slot.child = Child(slot.program, time.monotonic())
        self._selector.register(slot.child.output, selectors.EVENT_READ, slot)

    # -- running

    def _keep_running(self) -> None:
        told = False
        while self._stop is None:
            self._turn()
            if not told and all(slot.child for slot in self._slots if not slot.program.once) and self._ready():
                told = True
                self._on_ready()

    def _turn(self) -> None:
        """Wait a moment for lines, signals and ended children, then deal with them."""
        for key, _ in self._selector.select(TICK_SECONDS):
            if isinstance(key.data, _Slot):
                self._relay(key.data)
            else:
                with contextlib.suppress(BlockingIOError):
                    os.read(key.fd, 512)
        self._reap()
        if self._stop is None:
            now = time.monotonic()
            for slot in self._slots:
                if slot.child is None and slot.start_at and now >= slot.start_at:
                    slot.start_at = 0.0
                    self._start(slot)

    def _relay(self, slot: _Slot, *, last: bool = False) -> None:
        assert slot.child is not None
        for line in slot.child.lines(last=last):
            slot.last_lines.append(line)
            self._log.line(slot.program.name, line)

    def _reap(self) -> None:
        """Wait for every child that has ended, adopted ones included."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for slot in self._slots:
                if slot.child is not None and slot.child.pid == pid:
                    self._ended(slot, slot.child, os.waitstatus_to_exitcode(status))

    def _ended(self, slot: _Slot, child: Child, exit_code: int) -> None:
        self._relay(slot, last=True)
        self._selector.unregister(child.output)
        child.ended(exit_code)
        child.close()
        slot.child = None
        # Whatever it left in its group must not go on without it: it would hold the socket or do the work twice.
        child.signal(signal.SIGKILL, group=True)
        if self._stop is not None or (slot.program.once and exit_code == 0):
            return
        how = f"ended with code {exit_code}" if exit_code >= 0 else f"was ended by {signal.Signals(-exit_code).name}"
        if slot.program.once:
            self._give_up(slot, how)
        now = time.monotonic()
        slot.failures = slot.failures + 1 if now - child.started < FAST_FAILURE_SECONDS else 1
        if slot.failures >= FAST_FAILURES:
            self._give_up(slot, f"{how}, {FAST_FAILURES} times within seconds of its start")
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (slot.failures - 1), LONGEST_PAUSE_SECONDS)
        slot.start_at = now + pause
        self._log.say(f"{slot.program.name} {how}; starting it again in {pause:g} s")

    def _give_up(self, slot: _Slot, how: str) -> None:
        # Indented lines are help or a traceback's inside; the sentence that matters begins at the margin.
        sentences = [line for line in slot.last_lines if not line[:1].isspace()]
        last = f": {sentences[-1]}" if sentences else ""
        raise UnavailableError(
            Problem(
                "up.gave_up",
                f"`{slot.program.name}` {how}{last}"[:400],
                help="the log above tells more; everything that was started has been stopped",
            )
        )

    # -- ending

    def _end_all(self) -> None:
        """Those that started last end first. Who does not end in its time is killed, with all that it has started."""
        if self._stop is None:
            self._stop = 0
        else:
            self._log.say("stopping")
        for stage in reversed(_stages(self._slots)):
            running = [slot.child for slot in stage if slot.child is not None]
            for child in running:
                child.signal(signal.SIGTERM)
            asked = time.monotonic()
            while any(child.exit_code is None for child in running):
                self._turn()
                late = [child for child in running if time.monotonic() > asked + child.program.grace_seconds]
                for child in late:
                    child.signal(signal.SIGKILL)
        self._end_orphans()
        self._selector.close()

    def _end_orphans(self) -> None:
        """End grandchildren that moved to a group of their own and whose parent is gone."""
        for _ in range(50):
            self._reap()
            left = set(children()) - self._not_ours
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Turn stop signals into a flag, and every signal into a wake-up of the loop."""
        read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(read_end, selectors.EVENT_READ, None)
        before = {number: signal.signal(number, self._stop_requested) for number in STOP_SIGNALS}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _wake_up)
        old_descriptor = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(old_descriptor)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(read_end)
            os.close(write_end)

    def _stop_requested(self, number: int, _: FrameType | None) -> None:
        if self._stop is None:
            self._stop = number  # nothing is written here: the signal may have come in the middle of a line


def _wake_up(_: int, __: FrameType | None) -> None:
    """A child has ended; the wake-up descriptor tells the loop."""


def _stages(slots: Sequence[_Slot]) -> list[list[_Slot]]:
    """What may end together, in the order of starting: foundations end last."""
    foundations = [slot for slot in slots if slot.program.foundation]
    others = [slot for slot in slots if not slot.program.foundation]
    return [foundations, others]
