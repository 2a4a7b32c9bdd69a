"""For each operation of the API a request over the small world that succeeds, and who sends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from small_world import Api
from werkzeug.test import TestResponse

from webapp.api.operation import Operation

DISCOUNT = {"kind": "decision", "name": "discount-approval"}
INBOUND = {"kind": "lead-priority", "name": "inbound"}
CHECK = {"person_id": "person-sales_rep", "action": "write", "record_type": "lead", "record_id": "lead-00"}


@dataclass(frozen=True)
class Right:
    """A request that succeeds: who sends it, to which address, with what. `revision` is sent as `If-Match`."""

    by: str = "platform_admin"
    path: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    raw: bytes | None = None
    revision: int | None = None
    query: Mapping[str, str] = field(default_factory=dict)

    def send(self, api: Api, operation: Operation) -> TestResponse:
        address = operation.path
        for name, text in self.path.items():
            address = address.replace(f"{{{name}}}", text)
        headers = {"If-Match": f'"{self.revision}"'} if self.revision else {}
        if operation.method == "GET":
            return api.get(address, **self.query)
        media = "application/yaml" if self.raw else "application/json"
        return api.send(operation.method, address, self.body, raw=self.raw, media=media, headers=headers, key=api.token)


def at(record_id: str, **more: Any) -> Right:
    """A request about this record."""
    return Right(path={"id": record_id}, **more)


NOTHING = Right()
RIGHT: Mapping[str, Right] = {
    "evaluate": Right(path=INBOUND, body={"facts": {"employees": 800}}),
    "evaluate_bulk": Right(path=INBOUND, body={"facts": [{"employees": 800}]}),
    "list_decisions": NOTHING, "get_decision": at("decision-1"),
    "list_rule_sets": NOTHING, "validate_rule_file": Right(raw=b"kind: decision"),
    "get_rule_set": Right(path=INBOUND), "list_versions": Right(path=INBOUND),
    "publish_version": Right("revops_analyst", DISCOUNT, raw=b"next version"),
    "get_version": Right(path={**INBOUND, "version": "1"}),
    "list_leads": NOTHING, "create_lead": Right("sales_rep", body={"name": "New", "facts_schema": "lead/2"}),
    "get_lead": at("lead-00"), "update_lead": at("lead-00", body={"company": "New"}, revision=1),
    "explain_lead": at("lead-00"),
    "list_deals": NOTHING, "create_deal": Right("sales_rep", body={"name": "Tea", "stage": "Engaging"}),
    "get_deal": at("deal-01"), "update_deal": at("deal-01", body={"next_step": "Call"}, revision=1),
    "list_check_ins": NOTHING, "get_check_in": at("check-in-1"),
    "create_check_in": Right(
        "field_sales_rep", body={"at": "2026-11-23T08:00:00Z", "latitude": "54.3", "longitude": "10"}
    ),
    "list_accounts": NOTHING, "get_account": at("account-1"),
    "list_statements": NOTHING, "get_statement": at("statement-1"),
    "list_conflicts": NOTHING, "get_conflict": at("conflict-1"), "preview_conflict": at("conflict-1"),
    "resolve_conflict": at("conflict-1", revision=1),
    "list_jobs": NOTHING, "get_job": at("job-1"), "cancel_job": at("job-1"),
    "start_job": Right("revops_analyst", body={"kind": "score-leads"}),
    "check_access": Right(body=CHECK), "check_access_bulk": Right(body={"checks": [CHECK]}),
    "explain_access": Right(query=CHECK),
    "list_my_sessions": NOTHING, "end_my_other_sessions": NOTHING, "list_sessions_of": at("person-sales_rep"),
    "end_sessions_of": at("person-sales_rep"),
    "list_checkpoints": NOTHING,
    "erase_subject": Right(body={"subject": "lead/lead-11", "reason": "asked for"}),
    "list_audit_entries": NOTHING, "get_audit_entry": at("audit-000000000001"), "export_audit": NOTHING,
    "get_me": NOTHING,
    "list_keys": NOTHING, "make_key": Right(body={"name": "new", "scopes": ["read:nothing"]}),
    "get_key": at("key-person-sales_rep"), "revoke_key": at("key-person-sales_rep"),
    "rotate_key": at("key-person-sales_rep"),
}  # fmt: skip
"""One request for each operation; those of other doors' own tests are added where they are asked about."""
