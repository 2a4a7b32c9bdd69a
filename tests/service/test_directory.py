"""People of the same id in two organisations: ids are each organisation's own, so nobody acts for a namesake."""

from __future__ import annotations

from dataclasses import replace

import pytest
from world import INBOUND, NOW, as_person, codes, directory, insert, lead, make_world, shipped, staff

from engine.caller import Caller
from engine.ports import Ports
from engine.predicate import Compare
from engine.problems import NotFoundError
from engine.records import Record
from engine.service.api_keys import present_key
from engine.service.directory import actor_of, actor_of_person_key, person_key_of
from engine.service.jobs import run_job
from engine.service.key_ring import create_api_key
from engine.service.leads import start_scoring

TOKEN = f"byl_abcdefgh_{'x' * 43}"


def twins(*organisations: str) -> Ports:
    """A world of `acme` in which others have people, places and a lead of the same ids."""
    ports = make_world(shipped(*INBOUND))
    ours = (*directory(), lead("l1", staff()["rep"], employees=9))
    insert(ports, ours[-1])
    for organisation in organisations:
        insert(
            ports,
            *(
                replace(
                    record,
                    organisation_id=organisation,
                    id=organisation if record.type == "organisation" else record.id,
                )
                for record in ours
            ),
        )
    return ports


def test_an_id_alone_is_nobody_where_two_have_it() -> None:
    """Whoever types only an id that two organisations know is refused; with the organisation it is somebody."""
    ports = twins("aaa", "zzz")
    with pytest.raises(NotFoundError) as refused:
        actor_of(ports, "rep")
    assert codes(refused) == [("person.ambiguous", "")]
    for organisation in ("aaa", "acme", "zzz"):
        assert actor_of(ports, "rep", organisation).organisation_id == organisation
        assert actor_of_person_key(ports, person_key_of(organisation, "rep")).organisation_id == organisation
    with pytest.raises(NotFoundError, match="there is no person"):
        actor_of(ports, "rep", "nobody")


def test_a_person_key_is_one_persons() -> None:
    """No two people have the same key, however their ids and those of their organisations are cut."""
    assert person_key_of("acme", "eu rep") != person_key_of("acme eu", "rep")
    assert person_key_of("a-b", "c") != person_key_of("a", "b-c")


@pytest.mark.parametrize("other", ["aaa", "zzz"])
def test_a_job_has_the_rights_of_whoever_started_it_and_of_no_namesake(other: str) -> None:
    """A job of one organisation works on that one's records, though another has a person of the starter's id."""
    ports = twins(other)
    starter = Caller(actor_of(ports, "analyst", "acme"), NOW, "api", "r")
    job = run_job(ports, start_scoring(ports, starter).id, clock=lambda: NOW, worker="w")
    states = {
        organisation: ports.store.get("lead", "l1", Compare("organisation_id", "=", organisation))["score_state"]
        for organisation in ("acme", other)
    }
    assert ("succeeded", {"acme": "scored", other: "waiting"}) == (job["state"], states)


@pytest.mark.parametrize("other", ["aaa", "zzz"])
def test_a_key_stands_for_its_own_organisations_person(other: str) -> None:
    """A key's person is looked for in the key's organisation, and its use is noted there."""
    ports = twins()
    create_api_key(ports, as_person(ports, "rep"), "rep", "mine", TOKEN, key_id="k1")
    insert(ports, *twins_of_keys(ports, other), *(replace(one, organisation_id=other) for one in directory()[1:]))
    found = present_key(ports, TOKEN, NOW).actor
    assert found is not None
    assert ("acme", "rep") == (found.organisation_id, found.id)
    used = {key.organisation_id: key["used_at"] for key in ports.store.scan("api_key", Compare("id", "=", "k1"))}
    assert {"acme": NOW, other: None} == used


def twins_of_keys(ports: Ports, other: str) -> list[Record]:
    """The keys of `acme` under the same ids in another organisation, with secrets of their own."""
    keys = ports.store.scan("api_key", Compare("organisation_id", "=", "acme"))
    return [replace(key, organisation_id=other, revision=0).with_fields(secret_digest="0" * 64) for key in keys]
