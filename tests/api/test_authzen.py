"""The OpenID Authorization API: the points of the standard's certification scenario, and what it must not tell.

The small world stands for the scenario's fixture: the representative owns even leads and reads them, the manager reads
everything of the branch, the administrator may ask about everybody of the region.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate
from small_world import NOW, ORG, Api, Clock, as_person, code, key_record, settings, token_of, value

from adapters.wiring import Texts, Wiring, build_in_memory
from engine.caller import ACTIONS, ROLES, Caller
from engine.predicate import Always
from engine.records import RECORD_TYPES, Record
from engine.service.directory import actor_of
from webapp.app import create_app
from webapp.authzen import OPERATIONS

HANDBOOK = Path(__file__).resolve().parents[2] / "docs" / "authorization.md"
REP, OTHER, MANAGER = "person-sales_rep", "person-other", "person-sales_manager"
OWN, FOREIGN = "lead-00", "lead-01"

Body = dict[str, Any]


def subject(person_id: str = REP, **more: Any) -> Body:
    return {"type": "user", "id": person_id, **more}


def lead(record_id: str = OWN, **more: Any) -> Body:
    return {"type": "lead", "id": record_id, **more}


def question(person_id: str = REP, action: str = "read", record_id: str = OWN) -> Body:
    return {"subject": subject(person_id), "action": {"name": action}, "resource": lead(record_id)}


@pytest.fixture
def pdp(app: Flask) -> Api:
    """An application that asks as the administrator."""
    return as_person(app, "person-platform_admin")


def ask(api: Api, body: Any, path: str = "evaluation", **more: Any) -> Any:
    """The answer's JSON, which must be there."""
    answer = api.post(f"/access/v1/{path}", body, key=None, **more)
    assert 200 == answer.status_code, answer.get_data(as_text=True)
    assert "application/json" == answer.mimetype
    return json.loads(answer.data)


def status(api: Api, body: Any, path: str = "evaluation", **more: Any) -> int:
    return api.post(f"/access/v1/{path}", body, key=None, **more).status_code


# -- evaluation


def test_a_decision(pdp: Api) -> None:
    """A decision is `true` or `false` with status 200, the same however often it is asked."""
    assert [{"decision": True}] * 3 == [ask(pdp, question()) for _ in range(3)]
    assert {"decision": False} == ask(pdp, question(record_id=FOREIGN))
    assert {"decision": True} == ask(pdp, question(MANAGER, "read", FOREIGN))
    assert {"decision": False} == ask(pdp, question(MANAGER, "write", FOREIGN))


def test_decisions_are_those_of_the_policies(pdp: Api, wiring: Wiring) -> None:
    """For every role, action and record type the decision is that of the predicate which answers requests."""
    asked, expected = [], []
    for kind in (known.name for known in RECORD_TYPES):
        for record in wiring.ports.store.find(kind, Always(), limit=3).records:
            for role in ROLES:
                actor = actor_of(wiring.ports, f"person-{role}")
                for action in ACTIONS:
                    resource = {"type": kind, "id": record.id}
                    asked.append({"subject": subject(actor.id), "action": {"name": action}, "resource": resource})
                    admin = actor_of(wiring.ports, "person-platform_admin")
                    seen = wiring.ports.authorizer.allows(admin, "read", record)
                    expected.append(seen and wiring.ports.authorizer.allows(actor, action, record))
    found = [
        one["decision"]
        for start in range(0, len(asked), 1_000)
        for one in ask(pdp, {"evaluations": asked[start : start + 1_000]}, "evaluations")["evaluations"]
    ]
    assert expected == found
    assert {True, False} == set(found)


def test_what_the_standard_lets_be_sent(pdp: Api) -> None:
    """Context, properties of stored things and members that nobody knows change nothing."""
    body = question() | {"context": {"time": "2025-06-27T18:03-07:00"}, "foo": "bar", "future": {"nested": True}}
    body["subject"]["properties"] = {"department": "Sales", "role": "platform_admin"}
    body["action"]["properties"] = {"method": "GET"}
    body["resource"]["properties"] = {"owner_id": "nobody"}
    assert {"decision": True} == ask(pdp, body)
    body["resource"]["id"] = FOREIGN
    assert {"decision": False} == ask(pdp, body)


