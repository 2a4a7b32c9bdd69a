"""Keys of programs: who makes them for whom, what they may do, how they are replaced and how they end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from world import NOW, as_person, insert, make_world, person, platform

from engine.caller import Actor, Caller
from engine.policy import ALL_ROLES
from engine.ports import Ports, Store
from engine.predicate import Always
from engine.problems import BylawError
from engine.records import Record
from engine.service import key_ring
from engine.service.api_keys import USE_NOTED_EVERY, actor_for_api_key, present_key
from engine.service.key_ring import (
    LONGEST_LIFE,
    MOST_KEYS,
    create_api_key,
    get_api_key,
    list_api_keys,
    revoke_api_key,
    rotate_api_key,
    state_of,
)

SECOND = timedelta(seconds=1)


def token_of(name: str) -> str:
    """The text of a key, made from a name instead of chance."""
    digest = sha256(name.encode()).hexdigest()
    return f"byl_{digest[:8]}_{digest[:43]}"


@pytest.fixture
def ports(store: Store) -> Ports:
    made = make_world(store=store)
    insert(made, Record("region", "r2", "acme", {"name": "South"}), person("abroad", "sales_rep", region_id="r2"))
    return made


def code(call: Callable[[], Any]) -> str:
    """The code that a call is refused with, empty if it is not."""
    try:
        call()
    except BylawError as error:
        return error.code
    return ""


def make(ports: Ports, whom: str, name: str, *, by: str | Caller = "admin", **more: Any) -> Record:
    """A key of this name, whose text is `token_of(name)`."""
    caller = as_person(ports, by) if isinstance(by, str) else by
    return create_api_key(ports, caller, whom, name, token_of(name), **more)


def run(*work: Callable[[], None]) -> None:
    """Everything at once, to its end."""
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def entries(ports: Ports) -> list[tuple[str, str, str]]:
    """Action, outcome and actor of every entry, in their order."""
    found = ports.store.scan("audit_entry", Always())
    ordered = sorted(found, key=lambda entry: entry["sequence"])
    return [(entry["action"], entry["outcome"], entry["actor_id"]) for entry in ordered]


@pytest.mark.parametrize(
    ("by", "whom", "expected"),
    [
        ("rep", "rep", ""), ("manager", "manager", ""), ("analyst", "analyst", ""), ("admin", "rep", ""),
        ("rep", "other", "access.denied"), ("manager", "rep", "access.denied"), ("analyst", "admin", "access.denied"),
        ("admin", "abroad", "person.not_found"), ("admin", "nobody", "person.not_found"),
        ("rep", "nobody", "access.denied"),
    ],
)  # fmt: skip
def test_who_makes_keys_for_whom(ports: Ports, by: str, whom: str, expected: str) -> None:
    """People make keys for themselves; administrators for whoever they may change; who is elsewhere is nobody."""
    assert expected == code(lambda: make(ports, whom, "k", by=by))
    assert [
        ("api_key.create", "denied" if expected == "access.denied" else "failed" if expected else "accepted", by)
    ] == (entries(ports))


def test_what_is_kept_of_a_key(ports: Ports) -> None:
    """Of the key only a digest is kept; what is shown and what is logged does not hold even that."""
    made = make(ports, "rep", "nightly")
    stored = ports.store.get("api_key", made.id, Always())
    assert token_of("nightly") not in str(stored)
    digest = stored["secret_digest"]
    shown = [made, get_api_key(ports, as_person(ports, "rep"), made.id), *list_api_keys(ports, as_person(ports, "rep"))]
    assert 3 == len(shown)
    for one in (*shown, *ports.store.scan("audit_entry", Always())):
        assert digest not in str(one)
        assert token_of("nightly") not in str(one)


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        (timedelta(minutes=1), ""), (LONGEST_LIFE, ""), (LONGEST_LIFE + SECOND, "api_key.lifetime"),
        (timedelta(), "api_key.lifetime"), (timedelta(days=-1), "api_key.lifetime"),
        (timedelta.max, "api_key.lifetime"),
    ],
)  # fmt: skip
def test_how_long_a_key_lasts(ports: Ports, life: timedelta, expected: str) -> None:
    """Every key ends: after ninety days, or when its maker says, which is at most a year ahead."""
    assert expected == code(lambda: make(ports, "rep", "k", life=life))
    assert NOW + timedelta(days=90) == make(ports, "rep", "usual")["expires_at"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 201])
def test_names_that_say_nothing_or_too_much(ports: Ports, name: str) -> None:
    """A key has a name that says what it is for."""
    assert "api_key.name" == code(lambda: make(ports, "rep", name))


@pytest.mark.parametrize(
    "scopes",
    [[], ["openid"], ["read"], ["read:nonsense"], ["read:lead "], ["read:lead", "raed:deal"],
     [f"region:{n}" for n in range(51)]],
)  # fmt: skip
def test_scopes_that_do_not_exist(ports: Ports, scopes: list[str]) -> None:
    """A key has scopes that allow something, not too many; a misspelt one would be a key that silently fails."""
    assert "api_key.scopes" == code(lambda: make(ports, "rep", "k", scopes=scopes))


def test_a_key_stands_for_its_person_within_its_scopes(ports: Ports) -> None:
    """Role and place come from the directory at every use; the scopes from the key, each once."""
    make(ports, "rep", "whole")
    made = make(ports, "rep", "narrow", scopes=["write:lead", "read:lead", "read:lead"])
    rep = as_person(ports, "rep").actor
    assert rep == actor_for_api_key(ports, token_of("whole"), NOW)
    assert ("read:lead", "write:lead") == made["scopes"]
    assert replace(rep, scopes=frozenset({"read:lead", "write:lead"})) == actor_for_api_key(
        ports, token_of("narrow"), NOW
    )


@pytest.mark.parametrize(
    ("held", "wanted", "expected"),
    [
        ({"*:*"}, ["read:lead"], ""), ({"read:*", "write:api_key"}, ["read:lead"], ""), ({"*:*"}, ["*:*"], ""),
        ({"*:*"}, None, "api_key.scopes"), ({"read:lead", "write:api_key"}, ["read:*"], "api_key.scopes"),
        ({"read:lead", "write:api_key"}, ["write:lead"], "api_key.scopes"),
        ({"*:*"}, ["*:*", "region:r2"], "api_key.scopes"), ({"*:*", "region:r1"}, ["*:*"], "api_key.scopes"),
        ({"*:*", "region:r1", "region:r2"}, ["read:lead", "region:r2"], ""),
        ({"*:*", "region:*"}, ["read:lead"], ""), ({"*:*", "region:*"}, ["read:lead", "region:r2"], ""),
        ({"read:*"}, ["read:lead"], "access.denied"), (set(), ["read:lead"], "api_key.scopes"),
    ],
)  # fmt: skip
def test_a_key_hands_on_no_more_than_it_has(
    ports: Ports, held: set[str], wanted: list[str] | None, expected: str
) -> None:
    """Whoever asks with a key or token makes only keys that may do no more, and only with the scope for making keys."""
    caller = as_person(ports, "rep")
    narrow = replace(caller, actor=replace(caller.actor, scopes=frozenset(held)))
    assert expected == code(lambda: make(ports, "rep", "child", by=narrow, scopes=wanted))


def test_a_narrow_key_does_not_rotate_a_wide_one(ports: Ports) -> None:
    """Rotating gives a fresh key into one's hands, so it is held to the same limit as making one."""
    wide = make(ports, "rep", "wide")
    caller = as_person(ports, "rep")
    narrow = replace(caller, actor=replace(caller.actor, scopes=frozenset({"read:*", "write:api_key"})))
    assert "api_key.scopes" == code(lambda: rotate_api_key(ports, narrow, wide.id, token_of("stolen")))
    assert None is ports.store.get("api_key", wide.id, Always())["replaced_by"]


