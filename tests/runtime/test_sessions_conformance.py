"""One suite for both adapters of the sessions port; memory is the reference."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from redis import Redis

from adapters.sessions import MemorySessions, RedisSessions, Sessions
from engine.problems import UnavailableError

LIFETIME_SECONDS = 60


@pytest.fixture(params=["memory", "redis"])
def make(request: pytest.FixtureRequest) -> Callable[[int], Sessions]:
    if request.param == "memory":
        return MemorySessions
    connection = Redis.from_url(request.getfixturevalue("redis_url"))
    return lambda lifetime_seconds: RedisSessions(connection, lifetime_seconds)


@pytest.fixture
def sessions(make: Callable[[int], Sessions]) -> Sessions:
    return make(LIFETIME_SECONDS)


def test_create_and_read(sessions: Sessions) -> None:
    """A session gives back the texts it was given, exactly."""
    values = {"person": "person-1", "csrf": 'Ünïcode \u2028 "quoted"'}
    assert values == sessions.read(sessions.create(values))


def test_ids_are_unguessable_and_different(sessions: Sessions) -> None:
    """Every session has an id of its own, of 256 bits."""
    ids = {sessions.create({}) for _ in range(50)}
    assert (50, {43}) == (len(ids), {len(one) for one in ids})


@pytest.mark.parametrize("session_id", ["", "unknown", "x" * 5_000, "\ud800", "../../etc/passwd", "\0"])
def test_unknown(sessions: Sessions, session_id: str) -> None:
    """Whatever a browser sends as an id that was not given out is no session."""
    assert sessions.read(session_id) is None
    assert not sessions.write(session_id, {"a": "b"})
    sessions.end(session_id)
    assert sessions.read(session_id) is None


def test_write(sessions: Sessions) -> None:
    """Writing replaces the values of a session that is there."""
    session_id = sessions.create({"a": "1", "b": "2"})
    assert sessions.write(session_id, {"a": "3"})
    assert {"a": "3"} == sessions.read(session_id)


def test_rotate(sessions: Sessions) -> None:
    """After a rotation the old id is worth nothing and the new one holds the new values."""
    old = sessions.create({"a": "1"})
    new = sessions.rotate(old, {"person": "p"}, person_id="p")
    assert (None, {"person": "p"}) == (sessions.read(old), sessions.read(new))


def test_rotate_without_a_session(sessions: Sessions) -> None:
    """Signing in with an id that was never given out does not adopt it."""
    new = sessions.rotate("chosen by somebody else", {"person": "p"})
    assert "chosen by somebody else" != new
    assert sessions.read("chosen by somebody else") is None


def test_end(sessions: Sessions) -> None:
    """An ended session is gone; ending it again changes nothing."""
    session_id = sessions.create({"a": "1"})
    sessions.end(session_id)
    sessions.end(session_id)
    assert sessions.read(session_id) is None


def test_end_all(sessions: Sessions) -> None:
    """All sessions of one person end together and nobody else's do."""
    mine = [sessions.create({}, person_id="me") for _ in range(3)]
    other = sessions.create({}, person_id="other")
    sessions.end(mine[0])
    assert 2 == sessions.end_all("me")
    assert [None, None, None, {}] == [sessions.read(one) for one in (*mine, other)]
    assert 0 == sessions.end_all("me")


def test_time_runs_out(make: Callable[[int], Sessions]) -> None:
    """A session ends by itself after its lifetime, however often it was read or written."""
    sessions = make(1)
    session_id = sessions.create({"a": "1"})
    deadline = time.monotonic() + 10
    while sessions.read(session_id) is not None and time.monotonic() < deadline:
        sessions.write(session_id, {"a": "2"})
        time.sleep(0.05)
    assert sessions.read(session_id) is None


@pytest.mark.parametrize("values", [{str(number): "" for number in range(33)}, {"a": "x" * 4_097}])
def test_only_a_few_short_texts(sessions: Sessions, values: dict[str, str]) -> None:
    """What does not fit a session is a mistake of ours, not something to store."""
    with pytest.raises(ValueError, match="a few short texts"):
        sessions.create(values)


def test_at_rest_there_is_no_id(redis_url: str) -> None:
    """Who can read the session store finds no id that a browser could send."""
    connection = Redis.from_url(redis_url, decode_responses=True)
    session_id = RedisSessions(connection, 60).create({"person": "p"}, person_id="p")
    for key in connection.keys("*"):
        content = connection.get(key) if connection.type(key) == "string" else " ".join(connection.smembers(key))
        assert session_id not in f"{key} {content}"


def test_away() -> None:
    """A session store that is away is an error of its own, never an empty session."""
    sessions = RedisSessions(Redis(port=1, socket_connect_timeout=1), 60)
    for ask in (sessions.ping, lambda: sessions.read("x"), lambda: sessions.create({}), lambda: sessions.end_all("p")):
        with pytest.raises(UnavailableError) as raised:
            ask()
        assert "sessions.unavailable" == raised.value.code
