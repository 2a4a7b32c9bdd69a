"""Rate limits as they are counted: in memory, in a real Valkey, and while it is away."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from limits.storage import MemoryStorage
from redis import Redis

from adapters import rate_limits as counting
from adapters.limits import LIMITS, Limit, Per, StoreDown
from adapters.rate_limits import LEASE_SHARE, CountedRateLimits, NoRateLimits, shared_store
from adapters.redis_connection import connect
from engine.problems import UnavailableError

ROOT = Path(__file__).resolve().parents[2]
Make = Callable[..., CountedRateLimits]


@dataclass
class Seconds:
    """A clock for leases that tests set."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["memory", "valkey"])
def make(request: pytest.FixtureRequest) -> Make:
    """Limits over one store; each call makes another process's."""
    if request.param == "memory":
        memory = MemoryStorage()
        return lambda **more: CountedRateLimits(memory, **more)
    address = request.getfixturevalue("redis_url")
    return lambda **more: CountedRateLimits(shared_store(connect(address)), **more)


@pytest.fixture
def away() -> Make:
    """Limits whose store nobody runs."""
    return lambda **more: CountedRateLimits(shared_store(connect("redis://127.0.0.1:9", retries=0)), **more)


def granted(limits: CountedRateLimits, name: str, who: str, times: int) -> int:
    """How many of so many requests are within the limit."""
    return sum(not limits.spend(name, who) for _ in range(times))


def test_no_more_than_the_amount(make: Make) -> None:
    """Exactly the amount is granted, and then there is a wait of at least a second and at most the whole window."""
    limits = make(amounts=[("sign-in", 7)])
    assert 7 == granted(limits, "sign-in", "10.0.0.1", 20)
    assert 1 <= limits.spend("sign-in", "10.0.0.1") <= 60


def test_everybody_is_counted_apart(make: Make) -> None:
    """One who has used up a limit takes nothing from others, and nothing from other limits of their own."""
    limits = make(amounts=[("sign-in", 2), ("changes", 2)])
    assert 2 == granted(limits, "sign-in", "a", 5)
    assert 0 == limits.spend("sign-in", "b")
    assert 0 == limits.spend("changes", "a")


@pytest.mark.parametrize("who", ["", "x" * 10_000, "\ud800", "a b/c*{}\r\n", "::1", "\0"])
def test_whoever_they_are(make: Make, who: str) -> None:
    """Any text names somebody, and means nothing else to the store."""
    assert 1 == granted(make(amounts=[("sign-in", 1)]), "sign-in", who, 3)


def test_processes_count_together(make: Make) -> None:
    """What one process has granted is not granted again by another."""
    first, second = (make(amounts=[("sign-in", 10)]) for _ in range(2))
    assert 6 == granted(first, "sign-in", "a", 6)
    assert 4 == granted(second, "sign-in", "a", 20)