def test_too_many_keys(ports: Ports) -> None:
    """One person has a few keys in force; those that have ended do not count."""
    first, *_ = [make(ports, "rep", f"k{number}") for number in range(MOST_KEYS)]
    assert "api_key.too_many" == code(lambda: make(ports, "rep", "one more"))
    revoke_api_key(ports, as_person(ports, "rep"), first.id)
    assert "" == code(lambda: make(ports, "rep", "one more"))
    later = as_person(ports, "rep", NOW + timedelta(days=91))
    assert "" == code(lambda: make(ports, "rep", "much later", by=later))


def test_who_sees_which_keys(ports: Ports) -> None:
    """People see their own keys, administrators those of their organisation; nobody sees another organisation's."""
    own, foreign = make(ports, "rep", "rep's"), make(ports, "other", "other's")
    assert [own.id] == [key.id for key in list_api_keys(ports, as_person(ports, "rep"))]
    assert {own.id, foreign.id} == {key.id for key in list_api_keys(ports, as_person(ports, "admin"))}
    assert [foreign.id] == [key.id for key in list_api_keys(ports, as_person(ports, "admin"), person_id="other")]
    assert () == list_api_keys(ports, as_person(ports, "rep"), person_id="other")
    for call in (get_api_key, revoke_api_key):
        assert "record.not_found" == code(lambda call=call: call(ports, as_person(ports, "rep"), foreign.id))
        assert "record.not_found" == code(lambda call=call: call(ports, platform("rival"), foreign.id))
    assert "record.not_found" == code(lambda: rotate_api_key(ports, as_person(ports, "rep"), foreign.id, token_of("x")))


