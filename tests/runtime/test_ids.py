"""Ids: fresh, ascending, and different in every process."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from adapters.ids import ALPHABET, LENGTH, IdMaker, new_id


def test_form() -> None:
    """An id is 26 lower-case characters that nobody confuses with one another."""
    made = new_id()
    assert (LENGTH, True) == (len(made), set(made) <= set(ALPHABET))


@given(st.lists(st.integers(0, 2**47 * 1_000_000), min_size=2, max_size=50))
def test_ascending(times: list[int]) -> None:
    """Each id is greater than the one before, even if the clock stands still or goes back."""
    clock = iter(times)
    maker = IdMaker(lambda: next(clock))
    made = [maker() for _ in times]
    assert sorted(set(made)) == made


def test_sorts_by_time() -> None:
    """Ids of different makers sort by the millisecond in which they were made."""
    early, late = IdMaker(lambda: 1_000_000), IdMaker(lambda: 2_000_000)
    assert all(early() < late() for _ in range(100))


def test_threads() -> None:
    """Threads that share a maker never get the same id."""
    maker = IdMaker()
    start = threading.Barrier(8)

    def make(_: int) -> list[str]:
        start.wait()
        return [maker() for _ in range(500)]

    with ThreadPoolExecutor(8) as pool:
        made = [one for batch in pool.map(make, range(8)) for one in batch]
    assert 4_000 == len(set(made))


def test_fork() -> None:
    """A forked process does not count on from its parent's last id: both would make the same next one."""
    maker = IdMaker(lambda: 5_000_000)
    maker()
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write_end, maker().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(read_end, 100).decode()
    os.close(read_end)
    os.close(write_end)
    assert maker() != theirs
    assert LENGTH == len(theirs)


def test_given_chance_gives_given_ids():
    """With the same clock and the same bits the ids are the same, and still ascend."""
    first, second = (IdMaker(lambda: 5_000_000, Random(7).getrandbits) for _ in range(2))
    made = [first() for _ in range(20)]
    assert made == [second() for _ in range(20)]
    assert made == sorted(set(made))
