"""Every door of the application as requests: each operation of the documents, each page and form of the console.

A request that names something names in turn what the asker's organisation has, what only another has, and what nobody
has. A door without a request here fails the test that walks through all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from right_requests import RIGHT, Right, at

from webapp import authzen, console
from webapp.api.operation import Operation
from webapp.api.routes import OPERATIONS
from webapp.console.frame import Route
from webapp.rate_limits import REPORTS

NOBODYS = "nobody-has-this"
GREETING = {"kind": "decision", "name": "greeting"}
GREETING_FILE = (Path(__file__).resolve().parents[1] / "cases/cli/rules/decision/greeting@1.yaml").read_bytes()
QUESTION = {
    "subject": {"type": "user", "id": "person-sales_rep"},
    "action": {"name": "read"},
    "resource": {"type": "lead", "id": "lead-00"},
}

OWN: Mapping[str, Right] = {
    **RIGHT,
    "get_checkpoint": at("checkpoint-000000000001"),
    "publish_version": Right(path=GREETING, raw=GREETING_FILE),
    "end_my_session": at("a-session"),
    "make_key": Right(body={"name": "new", "scopes": ["read:lead"]}),
    "get_openapi": Right(),
    "evaluation": Right(body=QUESTION),
    "evaluations": Right(body={**QUESTION, "evaluations": [{}, {"action": {"name": "write"}}]}),
    "search_subject": Right(body=QUESTION),
    "search_resource": Right(body={**QUESTION, "page": {"limit": 2}}),
    "search_action": Right(body=QUESTION),
    "configuration": Right(),
    "openapi": Right(),
}
"""A request to each operation about what the asker's own organisation has."""


@dataclass(frozen=True)
class Foreign:
    """What only another organisation has: ids by record type, texts for filters, and what its people were answered."""

    ids: Mapping[str, str]
    texts: Mapping[str, str]
    cursors: Mapping[str, str] = field(default_factory=dict)
    made: tuple[str, ...] = ()

    def id_like(self, own: str) -> str:
        """The foreign id of the type that an own id is of."""
        return next((found for kind, found in self.ids.items() if own.startswith(kind)), f"{own}-theirs")


@dataclass(frozen=True)
class Knock:
    """One request at a door; `form` is sent with the session's token, anything else as it is."""

    door: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, Any] | None = None
    base: bool = False
    """Whether it is about the asker's own things alone: such a one is sent by everybody."""

    @property
    def by_page(self) -> bool:
        """Whether a browser's session asks."""
        return self.door.startswith("console.")


def of_operations(foreign: Foreign, handle: str) -> Iterator[Knock]:
    """Requests to every operation; `handle` names a session of the asker."""
    for operation in (*OPERATIONS, *authzen.OPERATIONS):
        ours = operation not in authzen.OPERATIONS
        door = f"{'api' if ours else 'authzen'}.{operation.id}"
        address = f"/api/v1{operation.path}" if ours else operation.path
        right = OWN[operation.id]
        for number, path in enumerate(_paths(operation, right, foreign, handle)):
            yield _request(door, operation, address, right, path, base=number == 0)
        for query in _queries(operation, foreign):
            yield Knock(door, "GET", address, query)
        for body in _bodies(operation, right.body, foreign):
            yield _request(door, operation, address, Right(path=right.path, body=body), dict(right.path))


def _paths(operation: Operation, right: Right, foreign: Foreign, handle: str) -> list[dict[str, str]]:
    own = dict(right.path)
    if operation.id == "end_my_session":
        own = {"id": handle}
    if "id" in own:
        return [own, *({"id": one} for one in (foreign.id_like(own["id"]), NOBODYS))]
    if "kind" in own:
        other = {**GREETING, "version": "1"} if operation.id != "publish_version" else own
        return [own, other, {"kind": "decision", "name": NOBODYS, "version": "1"}, {**own, "version": "77"}]
    return [own]


def _request(
    door: str, operation: Operation, address: str, right: Right, path: Mapping[str, str], *, base: bool = False
) -> Knock:
    for name, text in path.items():
        address = address.replace(f"{{{name}}}", text)
    body = right.raw or (b"" if right.body is None else json.dumps(right.body).encode())
    headers = {"If-Match": f'"{right.revision or 1}"'} if operation.changes else {}
    if operation.creates or operation.keyed_when:
        headers["Idempotency-Key"] = f"same-{operation.id}-{sum(body)}"  # as whoever asked the same elsewhere
    if body:
        headers["Content-Type"] = "application/yaml" if right.raw else "application/json"
    return Knock(door, operation.method, address, right.query, body, headers, base=base)


