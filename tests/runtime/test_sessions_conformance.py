"""One suite for both adapters of the sessions port; memory is the reference."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from adapters.sessions import MemorySessions, RedisSessions, Session, SessionLimits, Sessions
from engine.problems import UnavailableError

NOON = 1_800_000_000.0
LIMITS = SessionLimits(absolute=3_600, idle=600, rotation=300, grace=20)


class Clock:
    """A clock that tests set. Redis has its own for what it forgets by itself."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


Make = Callable[[SessionLimits], Sessions]


@pytest.fixture
def sessions_url(redis_url: str) -> str:
    """An empty database of its own, in which no worker of another test can still be writing."""
    return f"{redis_url}?db=9"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "redis"])
def make(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Make]:
    if request.param == "memory":
        yield lambda limits: MemorySessions(limits, clock)
        return
    with Redis.from_url(request.getfixturevalue("sessions_url")) as connection:
        yield lambda limits: RedisSessions(connection, limits, clock)


@pytest.fixture
def sessions(make: Make) -> Sessions:
    return make(LIMITS)


def start(sessions: Sessions, values: dict[str, str] | None = None, **given: str) -> str:
    """A session that begins now; its id."""
    return sessions.begin(values or {}, **given).id


def values_of(sessions: Sessions, session_id: str) -> dict[str, str] | None:
    found = sessions.read(session_id)
    return None if found is None else dict(found.values)


def test_create_and_read(sessions: Sessions) -> None:
    """A session gives back the texts it was given, exactly, with whose it is and when it began."""
    values = {"person": "person-1", "csrf": 'Ünïcode \u2028 "quoted"'}
    found = sessions.read(start(sessions, values, person_key="person-1", device="Firefox on Linux", address="::1"))
    assert found is not None
    assert Session(found.handle, values, "person-1", NOON, NOON, NOON + 3_600, "Firefox on Linux", "::1") == found


def test_ids_are_unguessable_and_different(sessions: Sessions) -> None:
    """Every session has an id of its own, of 256 bits, and a handle that says nothing about it."""
    ids = {start(sessions) for _ in range(50)}
    assert (50, {43}) == (len(ids), {len(one) for one in ids})
    handles = {found.handle for one in ids if (found := sessions.read(one))}
    assert (50, set()) == (len(handles), {one for one in ids for handle in handles if handle in one or one in handle})


@pytest.mark.parametrize("session_id", ["", "unknown", "x" * 5_000, "\ud800", "../../etc/passwd", "\0"])
def test_unknown(sessions: Sessions, session_id: str) -> None:
    """Whatever a browser sends as an id that was not given out is no session."""
    sessions.end(session_id)
    assert [None] * 4 == [ask(session_id) for ask in (sessions.read, sessions.touch, sessions.renew, sessions.take_up)]


def test_a_handle_is_no_id(sessions: Sessions) -> None:
    """What a list of sessions shows does not let anybody in."""
    found = sessions.read(start(sessions, person_key="me"))
    assert found is not None
    assert sessions.read(found.handle) is None


def test_a_session_instead_of_another(sessions: Sessions) -> None:
    """After signing in anew the old id is worth nothing and the new one holds the new values."""
    old = start(sessions, {"a": "1"})
    new = start(sessions, {"person": "p"}, person_key="p", instead_of=old)
    assert (None, {"person": "p"}) == (values_of(sessions, old), values_of(sessions, new))


def test_a_session_instead_of_none(sessions: Sessions) -> None:
    """Signing in with an id that was never given out does not adopt it."""
    new = start(sessions, {"person": "p"}, instead_of="chosen by somebody else")
    assert "chosen by somebody else" != new
    assert sessions.read("chosen by somebody else") is None


def test_end(sessions: Sessions) -> None:
    """An ended session is gone; ending it again changes nothing."""
    session_id = start(sessions, {"a": "1"})
    sessions.end(session_id)
    sessions.end(session_id)
    assert [None, None, None] == [ask(session_id) for ask in (sessions.read, sessions.touch, sessions.renew)]


