"""How far the reading or writing of many entries is, told now and then to whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable

PROGRESS_ENTRIES = 500
"""How often whoever waits is told."""
Progress = Callable[[int, int], None]
"""Called with how many entries are done and how many there are."""


def tell(progress: Progress | None, done: int, total: int) -> None:
    """To be called at every entry: now and then, whoever waits is told."""
    if progress is not None and done % PROGRESS_ENTRIES == 0:
        progress(done, total)