def test_a_key_ends_at_its_second(ports: Ports) -> None:
    """A key serves until the instant at which it expires, and not at it."""
    end = make(ports, "rep", "k")["expires_at"]
    assert "rep" == actor_for_api_key(ports, token_of("k"), end - timedelta(microseconds=1)).id
    assert "api_key.refused" == code(lambda: actor_for_api_key(ports, token_of("k"), end))


def test_a_key_without_an_end_is_refused(ports: Ports) -> None:
    """What was kept without an end, by whatever version, is in force at no time."""
    made = ports.store.get("api_key", make(ports, "rep", "k").id, Always())
    with ports.store.transaction() as transaction:
        transaction.update(made.with_fields(expires_at=None))
    assert "api_key.refused" == code(lambda: actor_for_api_key(ports, token_of("k"), NOW))


def test_rotating(ports: Ports) -> None:
    """A new key takes an old one's place with its person, name and scopes; for the overlap both serve."""
    old = make(ports, "rep", "nightly", scopes=["read:lead"])
    rep = as_person(ports, "rep")
    new = rotate_api_key(ports, rep, old.id, token_of("new"), overlap=timedelta(hours=2))
    assert ("nightly", ("read:lead",), "rep") == (new["name"], new["scopes"], new["person_id"])
    for name in ("nightly", "new"):
        assert "" == code(lambda name=name: actor_for_api_key(ports, token_of(name), NOW + timedelta(hours=2) - SECOND))
    later = NOW + timedelta(hours=2)
    assert "api_key.refused" == code(lambda: actor_for_api_key(ports, token_of("nightly"), later))
    assert "rep" == actor_for_api_key(ports, token_of("new"), later).id
    kept = get_api_key(ports, rep, old.id)
    assert (new.id, "replaced", "expired") == (kept["replaced_by"], state_of(kept, NOW), state_of(kept, later))
    assert [
        ("api_key.create", "accepted", "admin"),
        ("api_key.rotate", "accepted", "rep"),
        ("api_key.create", "accepted", "rep"),
    ] == (entries(ports))


def test_rotating_never_prolongs(ports: Ports) -> None:
    """The old key ends at its own end if that comes before the overlap is over."""
    old = make(ports, "rep", "k", life=timedelta(hours=1))
    rotate_api_key(ports, as_person(ports, "rep"), old.id, token_of("new"), overlap=timedelta(days=7))
    assert old["expires_at"] == get_api_key(ports, as_person(ports, "rep"), old.id)["expires_at"]


def test_what_cannot_be_rotated(ports: Ports) -> None:
    """A key that is replaced, revoked or expired has no successor, and two keys do not overlap for ever."""
    old = make(ports, "rep", "k")
    rep = as_person(ports, "rep")

    def rotated(name: str, by: Caller = rep, key: Record = old, **more: Any) -> str:
        return code(lambda: rotate_api_key(ports, by, key.id, token_of(name), **more))

    for overlap in (timedelta(seconds=-1), timedelta(days=7, seconds=1)):
        assert "api_key.overlap" == rotated("a", overlap=overlap)
    assert "api_key.lifetime" == rotated("a", life=LONGEST_LIFE + SECOND)
    assert "" == rotated("a", overlap=timedelta())
    assert "api_key.ended" == rotated("b")
    assert "api_key.refused" == code(lambda: actor_for_api_key(ports, token_of("k"), NOW))
    revoked = revoke_api_key(ports, rep, make(ports, "rep", "r").id)
    assert "api_key.ended" == rotated("c", key=revoked)
    short = make(ports, "rep", "s", life=timedelta(minutes=1))
    assert "api_key.ended" == rotated("d", by=as_person(ports, "rep", NOW + timedelta(minutes=1)), key=short)


def test_revoking(ports: Ports) -> None:
    """A revoked key is refused from then on; revoking it again changes nothing and leaves no entry."""
    made = make(ports, "rep", "k")
    rep = as_person(ports, "rep")
    first, second = revoke_api_key(ports, rep, made.id), revoke_api_key(ports, rep, made.id)
    assert (NOW, first) == (first["revoked_at"], second)
    assert "revoked" == state_of(first, NOW)
    assert "api_key.refused" == code(lambda: actor_for_api_key(ports, token_of("k"), NOW))
    assert [("api_key.create", "accepted", "admin"), ("api_key.revoke", "accepted", "rep")] == entries(ports)


def test_somebody_who_left(ports: Ports) -> None:
    """The key of somebody who has left is refused, and serves again should they come back."""
    make(ports, "rep", "k")
    rep = ports.store.get("person", "rep", Always())
    with ports.store.transaction() as transaction:
        gone = transaction.update(rep.with_fields(active=False))
    assert "api_key.refused" == code(lambda: actor_for_api_key(ports, token_of("k"), NOW))
    with ports.store.transaction() as transaction:
        transaction.update(gone.with_fields(active=True))
    assert "rep" == actor_for_api_key(ports, token_of("k"), NOW).id


