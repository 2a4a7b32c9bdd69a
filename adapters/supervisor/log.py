"""One readable log: time, program, message; coloured on terminals."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import TextIO

WIDTH = 6
LONGEST_LINE = 2_000
COLOURS = (36, 35, 34, 33, 32)
_OWN = "bylaw"


def local_time() -> datetime:
    """The wall clock of the machine, for people who read along."""
    return datetime.now().astimezone()


class Log:
    """Writes lines such as `07:01:02 web    message`. A reader that went away stops the writing, not the programs."""

    def __init__(self, stream: TextIO, *, colour: bool = False, clock: Callable[[], datetime] = local_time) -> None:
        self._stream = stream
        self._colour = colour
        self._clock = clock
        self._seen: dict[str, int] = {}

    def line(self, program: str, message: str) -> None:
        """One line of a program."""
        time, name = f"{self._clock():%H:%M:%S}", f"{program:<{WIDTH}}"
        if self._colour:
            number = COLOURS[self._seen.setdefault(program, len(self._seen)) % len(COLOURS)]
            time, name = f"\033[2m{time}\033[0m", f"\033[{number}m{name}\033[0m"
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{time} {name} {message[:LONGEST_LINE]}\n")
            self._stream.flush()

    def say(self, message: str) -> None:
        """One line of our own."""
        self.line(_OWN, f"\033[1m{message}\033[0m" if self._colour else message)