def test_end_all(sessions: Sessions) -> None:
    """All sessions of one person end together and nobody else's do."""
    mine = [start(sessions, person_key="me") for _ in range(3)]
    other = start(sessions, person_key="other")
    sessions.end(mine[0])
    assert 2 == sessions.end_all("me")
    assert [None, None, None, {}] == [values_of(sessions, one) for one in (*mine, other)]
    assert 0 == sessions.end_all("me")


def test_end_all_but_this_one(sessions: Sessions) -> None:
    """All other sessions end and the one that asks goes on."""
    mine = [start(sessions, person_key="me") for _ in range(3)]
    kept = sessions.read(mine[1])
    assert kept is not None
    assert 2 == sessions.end_all("me", but=kept.handle)
    assert [None, {}, None] == [values_of(sessions, one) for one in mine]
    assert (kept,) == sessions.sessions_of("me")


def test_end_one_by_its_handle(sessions: Sessions) -> None:
    """A session ends by its handle for its own person only; a second time there is nothing to end."""
    session_id = start(sessions, person_key="me")
    (found,) = sessions.sessions_of("me")
    assert not sessions.end_one("other", found.handle)
    assert not sessions.end_one("me", "unknown")
    assert {} == values_of(sessions, session_id)
    assert [True, False] == [sessions.end_one("me", found.handle) for _ in range(2)]
    assert (None, ()) == (sessions.read(session_id), sessions.sessions_of("me"))


def test_the_list_of_a_person(sessions: Sessions, clock: Clock) -> None:
    """A person's list holds the living sessions alone, the one used last first."""
    first = start(sessions, person_key="me", device="first")
    clock.now += 60
    start(sessions, person_key="me", device="second")
    ended = start(sessions, person_key="me", device="ended")
    start(sessions, person_key="other")
    start(sessions)
    sessions.end(ended)
    clock.now += 60
    sessions.touch(first)
    assert ["first", "second"] == [one.device for one in sessions.sessions_of("me")]
    assert [NOON + 120, NOON + 60] == [one.seen for one in sessions.sessions_of("me")]
    assert () == sessions.sessions_of("nobody")


def test_who_has_many_sessions_ends_the_one_left_unused(make: Make, clock: Clock) -> None:
    """One session more than a person may have ends the one that was not used for longest, and nobody else's."""
    sessions = make(SessionLimits(most=3))
    other = start(sessions, person_key="other")
    nobodys = start(sessions)
    ids = {}
    for name in ("first", "second", "third"):
        clock.now += 60
        ids[name] = start(sessions, person_key="me", device=name)
    clock.now += 60
    sessions.touch(ids["first"])
    unused = sessions.read(ids["second"])
    clock.now += 60
    fourth = sessions.begin({"how": "x"}, person_key="me", device="fourth")
    assert (unused,) == fourth.displaced
    assert ["fourth", "first", "third"] == [one.device for one in sessions.sessions_of("me")]
    assert [None, None] == [ask(ids["second"]) for ask in (sessions.read, sessions.touch)]
    assert [{}, {}] == [values_of(sessions, one) for one in (other, nobodys)]


def test_what_has_ended_takes_no_room(make: Make, clock: Clock) -> None:
    """Sessions that were ended, timed out or replaced by the new one do not count."""
    sessions = make(SessionLimits(idle=600, most=3))
    start(sessions, person_key="me")
    clock.now += 600
    ids = [start(sessions, person_key="me") for _ in range(3)]
    sessions.end(ids[0])
    assert () == sessions.begin({}, person_key="me").displaced
    assert () == sessions.begin({}, person_key="me", instead_of=ids[1]).displaced
    assert 3 == len(sessions.sessions_of("me"))


def test_who_made_room_is_told_for_a_while(make: Make, clock: Clock) -> None:
    """A person sees the last ten sessions that made room, the last one first, until the time of a session is over."""
    sessions = make(SessionLimits(absolute=3_600, most=1))
    for number in range(12):
        start(sessions, {"how": "x"}, person_key="me", device=f"browser {number}", address="::1")
        clock.now += 60
    told = sessions.displaced_of("me")
    assert [f"browser {number}" for number in range(10, 0, -1)] == [one.session.device for one in told]
    assert (NOON + 660, NOON + 600, "::1") == (told[0].at, told[0].session.begun, told[0].session.address)
    assert ((), 10) == (sessions.displaced_of("other"), len(told))
    clock.now = NOON + 660 + 3_540
    assert ["browser 10"] == [one.session.device for one in sessions.displaced_of("me")]
    clock.now = NOON + 660 + 3_600
    assert () == sessions.displaced_of("me")