def _queries(operation: Operation, foreign: Foreign) -> Iterator[dict[str, str]]:
    for one in operation.parameters:
        if one.name in foreign.texts:
            yield {one.name: foreign.texts[one.name], **({"total": "true"} if operation.path != "/keys" else {})}
    names = {one.name for one in operation.parameters}
    if "cursor" in names:
        yield {"total": "true", "limit": "200"}
        yield {"limit": "1"}
        yield {"limit": "1", "cursor": foreign.cursors.get(operation.id, "AAAA")}
    if operation.id == "export_audit":
        yield from ({"scope": f"subject:lead/{one}"} for one in ("lead-00", foreign.ids["lead"], NOBODYS))
        yield from ({"scope": f"actor:{one}"} for one in (foreign.ids["person"], NOBODYS))
        yield {"scope": "region:region-1"}
    if operation.id == "explain_access":
        check = dict(OWN["check_access"].body)
        for name, kind in (("person_id", "person"), ("record_id", "lead")):
            yield from ({**check, name: one} for one in (foreign.ids[kind], NOBODYS))


def _bodies(operation: Operation, own: Any, foreign: Foreign) -> Iterator[Any]:
    """Bodies that name what others have, and what nobody has."""
    person, lead, account = (foreign.ids[kind] for kind in ("person", "lead", "account"))
    for who, what, where, plan in ((person, lead, account, "decision/greeting"), (NOBODYS,) * 4):
        match operation.id:
            case "create_lead" | "update_lead":
                yield {"name": "N", "owner_id": who}
            case "create_deal":
                yield {**own, "owner_id": who}
                yield {**own, "account_id": where}
                yield {**own, "splits": [{"payee": who, "share": 100}]}
                yield {**own, "product": foreign.texts["product"] if where == account else NOBODYS}
            case "update_deal":
                yield {"account_id": where}
            case "create_check_in":
                yield {**own, "account_id": where}
            case "start_job":
                yield {"kind": "score-leads", "rule_set": plan}
                yield {"kind": "incentive-run", "plan": plan, "period": "2026-Q3"}
                yield {"kind": "incentive-run", "plan": "sales-commission", "period": "2026-Q3"}
            case "erase_subject":
                yield {"subject": f"lead/{what}", "reason": "r"}
                yield {"subject": f"person/{who}", "reason": "r"}
            case "make_key":
                yield {"name": "n", "person_id": who}
            case "check_access" | "check_access_bulk":
                one = dict(OWN["check_access"].body)
                asked = [{**one, "person_id": who}, {**one, "record_id": what, "explain": True}]
                yield from asked if operation.id == "check_access" else ({"checks": asked},)
            case "evaluation" | "evaluations" | "search_subject" | "search_resource" | "search_action":
                yield {**own, "subject": {"type": "user", "id": who}}
                yield {**own, "resource": {"type": "lead", "id": what}}
                token = foreign.cursors.get(operation.id, "AAAA.AAAA")
                yield {**own, "page": {"limit": 1, "token": token if who == person else "AAAA"}}


PAGE_PARTS: Mapping[str, str] = {
    "lead": "lead-00", "deal": "deal-01", "statement": "statement-1", "conflict": "conflict-1", "job": "job-1",
    "audit_entry": "audit-000000000001", "cancel_job": "job-2", "resolve_conflict": "conflict-2",
    "rotate_key": "key-person-other", "revoke_key": "key-person-sales_rep",
}  # fmt: skip
"""The id in the address of a page or form, where there is one."""


def _page_queries(foreign: Foreign) -> Mapping[str, list[dict[str, str]]]:
    """Queries of pages that name what others have."""
    person, lead = foreign.ids["person"], foreign.ids["lead"]
    search = {"q": foreign.texts["q"], "owner": person}
    return {
        "leads": [search, {"q": "Lead"}, {"band": "A"}],
        "deals": [search, {"q": "Deal"}],
        "statements": [{"period": foreign.texts["period"]}, {"q": foreign.texts["q"]}],
        "jobs": [{"state": "queued"}],
        "audit": [{"record": lead, "type": "lead"}, {"actor": person}, {"record": "lead-00", "type": "lead"}],
        "rights": [
            {"type": "lead", "record": record, "person": who}
            for record, who in (("lead-00", "person-sales_rep"), ("lead-00", person), (lead, "person-sales_rep"))
        ],
        "somebodys_sessions": [{"person": one} for one in ("person-sales_rep", person, NOBODYS)],
        "trial": [
            {"rule": "decision/greeting"},
            {"rule": "lead-priority/inbound", "facts": "{}"},
            {"lead": lead},
            {"deal": "deal-01"},
        ],
        "rule_set": [{"version": "77"}],
    }