def test_a_record_that_is_not_stored_is_judged_as_described(pdp: Api) -> None:
    """Properties of a resource that is not stored are its fields; without them it is nothing."""
    place = {"region_id": "region-1", "branch_id": "branch-1", "team_id": "team-1", "territory_id": "territory-1"}
    described = question(record_id="lead-new")
    assert {"decision": False} == ask(pdp, described)
    described["resource"]["properties"] = place | {"owner_id": REP, "unheard_of": [1]}
    assert {"decision": True} == ask(pdp, described)
    described["resource"]["properties"]["owner_id"] = [REP]
    assert {"decision": False} == ask(pdp, described)
    described["resource"]["properties"] |= {"owner_id": REP, "organisation_id": "org-b"}
    assert {"decision": True} == ask(pdp, described)


@pytest.mark.parametrize("missing", ["subject", "action", "resource"])
def test_a_missing_member_is_malformed(pdp: Api, missing: str) -> None:
    """Subject, action and resource are required, with type, id and name, in their types."""
    body = question()
    del body[missing]
    assert (400, "authzen.malformed") == code(pdp.post("/access/v1/evaluation", body))
    for part in {"subject": ("type", "id"), "action": ("name",), "resource": ("type", "id")}[missing]:
        for wrong in (None, "", 123, ["x"]):
            body = question()
            body[missing][part] = wrong
            assert 400 == status(pdp, body), (part, wrong)
        body = question()
        del body[missing][part]
        assert 400 == status(pdp, body), part
    assert 400 == status(pdp, question() | {missing: "alice"})
    assert 400 == status(pdp, question() | {"context": "now"})


def test_what_is_no_json_is_malformed(pdp: Api) -> None:
    """Another media type, no body, a body that is no JSON or no object are all 400."""
    text = json.dumps(question()).encode()
    for raw, media in (
        (text, "text/plain"),
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
    ):
        assert 400 == pdp.send("POST", "/access/v1/evaluation", raw=raw, media=media, key=None).status_code, raw
    assert 400 == pdp.send("POST", "/access/v1/evaluation", raw=b'{"a": 1, "a": 2}', key=None).status_code


@pytest.mark.parametrize("given", ["bfe9eb29-ab87-4ca3-be83-a1d5d8305716", "any string: even {this}"])
def test_the_request_id_comes_back(pdp: Api, given: str) -> None:
    """`X-Request-ID` is sent back as it came, with decisions and with errors; without one we make one."""
    for body in (question(), {}):
        answer = pdp.post("/access/v1/evaluation", body, headers={"X-Request-ID": given})
        assert given == answer.headers["X-Request-ID"]
    assert pdp.post("/access/v1/evaluation", question()).headers["X-Request-ID"]


def test_a_request_id_that_could_not_come_back_is_refused(pdp: Api) -> None:
    """What cannot be sent back unchanged is refused instead of changed."""
    answer = pdp.post("/access/v1/evaluation", question(), headers={"X-Request-ID": "x" * 201})
    assert (400, "request.bad_header") == code(answer)


# -- several at once


def test_many_evaluations(pdp: Api) -> None:
    """Decisions come in the order of the questions; what an evaluation leaves out stands around the list."""
    body = {
        "subject": subject(),
        "action": {"name": "read"},
        "context": {"time": "now"},
        "evaluations": [
            {"resource": lead()},
            {"resource": lead(FOREIGN), "context": {"source": "override"}},
            {"resource": lead(FOREIGN), "subject": subject(MANAGER)},
            question(action="publish"),
        ],
    }
    answer = ask(pdp, body, "evaluations")
    assert {"evaluations": [{"decision": one} for one in (True, False, True, False)]} == answer


def test_defaults_fill_required_members_only(pdp: Api) -> None:
    """An entity of an evaluation replaces the default; only `type` and `id` that it lacks come from there."""
    other = {
        "region_id": "region-1",
        "branch_id": "branch-1",
        "team_id": "team-1",
        "owner_id": REP,
        "territory_id": "territory-1",
    }
    body = {
        "subject": subject(),
        "action": {"name": "read"},
        "resource": {"type": "lead", "properties": other},
        "evaluations": [
            {"resource": {"id": OWN}},
            {"resource": {"id": "lead-new"}},
            {"resource": {"id": "x", "properties": other}},
        ],
    }
    assert [True, False, True] == [one["decision"] for one in ask(pdp, body, "evaluations")["evaluations"]]


def test_without_a_list_it_is_one_question(pdp: Api) -> None:
    """An absent or empty list of evaluations asks the one question around it, and is answered as one."""
    for body in (question(), question() | {"evaluations": []}):
        assert {"decision": True} == ask(pdp, body, "evaluations")


