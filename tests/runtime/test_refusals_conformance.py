"""One suite for both adapters that count refusals; memory is the reference."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from adapters.refusals import AWAY_SECONDS, MOST_NOTED, REMEMBERED_SECONDS, MemoryRefusals, Refusals, SharedRefusals

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def refusals_url(redis_url: str) -> str:
    """An empty database of its own."""
    return f"{redis_url}?db=10"


@pytest.fixture(params=["memory", "shared"])
def refusals(request: pytest.FixtureRequest) -> Iterator[Refusals]:
    if request.param == "memory":
        yield MemoryRefusals()
        return
    with Redis.from_url(request.getfixturevalue("refusals_url")) as connection:
        yield SharedRefusals(connection)


def test_one_is_told_a_minute_and_counts_all(refusals: Refusals) -> None:
    """The first refusal is told, those within a minute are not, and the next one told counts them."""
    told = [refusals.note("key a", NOON + number * SECOND) for number in (0, 0, 59, 60, 61, 200, 201, 260)]
    assert [1, 0, 0, 3, 0, 2, 0, 2] == told


def test_subjects_are_counted_apart(refusals: Refusals) -> None:
    """What is refused for one subject tells nothing about another, whatever its text."""
    for subject in ("key a", "key b", "", "\ud800", "x" * 5_000, "key a\n"):
        assert [1, 0] == [refusals.note(subject, NOON) for _ in range(2)]


def test_none_is_lost_and_none_told_twice(refusals: Refusals) -> None:
    """Of many refusals at once one is told, and the next one told counts them all."""
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: refusals.note("key", NOON), range(400)))
    assert [1, *[0] * 399] == sorted(told, reverse=True)
    assert 400 == refusals.note("key", NOON + 60 * SECOND)


def test_processes_count_together(refusals_url: str) -> None:
    """What one process counts another one tells: the log has an entry a minute, however many processes there are."""
    with Redis.from_url(refusals_url) as first, Redis.from_url(refusals_url) as second:
        one, other = SharedRefusals(first), SharedRefusals(second)
        told = [(one if number % 2 else other).note("key", NOON + number * SECOND) for number in range(62)]
    assert [(0, 1), (60, 60)] == [(number, count) for number, count in enumerate(told) if count]


def test_what_stands_in_the_store_ends_and_names_nobody(refusals_url: str) -> None:
    """What is counted in the store is gone after a day, and says of what only a digest."""
    with Redis.from_url(refusals_url, decode_responses=True) as connection:
        SharedRefusals(connection).note("api_key.use key-17", NOON)
        (key,) = connection.keys("*")
        assert 0 < connection.ttl(key) <= REMEMBERED_SECONDS
        assert "key-17" not in f"{key} {connection.hgetall(key)}"


def test_without_the_store_each_process_counts_for_itself() -> None:
    """While the store is away nothing is raised, one a minute is told still, and the store is left alone at first."""
    clock = [0.0]
    connection = Redis(port=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0))
    refusals, asked = SharedRefusals(connection, lambda: clock[0]), []
    connect = connection.connection_pool.get_connection
    connection.connection_pool.get_connection = lambda *given: asked.append(1) or connect(*given)
    assert [1, 0, 0] == [refusals.note("key", NOON) for _ in range(3)]
    assert 1 == len(asked)
    clock[0] = AWAY_SECONDS
    assert 3 == refusals.note("key", NOON + 60 * SECOND)
    assert 2 == len(asked)


def test_a_process_remembers_a_bounded_number() -> None:
    """However many subjects there are, memory holds so many, and forgets those whose last entry is oldest."""
    refusals = MemoryRefusals()
    for number in range(MOST_NOTED + 10):
        refusals.note(f"key {number}", NOON)
    assert MOST_NOTED == len(refusals._noted)
    assert [1, 0] == [refusals.note("key 0", NOON), refusals.note(f"key {MOST_NOTED + 9}", NOON)]