def test_a_lower_number_holds_from_the_next_sign_in(make: Make) -> None:
    """Where fewer sessions are allowed than somebody has, the next one ends all that are too many."""
    before = make(SessionLimits(most=5))
    for _ in range(5):
        start(before, person_key="me")
    if isinstance(before, RedisSessions):
        after: Sessions = make(SessionLimits(most=2))
    else:
        after = before
        after._limits = SessionLimits(most=2)  # what a restart is for the others
    assert 4 == len(after.begin({}, person_key="me").displaced)
    assert 2 == len(after.sessions_of("me"))


def test_however_many_begin_at_once_there_are_never_more(make: Make) -> None:
    """Of 48 sign-ins at once as many sessions live as one may have; each other one made room exactly once."""
    sessions = make(SessionLimits(most=4))
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: sessions.begin({}, person_key="me"), range(48)))
    living = {one.handle for one in sessions.sessions_of("me")}
    left = [one.handle for begin in given for one in begin.displaced]
    assert (4, 44, 44) == (len(living), len(left), len(set(left)))
    assert not living.intersection(left)
    assert living == {found.handle for one in given if (found := sessions.read(one.id))}


def test_idle_sessions_end(sessions: Sessions, clock: Clock) -> None:
    """A session ends when it was not used for its idle time; looking at it is no use."""
    used, left = start(sessions, person_key="me"), start(sessions, person_key="me")
    for _ in range(3):
        clock.now += 300
        sessions.touch(used)
        sessions.read(left)
    assert ({}, None) == (values_of(sessions, used), values_of(sessions, left))
    assert 1 == len(sessions.sessions_of("me"))
    clock.now += LIMITS.idle
    assert (None, ()) == (sessions.touch(used), sessions.sessions_of("me"))


def test_busy_sessions_end_too(sessions: Sessions, clock: Clock) -> None:
    """A session ends at its absolute limit however often it was used and its id replaced."""
    session_id, uses = start(sessions), 0
    while sessions.touch(session_id):
        session_id = sessions.renew(session_id) or session_id
        uses += 1
        clock.now += 60
        assert uses <= 60
    assert (60, NOON + LIMITS.absolute) == (uses, clock.now)


def test_what_the_store_forgets_by_itself(make: Make, clock: Clock) -> None:
    """What nobody uses goes by the store's own clock too, and what is used stays."""
    sessions = make(SessionLimits(absolute=60, idle=2, rotation=30, grace=20))
    used, left = start(sessions), start(sessions)
    begun = time.monotonic()
    while time.monotonic() - begun < 2.5:
        time.sleep(0.1)
        clock.now = NOON + time.monotonic() - begun
        assert sessions.touch(used)
    assert sessions.read(left) is None


def test_the_id_is_replaced(sessions: Sessions, clock: Clock) -> None:
    """An id of a certain age is replaced once; the one before serves for a moment more, then never again."""
    old = start(sessions, {"a": "1"}, person_key="me")
    assert sessions.renew(old) is None
    clock.now += LIMITS.rotation
    if isinstance(sessions, RedisSessions):
        for key in sessions._redis.keys("bylaw:session-turn:*"):
            sessions._redis.delete(key)  # as the server's own clock would have done
    given = [sessions.renew(old) for _ in range(3)]
    new = given[0]
    assert new is not None
    assert [None, None] == given[1:]
    assert old != new
    assert sessions.read(old) == sessions.read(new)
    assert 1 == len(sessions.sessions_of("me"))