def _forms(foreign: Foreign, handle: str) -> Mapping[str, list[dict[str, Any]]]:
    """What is sent to each form of the console."""
    person = foreign.ids["person"]
    return {
        "begin_session": [{"person_id": one} for one in ("person-sales_rep", person, NOBODYS)],
        "resolve_conflict": [{"revision": "1"}],
        "start_job": [
            {"kind": "score-leads"},
            {"kind": "incentive-run", "plan": "sales-commission", "period": "2026-Q3"},
            {"kind": "score-leads", "rule_set": "decision/greeting"},
        ],
        "cancel_job": [{}],
        "make_key": [{"name": "mine", "days": "7", "reach": "narrow", "scope": ["read:lead"]}],
        "rotate_key": [{}],
        "revoke_key": [{}],
        "export_audit": [{}, {"type": "lead", "record": foreign.ids["lead"]}, {"actor": person}],
        "run_trial": [{"rule": "lead-priority/inbound", "mode": "json", "facts_json": '{"employees": 800}'}],
        "end_one_session": [{"session_id": one} for one in (foreign.ids["a-session"], NOBODYS, handle)],
        "end_somebodys_sessions": [{"person": one} for one in (person, NOBODYS, "person-other")],
        "end_other_sessions": [{}],
        "end_session": [{}],
    }


ENDING = (
    "console.revoke_key", "api.revoke_key", "console.end_somebodys_sessions", "api.end_sessions_of",
    "api.end_my_session", "console.end_one_session", "console.end_other_sessions", "console.end_session",
    "api.end_my_other_sessions",
)  # fmt: skip
"""Doors that take the asker's own key or session, which are knocked at last."""


def all_knocks(foreign: Foreign, spare: Sequence[str]) -> list[Knock]:
    """Requests to every door, in the order in which one person can send them all.

    `spare` are two sessions of the person beside the one that asks, by their handles.
    """
    found = [*of_operations(foreign, spare[0]), *of_pages(foreign, spare[1]), *of_the_rest()]
    return sorted(found, key=lambda one: one.door in ENDING and ENDING.index(one.door) + 1)


def of_pages(foreign: Foreign, handle: str) -> Iterator[Knock]:
    """Requests to every page and form of the console; `handle` names a session of the asker."""
    queries, forms = _page_queries(foreign), _forms(foreign, handle)
    for route in console.ROUTES:
        for number, path in enumerate(_page_paths(route, foreign)):
            for method in route.methods:
                if method == "GET":
                    asked = [{}, *(queries.get(route.name, []) if number == 0 else [])]
                    for query in asked:
                        yield Knock(f"console.{route.name}", method, path, query, base=number == 0 and not query)
                else:
                    for form in forms[route.name]:
                        yield Knock(f"console.{route.name}", method, path, form=form)


def _page_paths(route: Route, foreign: Foreign) -> list[str]:
    if "<record_id>" in route.path:
        own = PAGE_PARTS[route.name]
        return [route.path.replace("<record_id>", one) for one in (own, foreign.id_like(own), NOBODYS)]
    if "<kind>/<name>" in route.path:
        pairs = ("lead-priority/inbound", "decision/greeting", f"decision/{NOBODYS}")
        return [route.path.replace("<kind>/<name>", one) for one in pairs]
    if route.name == "static_file":
        return ["/static/none/console.css"]
    assert "<" not in route.path, f"say what stands for a part of {route.path}"
    return [route.path]


def of_the_rest() -> Iterator[Knock]:
    """Requests to the addresses beside operations and pages."""
    yield Knock("health.live", "GET", "/health/live")
    yield Knock("health.ready", "GET", "/health/ready")
    report = {"Content-Type": "application/csp-report"}
    yield Knock("take_violations", "POST", REPORTS, body=b'{"csp-report": {}}', headers=report)
    yield Knock("problem_page", "GET", "/problems/record.not_found")