def test_threads_never_get_more_than_the_amount(make: Make) -> None:
    """Eight threads of two processes at once are granted the amount or less, and less by leases alone."""
    amount = 3_000
    processes = [make(amounts=[("evaluation", amount)]) for _ in range(2)]
    found: list[int] = []

    def ask(limits: CountedRateLimits) -> None:
        found.append(granted(limits, "evaluation", "key", 1_000))

    threads = [threading.Thread(target=ask, args=(processes[number % 2],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert amount * 0.99 <= sum(found) <= amount


def test_leases_spare_the_store(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under load the store is asked once for a whole lease, which grows while it is used up, to its largest size."""
    clock = Seconds()
    limits = make(amounts=[("evaluation", 30 * LEASE_SHARE)], clock=clock)
    costs: list[int] = []
    real = limits._shared.hit

    def noted(item: object, *who: str, cost: int = 1) -> bool:
        costs.append(cost)
        return real(item, *who, cost=cost)

    monkeypatch.setattr(limits._shared, "hit", noted)
    assert 1_000 == granted(limits, "evaluation", "key", 1_000)
    assert [1, 2, 4, 8, 16, 30, 30] == costs[:7]
    assert len(costs) <= 40
    assert max(costs) == 30


def test_a_lease_ends_with_its_second(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Allowances that were not spent in time are not kept for later, and the next lease is small again."""
    clock = Seconds()
    limits = make(amounts=[("evaluation", 100 * LEASE_SHARE)], clock=clock)
    granted(limits, "evaluation", "key", 100)
    costs: list[int] = []
    monkeypatch.setattr(limits._shared, "hit", lambda *_, cost=1: costs.append(cost) or True)
    clock.now += 1
    limits.spend("evaluation", "key")
    assert [1] == costs


def test_who_is_refused_asks_no_store(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the wait is over a refusal comes from memory, so that a flood costs the store nothing."""
    clock = Seconds()
    limits = make(amounts=[("strangers", 1)], clock=clock)
    assert (0, 0) == (limits.waiting("strangers", "a"), limits.spend("strangers", "a"))
    wait = limits.spend("strangers", "a")
    monkeypatch.setattr(limits._shared, "hit", None)
    assert wait == limits.spend("strangers", "a") == limits.waiting("strangers", "a")
    clock.now += wait - 0.5
    assert 1 == limits.waiting("strangers", "a")
    clock.now += 1
    assert 0 == limits.waiting("strangers", "a")


def test_at_rest_there_is_nobody(redis_url: str) -> None:
    """The store holds counts under digests: no address, no name, no key."""
    connection = Redis.from_url(redis_url, decode_responses=True)
    limits = CountedRateLimits(shared_store(connect(redis_url)))
    limits.spend("sign-in", "203.0.113.7")
    keys = list(connection.scan_iter("*"))
    assert keys
    assert [] == [key for key in keys if "203.0.113.7" in key or not key.startswith("bylaw:limit:")]


def test_without_the_store_each_limit_does_as_declared(away: Make) -> None:
    """Closed limits refuse with a code of their own, local ones count here, open ones count nothing."""
    limits = away(amounts=[(limit.name, 4) for limit in LIMITS], processes=2)
    for limit in LIMITS:
        if limit.on_store_down is StoreDown.CLOSED:
            with pytest.raises(UnavailableError) as raised:
                limits.spend(limit.name, "a")
            assert "limits.unavailable" == raised.value.code
        else:
            shares = {StoreDown.LOCAL: 2, StoreDown.OPEN: 50}
            assert shares[limit.on_store_down] == granted(limits, limit.name, "a", 50), limit.name


def test_a_store_that_is_away_is_left_alone_for_a_while(away: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failure the store is not asked again at once: a request must not wait for what is not there."""
    clock = Seconds()
    limits = away(clock=clock)
    asked: list[str] = []
    real = limits._shared.hit

    def noted(item: object, *who: str, cost: int = 1) -> bool:
        asked.append("")
        return real(item, *who, cost=cost)

    monkeypatch.setattr(limits._shared, "hit", noted)
    for _ in range(20):
        limits.spend("evaluation", "a")
    assert 1 == len(asked)
    clock.now += counting.AWAY_SECONDS
    limits.spend("evaluation", "a")
    assert 2 == len(asked)


def test_memory_stays_small(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is over is forgotten, however many addresses come by."""
    monkeypatch.setattr(counting, "MOST_HELD", 10)
    clock = Seconds()
    limits = make(amounts=[("sign-in", 1)], clock=clock)
    for number in range(100):
        limits.spend("sign-in", str(number))
        limits.spend("sign-in", str(number))
        clock.now += 100
    assert len(limits._leases) <= 11
    assert len(limits._refused) <= 11


def test_the_declared_limits_are_sound() -> None:
    """Names are told apart, amounts and windows are positive, and signing in is closed without the store."""
    assert len(LIMITS) == len({limit.name for limit in LIMITS})
    assert all(limit.amount > 0 and limit.seconds > 0 for limit in LIMITS)
    assert StoreDown.CLOSED is next(limit.on_store_down for limit in LIMITS if limit.name == "sign-in")
    assert set(Per) == {limit.per for limit in LIMITS}


def test_every_limit_is_documented() -> None:
    """docs/security.md lists every limit with its amount and behaviour, and no other."""
    text = (ROOT / "docs" / "security.md").read_text()
    section = text[text.index("## Rate limits") : text.index("## Secrets")]
    rows = re.findall(r"^\| `([a-z-]+)` \| (\w+) \| ([\d,]+) \| (\d+) \| (\w+) \| (.+) \|$", section, re.MULTILINE)
    assert [
        (limit.name, limit.per, f"{limit.amount:,}", str(limit.seconds), limit.on_store_down, limit.covers)
        for limit in LIMITS
    ] == rows


def test_tests_of_something_else_are_not_counted() -> None:
    """The stand-in refuses nobody and knows the declared limits."""
    limits = NoRateLimits()
    assert {0} == {limits.spend("sign-in", "a") for _ in range(100)}
    assert (0, True) == (limits.waiting("sign-in", "a"), isinstance(limits.limit("sign-in"), Limit))