def test_the_id_before_ends(make: Make, clock: Clock) -> None:
    """After the grace the replaced id is worth nothing and the new one goes on."""
    sessions = make(SessionLimits(rotation=2, grace=1))
    old = start(sessions)
    begun, new = time.monotonic(), None
    while time.monotonic() - begun < 10 and (new is None or sessions.read(old)):
        clock.now = NOON + time.monotonic() - begun
        new = new or sessions.renew(old)
        time.sleep(0.05)
    assert new is not None
    assert (None, {}) == (values_of(sessions, old), values_of(sessions, new))


def test_ending_ends_every_id(make: Make, clock: Clock) -> None:
    """A session that ends by its handle takes the id before along, whose grace is not over."""
    sessions = make(SessionLimits(rotation=2, grace=1))
    old = start(sessions, person_key="me")
    begun, new = time.monotonic(), None
    while new is None and time.monotonic() - begun < 10:
        time.sleep(0.05)
        clock.now = NOON + time.monotonic() - begun
        new = sessions.renew(old)
    assert new is not None
    assert sessions.end_one("me", sessions.sessions_of("me")[0].handle)
    assert [None, None] == [sessions.touch(one) for one in (old, new)]


def test_ending_races_with_using(sessions: Sessions, clock: Clock) -> None:
    """In 1,000 races of a use, a list and an end against each other no ended session ever comes back."""

    def use(session_id: str) -> None:
        for _ in range(5):
            sessions.touch(session_id)
            sessions.sessions_of("me")

    with ThreadPoolExecutor(4) as pool:
        for _ in range(1_000):
            session_id = start(sessions, person_key="me")
            clock.now += LIMITS.noted_every
            used = [pool.submit(use, session_id) for _ in range(2)]
            ended = sessions.end_all("me")
            for one in used:
                one.result()
            assert (1, None, ()) == (ended, sessions.touch(session_id), sessions.sessions_of("me"))


def test_only_one_gets_the_new_id(sessions: Sessions, clock: Clock) -> None:
    """Of many requests at once that find the id old, one replaces it."""
    session_id = start(sessions)
    clock.now += LIMITS.rotation
    if isinstance(sessions, RedisSessions):
        sessions._redis.delete(*sessions._redis.keys("bylaw:session-turn:*"))
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: sessions.renew(session_id), range(40)))
    assert 39 == given.count(None)


def test_what_is_laid_down_is_taken_up_once(sessions: Sessions) -> None:
    """What is kept for one use is there for the first who names it, and for nobody after."""
    sessions.lay_down("state-1", {"nonce": "n"}, 60)
    sessions.lay_down("state-2", {"nonce": "m"}, 60)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: sessions.take_up("state-1"), range(40)))
    assert (39, 1) == (taken.count(None), taken.count({"nonce": "n"}))
    assert {"nonce": "m"} == sessions.take_up("state-2")


def test_what_is_laid_down_is_kept_for_its_time(sessions: Sessions, clock: Clock) -> None:
    """What nobody takes up in time is gone."""
    sessions.lay_down("state", {"nonce": "n"}, 1)
    clock.now += 1
    time.sleep(1.1)
    assert sessions.take_up("state") is None


@pytest.mark.parametrize("values", [{str(number): "" for number in range(33)}, {"a": "x" * 4_097}])
def test_only_a_few_short_texts(sessions: Sessions, values: dict[str, str]) -> None:
    """What does not fit a session is a mistake of ours, not something to store."""
    with pytest.raises(ValueError, match="a few short texts"):
        start(sessions, values)
    with pytest.raises(ValueError, match="a few short texts"):
        sessions.lay_down("x", values, 1)


@pytest.mark.parametrize("wrong", [{"grace": 900}, {"grace": 0}, {"idle": 0}, {"absolute": 0}, {"most": 0}])
def test_limits_that_cannot_be(wrong: dict[str, int]) -> None:
    """Limits under which a session would end while its id is replaced are a mistake of ours."""
    with pytest.raises(ValueError, match="a grace lies within a rotation"):
        SessionLimits(**wrong)