@pytest.mark.parametrize(
    ("semantic", "expected"),
    [
        ("execute_all", [True, False, True]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_semantics(pdp: Api, semantic: str, expected: list[bool]) -> None:
    """All are executed, or up to the first denial, or up to the first permission."""
    resources = [{"resource": lead(one)} for one in (OWN, FOREIGN, OWN)]
    body = question() | {"options": {"evaluations_semantic": semantic, "another": 1}, "evaluations": resources}
    assert expected == [one["decision"] for one in ask(pdp, body, "evaluations")["evaluations"]]


def test_an_error_of_one_evaluation_denies_it_alone(pdp: Api) -> None:
    """What is wrong with one evaluation is told in its place, and the others are decided."""
    body = {"subject": subject(), "action": {"name": "read"}, "evaluations": [{"resource": lead()}, {}, 7]}
    first, second, third = ask(pdp, body, "evaluations")["evaluations"]
    assert {"decision": True} == first
    for one in (second, third):
        assert (False, 400) == (one["decision"], one["context"]["error"]["status"])
    stopped = body | {"options": {"evaluations_semantic": "deny_on_first_deny"}}
    assert 2 == len(ask(pdp, stopped, "evaluations")["evaluations"])


def test_an_error_of_the_whole_is_malformed(pdp: Api) -> None:
    """A list that is none, a semantic that does not exist and too many questions are 400."""
    for wrong in (
        {"evaluations": {}},
        {"evaluations": [question()], "options": 1},
        {"evaluations": [question()], "options": {"evaluations_semantic": "all"}},
        {"evaluations": [{}] * 1_001},
    ):
        assert 400 == status(pdp, wrong, "evaluations"), wrong


# -- search


def search(api: Api, what: str, body: Body) -> list[Any]:
    """All results, page by page."""
    found: list[Any] = []
    page: Body = {"limit": 2}
    while True:
        answer = ask(api, body | {"page": page}, f"search/{what}")
        assert answer["page"]["count"] == len(answer["results"]) <= 2
        found += answer["results"]
        if not answer["page"]["next_token"]:
            return found
        page = {"limit": 2, "token": answer["page"]["next_token"]}


def test_search_for_subjects(pdp: Api) -> None:
    """The people who may read a lead, each once over all pages; every one of them is allowed when asked about."""
    body = {"subject": {"type": "user"}, "action": {"name": "read"}, "resource": lead()}
    found = search(pdp, "subject", body)
    assert {REP, MANAGER, "person-revops_analyst", "person-platform_admin"} == {one["id"] for one in found}
    assert len(found) == 4
    for one in found:
        assert {"decision": True} == ask(pdp, {**body, "subject": one})
    assert found == ask(pdp, body, "search/subject")["results"]


@pytest.mark.parametrize("action", ["read", "write"])
def test_search_for_resources(pdp: Api, action: str) -> None:
    """The leads that somebody may read or write, with their number; every one is allowed when asked about, no other."""
    body = {"subject": subject(), "action": {"name": action}, "resource": {"type": "lead"}}
    found = {one["id"] for one in search(pdp, "resource", body)}
    everything = [f"lead-{number:02}" for number in range(12)]
    asked = [{"resource": lead(one)} for one in everything]
    decided = ask(pdp, {**body, "evaluations": asked}, "evaluations")["evaluations"]
    assert found == {one for one, answer in zip(everything, decided, strict=True) if answer["decision"]}
    assert len(found) == ask(pdp, body, "search/resource")["page"]["total"] == 4


def test_search_for_actions(pdp: Api) -> None:
    """Everything that somebody may do to a lead; every action is allowed when asked about."""
    body = {"subject": subject(), "resource": lead()}
    assert [{"name": "read"}, {"name": "write"}] == search(pdp, "action", body)
    assert [{"name": "read"}] == search(pdp, "action", {"subject": subject(MANAGER), "resource": lead(FOREIGN)})
    rule_version = {"subject": subject("person-revops_analyst"), "resource": {"type": "rule_version", "id": "x"}}
    assert [] == search(pdp, "action", rule_version)


def test_an_action_per_page(pdp: Api) -> None:
    """Actions come page by page too."""
    body = {"subject": subject(), "resource": lead(), "page": {"limit": 1}}
    first = ask(pdp, body, "search/action")
    assert ([{"name": "read"}], 2) == (first["results"], first["page"]["total"])
    second = ask(pdp, body | {"page": {"limit": 1, "token": first["page"]["next_token"]}}, "search/action")
    assert ([{"name": "write"}], "") == (second["results"], second["page"]["next_token"])


@pytest.mark.parametrize("what", ["subject", "resource", "action"])
def test_searches_for_what_there_is_not_are_empty(pdp: Api, what: str) -> None:
    """Unknown people, records, types and actions have no results; that is no error."""
    known = {"subject": subject(), "action": {"name": "read"}, "resource": lead()}
    unknown: list[Body] = [{"resource": {"type": "spaceship", "id": "x"}}]
    unknown += [{"subject": subject("nobody")}, {"subject": {"type": "robot", "id": REP}}] if what != "subject" else []
    unknown += [{"subject": {"type": "spaceship"}}, {"resource": lead("lead-none")}] if what == "subject" else []
    unknown += [{"action": {"name": "fly"}}] if what != "action" else []
    for one in unknown:
        assert [] == ask(pdp, known | one, f"search/{what}")["results"], one


def test_searches_demand_what_they_need(pdp: Api) -> None:
    """Searches are malformed without the entities that they do not search for; page members have their types."""
    known = {"subject": subject(), "action": {"name": "read"}, "resource": lead()}
    for what, needed in (
        ("subject", ("action", "resource")),
        ("resource", ("subject", "action")),
        ("action", ("subject", "resource")),
    ):
        for name in needed:
            assert 400 == status(pdp, {key: one for key, one in known.items() if key != name}, f"search/{what}")
        for page in ({"limit": -1}, {"limit": "2"}, {"limit": Decimal("1.5")}, {"token": 7}, []):
            assert 400 == status(pdp, known | {"page": page}, f"search/{what}"), (what, page)
        assert 400 == status(pdp, known | {"page": {"token": "forged"}}, f"search/{what}")
        assert 200 == status(pdp, known | {"page": {"limit": 0}}, f"search/{what}")
        assert 200 == status(pdp, known | {"page": {"limit": 10**9}}, f"search/{what}")
    assert 400 == status(pdp, known | {"resource": {"type": "lead"}}, "search/subject")
    assert 400 == status(pdp, known | {"subject": {"type": "user"}}, "search/resource")


def test_a_token_belongs_to_its_question(pdp: Api) -> None:
    """A page's token is refused with another question."""
    body = {"subject": {"type": "user"}, "action": {"name": "read"}, "resource": lead(), "page": {"limit": 1}}
    token = ask(pdp, body, "search/subject")["page"]["next_token"]
    other = body | {"action": {"name": "write"}, "page": {"token": token}}
    assert (400, "cursor.invalid") == code(pdp.post("/access/v1/search/subject", other))


# -- who may ask


def test_strangers_are_told_nothing(app: Flask) -> None:
    """Only the addresses are told to somebody who does not say who asks."""
    stranger = as_person(app, None)
    for path in ("evaluation", "evaluations", "search/subject", "search/resource", "search/action"):
        assert 401 == status(stranger, question(), path)
    assert 200 == stranger.client.get("/.well-known/authzen-configuration").status_code


def test_asking_about_oneself_and_others(app: Flask) -> None:
    """Everybody asks about themselves; managers about their team, admins about their region; others about nobody."""
    assert {"decision": True} == ask(as_person(app, REP), question())
    assert 403 == status(as_person(app, REP), question(MANAGER))
    assert 403 == status(as_person(app, "person-revops_analyst"), question())
    assert {"decision": True} == ask(as_person(app, MANAGER), question())
    assert {"decision": False} == ask(as_person(app, MANAGER), question(OTHER, record_id=FOREIGN))
    assert {"decision": True} == ask(as_person(app, "person-platform_admin"), question(OTHER, record_id=FOREIGN))


def test_a_list_of_oneself_alone_is_refused(app: Flask) -> None:
    """Who may ask about nobody else gets no list of people: it would look complete."""
    assert 403 == status(as_person(app, REP), question(), "search/subject")
    assert 403 == status(as_person(app, REP), question() | {"subject": {"type": "robot"}}, "search/subject")
    assert [{"name": "read"}, {"name": "write"}] == ask(as_person(app, REP), question(), "search/action")["results"]


def test_what_is_unknown_and_what_is_hidden_look_the_same(app: Flask) -> None:
    """A person or record that the asker may not see is answered like one that does not exist, byte by byte."""
    for person_id, role_answers in (("person-platform_admin", 200), (REP, 403)):
        api = as_person(app, person_id)
        for hidden, none in (("person-9", "person-none"), ("person-gone", "person-none")):
            answers = [api.post("/access/v1/evaluation", question(one)) for one in (hidden, none)]
            told = [re.sub(r'"instance":"[^"]*"', "", one.get_data(as_text=True)) for one in answers]
            assert told[0] == told[1]
            assert {role_answers} == {one.status_code for one in answers}
        for hidden, none in (("lead-9", "lead-none"), ("lead-9\x00", "x" * 10_000)):
            assert ask(api, question(person_id, record_id=hidden)) == ask(api, question(person_id, record_id=none))
    neighbour = as_person(app, "person-9")
    assert {"decision": False} == ask(neighbour, question("person-9", record_id=OWN))


def test_a_record_outside_the_askers_sight_does_not_exist(app: Flask, wiring: Wiring) -> None:
    """An admin of one region learns nothing of another region's records, though the person asked about reads them."""
    far = {
        "region_id": "region-1",
        "branch_id": "branch-9",
        "team_id": "team-9",
        "owner_id": REP,
        "territory_id": "territory-1",
    }
    record = Record("lead", "lead-far", ORG, {"name": "Far", "facts_schema": "lead/2", "facts": {}, **far})
    with wiring.ports.store.transaction() as transaction:
        transaction.insert(record)
    rep = actor_of(wiring.ports, REP)
    assert wiring.ports.authorizer.allows(rep, "read", replace(record, revision=1))
    assert {"decision": True} == ask(as_person(app, REP), question(record_id="lead-far"))
    assert {"decision": False} == ask(as_person(app, "person-platform_admin"), question(record_id="lead-far"))


def test_a_token_asks_within_its_scopes(wiring: Wiring) -> None:
    """A token without `ask:person` asks nothing; with it, it is told what the token may do, not what the person may."""
    from engine.problems import DeniedError
    from engine.service.authorization import Target, check

    rep = actor_of(wiring.ports, REP)
    target = Target("lead", OWN)

    def asking(*scopes: str) -> Caller:
        return Caller(replace(rep, scopes=frozenset(scopes)), NOW, "api", "r-1")

    with pytest.raises(DeniedError):
        check(wiring.ports, asking("read:lead"), REP, "read", target)
    narrow = asking("read:lead", "ask:person")
    assert check(wiring.ports, narrow, REP, "read", target).allowed
    assert not check(wiring.ports, narrow, REP, "write", target).allowed


# -- description and discovery


def test_the_document_is_valid(app_in_memory: Flask) -> None:
    """The document of these addresses is valid OpenAPI 3.1, describes every one of them, and has nothing left over."""
    found = json.loads(app_in_memory.test_client().get("/access/v1/openapi.json").data)
    validate(found)
    described = {(method.upper(), path) for path, methods in found["paths"].items() for method in methods}
    routes = {
        (method, rule.rule)
        for rule in app_in_memory.url_map.iter_rules()
        if rule.rule.startswith(("/access/", "/.well-known/"))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes == described
    parts = [(part, name) for part in ("schemas", "responses", "headers") for name in found["components"][part]]
    text = json.dumps(found)
    assert [] == [(part, name) for part, name in parts if f'"#/components/{part}/{name}"' not in text]


def test_every_address_is_in_the_handbook() -> None:
    """docs/authorization.md has a paragraph for every address of the standard and for no other."""
    described = re.findall(r"^### `([A-Z]+ /\S*)`$", HANDBOOK.read_text(), re.MULTILINE)
    assert [f"{operation.method} {operation.path}" for operation in OPERATIONS] == described


def test_the_examples_of_the_handbook_work(tmp_path: Path, texts: Texts) -> None:
    """Every question that docs/authorization.md asks with `curl` is answered as the page says, for an admin."""
    wiring = build_in_memory(settings(tmp_path), texts=texts)
    wiring.prepare(NOW)
    key = key_record("example", person_id="person-platform_admin", organisation_id="larkmoor")
    with wiring.ports.store.transaction() as transaction:
        transaction.insert(key)
    api = Api(create_app(wiring, clock=Clock()).test_client(), token_of("example"))
    text = HANDBOOK.read_text()
    shown = re.findall(
        r"curl [^`]*?-d '([^']*)'[^`]*?http://127\.0\.0\.1:8400(/\S+)\n```\n\n```json\n(.*?)\n```", text, re.DOTALL
    )
    assert len(shown) >= 4
    for body, path, answered in shown:
        answer = api.send("POST", path, raw=body.encode(), key=None)
        told = re.sub(r'"next_token":"[^"]+"', '"next_token":"..."', answer.get_data(as_text=True))
        assert json.loads(answered) == json.loads(told), path


def test_the_configuration_names_the_addresses(app: Flask) -> None:
    """The metadata names this server and its addresses, and each of them answers."""
    api = as_person(app, "person-platform_admin")
    found = value(api.client.get("/.well-known/authzen-configuration"))
    assert "http://localhost" == found["policy_decision_point"]
    addresses = {name: one for name, one in found.items() if name.endswith("_endpoint")}
    assert 5 == len(addresses)
    for one in addresses.values():
        assert one.startswith(found["policy_decision_point"] + "/")
        assert 400 == api.client.post(one, json={}, headers=api.headers()).status_code
