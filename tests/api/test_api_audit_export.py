"""The audit log's export over HTTP."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

from small_world import NOW, ORG, Api, code

from adapters.shipped import verify_audit
from adapters.signing import is_signed_by
from adapters.wiring import Wiring
from engine.audit.verification import verify
from engine.predicate import Always
from engine.service.audit_export import OLDER_CHECKPOINTS
from engine.service.checkpoints import take_checkpoint


def changed(api: Api, *lead_ids: str) -> None:
    """Changes, so that there is something in the log."""
    for lead_id in lead_ids:
        answer = api.patch(f"/leads/{lead_id}", {"company": "New"}, 1)
        assert answer.status_code == 200, answer.get_data(as_text=True)


def head(file: bytes) -> dict[str, Any]:
    """The first line."""
    found: dict[str, Any] = json.loads(file.splitlines()[0])
    return found


def test_a_file_to_take_away(rep: Api, wiring: Wiring) -> None:
    """The answer is an attachment of JSON lines that both verifiers find good, signed by the log's key."""
    changed(rep, "lead-00")
    answer = rep.get("/audit/export")
    assert (200, "application/jsonl") == (answer.status_code, answer.mimetype)
    assert "no-store" == answer.headers["Cache-Control"]
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="audit-organisation-')
    key = wiring.signer.key(ORG)
    assert verify(BytesIO(answer.data), is_signed_by, key=key).good
    assert verify_audit.verdict_on(BytesIO(answer.data), str(key))["good"]
    assert ("person-sales_rep", 1) == (head(answer.data)["made_for"], head(answer.data)["entries"])


def test_a_scope_and_a_period(rep: Api) -> None:
    """Scope and period narrow the file; what is none is a problem before anything is written."""
    changed(rep, "lead-00")
    assert 1 == head(rep.get("/audit/export", scope="subject:lead/lead-00").data)["entries"]
    assert 0 == head(rep.get("/audit/export", scope="subject:lead/lead-77").data)["entries"]
    assert 0 == head(rep.get("/audit/export", before="2020-01-01T00:00:00Z").data)["entries"]
    assert (400, "audit.scope") == code(rep.get("/audit/export", scope="everything"))


def test_a_checkpoint_that_was_kept(rep: Api, wiring: Wiring) -> None:
    """Whoever has kept a checkpoint gets a file that proves it, however many were signed since."""
    changed(rep, "lead-00")
    take_checkpoint(wiring.ports, wiring.signer, ORG, NOW)
    (note,) = [checkpoint["note"] for checkpoint in rep.get("/audit/checkpoints").json["items"]]
    key = wiring.signer.key(ORG)
    for _ in range(OLDER_CHECKPOINTS + 1):
        assert rep.patch("/leads/lead-99", {"company": "New"}, 1).status_code == 404  # a refused change is an entry too
        take_checkpoint(wiring.ports, wiring.signer, ORG, NOW)
    without, with_it = rep.get("/audit/export").data, rep.get("/audit/export", since=note).data
    assert verify(BytesIO(with_it), is_signed_by, key=key, since=note).good
    assert verify_audit.verdict_on(BytesIO(with_it), str(key), since=note)["good"]
    assert (head(without)["older_checkpoints"], head(with_it)["older_checkpoints"]) == (24, 25)
    forged = note.replace("\n1\n", "\n2\n")
    assert (422, "audit.signature") == code(rep.get("/audit/export", since=forged))
    assert (422, "audit.note") == code(rep.get("/audit/export", since="nothing"))
    assert (400, "request.bad_parameter") == code(rep.get("/audit/export", since="x" * 1_001))


def test_nobody_takes_what_they_may_not_read(rep: Api, analyst: Api) -> None:
    """What another may not read is in their file as hashes alone."""
    changed(rep, "lead-00")
    file = analyst.get("/audit/export").data
    shown = {entry["record_id"] for entry in analyst.get("/audit", limit="200").json["items"]}
    assert shown == {line["subject"]["id"] for line in map(json.loads, file.splitlines()) if "sequence" in line}


def test_asking_for_the_head_makes_no_file(rep: Api, wiring: Wiring) -> None:
    """HEAD says what a GET would be and signs no checkpoint; what no GET would take, it does not either."""
    changed(rep, "lead-00")
    answer = rep.send("HEAD", "/audit/export")
    assert (200, "application/jsonl", b"") == (answer.status_code, answer.mimetype, answer.data)
    assert 0 == wiring.ports.store.count("checkpoint", Always())
    assert 400 == rep.send("HEAD", "/audit/export?from=yesterday").status_code
    assert 200 == rep.get("/audit/export").status_code
    assert 1 == wiring.ports.store.count("checkpoint", Always())


def test_an_empty_log(admin: Api) -> None:
    """A log without entries has nothing to prove."""
    assert (404, "audit.empty") == code(admin.get("/audit/export"))


def test_only_what_is_written_is_accepted(rep: Api) -> None:
    """Whoever accepts JSON alone is told that this is JSON lines."""
    assert 400 <= rep.get("/audit/export", headers={"Accept": "application/json"}).status_code < 500