def test_at_rest_there_is_no_id(sessions_url: str) -> None:
    """Who can read the session store finds no id and no name that a browser could send."""
    with Redis.from_url(sessions_url, decode_responses=True) as connection:
        sessions = RedisSessions(connection, LIMITS)
        session_id = start(sessions, {"person": "p"}, person_key="p")
        sessions.lay_down("the state", {"nonce": "n"}, 60)
        keys = connection.keys("*")
        assert 6 == len(keys)
        for key in keys:
            content = connection.get(key) if connection.type(key) == "string" else " ".join(connection.smembers(key))
            assert [] == [secret for secret in (session_id, "the state") if secret in f"{key} {content}"]


def test_everything_at_rest_ends(sessions_url: str) -> None:
    """No key of a session stays for ever."""
    with Redis.from_url(sessions_url, decode_responses=True) as connection:
        sessions = RedisSessions(connection, SessionLimits(absolute=3_600, idle=600, rotation=300, grace=20, most=1))
        start(sessions, person_key="p")
        session_id = start(sessions, person_key="p")
        sessions.lay_down("x", {}, 60)
        sessions._redis.delete(*connection.keys("bylaw:session-turn:*"))
        sessions.renew(session_id)
        left = {key: connection.ttl(key) for key in connection.keys("*")}
        assert 9 == len(left)  # the id of the session that made room leads nowhere
        assert all(0 < seconds <= LIMITS.absolute for seconds in left.values()), left


def test_what_another_version_stored_is_no_session(sessions_url: str, clock: Clock) -> None:
    """A session or note whose stored members are not those of today is none: its person signs in anew."""
    with Redis.from_url(sessions_url, decode_responses=True) as connection:
        sessions = RedisSessions(connection, SessionLimits(most=1), clock)
        start(sessions, person_key="me")
        session_id = start(sessions, person_key="me")
        (key,), (note,) = connection.keys("bylaw:session:*"), connection.keys("bylaw:sessions-displaced:*")
        connection.set(key, connection.get(key).replace("person_key", "person_id"), keepttl=True)
        connection.lset(note, 0, connection.lindex(note, 0).replace("person_key", "person_id"))
        assert [None, None] == [ask(session_id) for ask in (sessions.read, sessions.touch)]
        assert ((), ()) == (sessions.sessions_of("me"), sessions.displaced_of("me"))
        assert () == sessions.begin({}, person_key="me", instead_of=session_id).displaced


def test_what_ran_out_takes_no_second_try(sessions_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign-in after a session ran out is done at the first try, with room made too, and forgets what ran out."""
    monkeypatch.setattr("adapters.sessions.redis.MOST_TRIES", 1)
    with Redis.from_url(sessions_url, decode_responses=True) as connection:
        sessions = RedisSessions(connection, SessionLimits(idle=600, most=3), clock)
        start(sessions, person_key="me", device="runs out")
        clock.now += 300
        for device in ("second", "third"):
            start(sessions, person_key="me", device=device)
        clock.now += 300
        fewer = RedisSessions(connection, SessionLimits(idle=600, most=2), clock)
        begun = fewer.begin({}, person_key="me", device="fourth")
        (key,) = connection.keys("bylaw:sessions-of:*")
        kept, living = connection.smembers(key), fewer.sessions_of("me")
    assert (1, 2) == (len(begun.displaced), len(living))
    assert "runs out" not in {one.device for one in (*begun.displaced, *living)}
    assert {one.handle for one in living} == kept


def test_away() -> None:
    """A session store that is away is an error of its own, never an empty session."""
    sessions = RedisSessions(Redis(port=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)), LIMITS)
    for ask in (
        sessions.ping, lambda: sessions.read("x"), lambda: sessions.touch("x"), lambda: sessions.renew("x"),
        lambda: start(sessions), lambda: sessions.end("x"), lambda: sessions.sessions_of("p"),
        lambda: start(sessions, person_key="p"), lambda: sessions.displaced_of("p"),
        lambda: sessions.end_one("p", "h"), lambda: sessions.end_all("p"), lambda: sessions.take_up("x"),
        lambda: sessions.lay_down("x", {}, 1),
    ):  # fmt: skip
        with pytest.raises(UnavailableError) as raised:
            ask()
        assert "sessions.unavailable" == raised.value.code