def test_the_last_use_is_noted_coarsely(ports: Ports) -> None:
    """When a key was used last is known to the hour, and refused ones note nothing."""
    made = make(ports, "rep", "k")

    def used(at: timedelta) -> Any:
        actor_for_api_key(ports, token_of("k"), NOW + at)
        return ports.store.get("api_key", made.id, Always())["used_at"]

    assert NOW == used(timedelta())
    assert NOW == used(USE_NOTED_EVERY - SECOND)
    assert NOW + USE_NOTED_EVERY == used(USE_NOTED_EVERY)
    revoke_api_key(ports, as_person(ports, "rep"), made.id)
    assert present_key(ports, token_of("k"), NOW + 5 * USE_NOTED_EVERY).actor is None
    assert NOW + USE_NOTED_EVERY == ports.store.get("api_key", made.id, Always())["used_at"]


def test_what_is_refused_takes_the_same_steps(ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown prefixes and wrong secrets ask the store once and compare at least one digest, like keys that exist."""
    make(ports, "rep", "k")
    compared, asked = [], []
    import engine.service.api_keys as module

    def comparing(left: str, right: str) -> bool:
        compared.append((len(left), len(right)))
        return left == right

    find = type(ports.store).find
    monkeypatch.setattr(module, "compare_digest", comparing)
    monkeypatch.setattr(type(ports.store), "find", lambda *a, **k: asked.append(1) or find(*a, **k))
    wrong = token_of("k")[:-1] + ("a" if token_of("k")[-1] != "a" else "b")
    for text in (token_of("unknown"), wrong):
        compared.clear()
        asked.clear()
        assert present_key(ports, text, NOW).actor is None
        assert [1] == asked
        assert compared
        assert {(64, 64)} == set(compared)


def test_which_key_was_refused_is_known_to_the_log_alone(ports: Ports) -> None:
    """A wrong secret behind a real prefix is told apart from an unknown key, but not to whoever asks."""
    made = make(ports, "rep", "k")
    wrong = token_of("k")[:-3] + "AAA"
    assert made.id == present_key(ports, wrong, NOW).key.id
    assert None is present_key(ports, token_of("unknown"), NOW).key
    said = []
    for text in (wrong, token_of("unknown"), "byl_x", ""):
        with pytest.raises(BylawError) as caught:
            actor_for_api_key(ports, text, NOW)
        said.append(caught.value.problems)
    assert 1 == len(set(said))


@pytest.mark.parametrize("name", ["a", "b", "c", "d", "e"])
def test_revoking_while_the_key_is_in_use(ports: Ports, name: str) -> None:
    """However uses and the end of a key fall together, no use that begins after the end has been told succeeds."""
    made, revoked, begun = make(ports, "rep", name), threading.Event(), threading.Barrier(5)
    late: list[int] = []
    failures: list[BylawError] = []

    def use() -> None:
        begun.wait()
        for step in range(20):
            told = revoked.is_set()
            # Each use is hours after the one before, so that each also wants to note itself.
            if present_key(ports, token_of(name), NOW + step * USE_NOTED_EVERY).actor is not None and told:
                late.append(step)

    def end() -> None:
        begun.wait()
        try:
            revoke_api_key(ports, as_person(ports, "rep"), made.id)
        except BylawError as error:
            failures.append(error)
        revoked.set()

    run(*[use] * 4, end)
    assert ([], []) == (late, failures)
    assert NOW == ports.store.get("api_key", made.id, Always())["revoked_at"]


def test_two_rotations_at_once(ports: Ports) -> None:
    """Of two rotations at the same time one succeeds; the other is told that the key is replaced."""
    old = make(ports, "rep", "k")
    begun = threading.Barrier(2)
    said: list[str] = []

    def rotate(name: str) -> None:
        begun.wait()
        said.append(code(lambda: rotate_api_key(ports, as_person(ports, "rep"), old.id, token_of(name))))

    run(lambda: rotate("a"), lambda: rotate("b"))
    assert ["", "api_key.ended"] == sorted(said)


def test_every_role_can_have_keys(ports: Ports) -> None:
    """A key is no role: whoever may sign in may have one, the platform itself has none."""
    assert "person.not_found" == code(lambda: make(ports, "service", "k", by=platform()))
    for whom in ("rep", "field", "manager", "analyst", "admin"):
        assert "" == code(lambda whom=whom: make(ports, whom, f"{whom}'s", by=platform()))
    assert len(ALL_ROLES) == 6
    assert isinstance(actor_for_api_key(ports, token_of("rep's"), NOW), Actor)
    assert key_ring.DEFAULT_OVERLAP < key_ring.LONGEST_OVERLAP
