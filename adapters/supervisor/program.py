"""One supervised program: what it is, and how it runs as a child that cannot outlive us."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

LONGEST_LINE = 8_192

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def as_it_is(line: str) -> str | None:
    """A log line unchanged, without its end."""
    return line.rstrip()


def always() -> bool:
    """For programs that are ready as soon as they run."""
    return True


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. `ready` says when those that come later may start; `readable` shortens or drops a log line.

    A program that runs `once` must end with 0 before the next starts; every other one is meant to run for ever. A
    `foundation` ends after all others. `grace_seconds` is how long it may take to end when asked.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    descriptors: tuple[int, ...] = ()
    once: bool = False
    foundation: bool = False
    ready: Callable[[], bool] = always
    readable: Callable[[str], str | None] = as_it_is
    grace_seconds: int = 4


class Child:
    """A running program: its process, and the lines it has written so far."""

    def __init__(self, program: Program, now: float) -> None:
        self.program = program
        self.started = now
        self.exit_code: int | None = None
        parent = os.getpid()
        self._process = subprocess.Popen(  # noqa: S603  # the command line is ours
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(program.environment),
            pass_fds=program.descriptors,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then ends the others in order
            preexec_fn=lambda: _die_with(parent),  # noqa: PLW1509  # the supervisor has one thread
        )
        assert self._process.stdout is not None
        self.output = self._process.stdout.fileno()
        os.set_blocking(self.output, False)
        self._rest = b""

    @property
    def pid(self) -> int:
        """Its process number, which is its process group's too."""
        return self._process.pid

    def ended(self, exit_code: int) -> None:
        """Note that the process is gone (a negative code is a signal's number); it was already waited for."""
        self.exit_code = self._process.returncode = exit_code

    def signal(self, number: signal.Signals, *, group: bool = False) -> None:
        """Send a signal to the process or to all that is left of its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if group:
                os.killpg(self.pid, number)
            elif self.exit_code is None:
                os.kill(self.pid, number)

    def lines(self, *, last: bool = False) -> Iterator[str]:
        """The complete lines written since the last call; with `last` the incomplete one too."""
        while True:
            try:
                read = os.read(self.output, 65_536)
            except BlockingIOError:
                break
            except OSError:
                read = b""
            if not read:
                break
            *whole, self._rest = (self._rest + read).split(b"\n")
            if len(self._rest) > LONGEST_LINE:
                whole.append(self._rest)
                self._rest = b""
            yield from self._shown(whole)
        if last and self._rest:
            yield from self._shown([self._rest])
            self._rest = b""

    def close(self) -> None:
        """Give the pipe back."""
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _shown(self, lines: list[bytes]) -> Iterator[str]:
        for line in lines:
            text = self.program.readable(line.decode("utf-8", "replace"))
            if text:
                yield text


def adopt_orphans(*, yes: bool) -> None:
    """Whether this process becomes the parent of orphaned grandchildren, so that it can end them (Linux)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0)


def die_with_parent(number: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel to send this process a signal when its parent dies (Linux)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def _die_with(parent: int) -> None:
    die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:  # it died before we could ask
        os._exit(1)


def children() -> tuple[int, ...]:
    """The process numbers of our children, adopted ones included (Linux)."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:  # noqa: PTH123  # a /proc file
            return tuple(int(number) for number in file.read().split())
    except OSError:
        return ()
