"""Erasing somebody over the API, and reading the log and its checkpoints afterwards."""

from __future__ import annotations

import pytest
from flask import Flask
from small_world import EVERY_STORE, NOW, Api, as_person, code, value

from adapters.signing import is_signed_by, signer_of
from adapters.wiring import Wiring
from engine.audit.note import open_checkpoint
from engine.service.checkpoints import take_checkpoint

pytestmark = pytest.mark.parametrize("kind_of_store", EVERY_STORE, indirect=True)


def test_an_erased_name_is_in_no_answer(app: Flask, rep: Api):
    """What was in an entry's before and after is `erased` in every later answer, and the record shows it too."""
    admin = as_person(app, "person-platform_admin")
    rep.patch("/leads/lead-00", {"name": "Eve Example"}, 1)
    assert "Eve Example" in admin.get("/audit").text
    asked = {"subject": "lead/lead-00", "reason": "request 9"}
    done = admin.post("/audit/erasures", asked, key=None)
    assert (200, {"subject": "lead/lead-00", "records": 1, "done_before": False}) == (done.status_code, value(done))
    again = value(admin.post("/audit/erasures", asked, key=None))
    assert (0, True) == (again["records"], again["done_before"])
    log = admin.get("/audit")
    assert "Eve Example" not in log.text
    first = value(log)["items"][-1]
    assert {"before": "erased", "after": "erased"} == first["changes"]["name"]
    assert "erased" == value(rep.get("/leads/lead-00"))["name"]


def test_nobody_else_erases(app: Flask, rep: Api, analyst: Api):
    """Only administrators erase; a subject that names nobody is said to be one."""
    asked = {"subject": "lead/lead-00", "reason": "because"}
    assert (403, "access.denied") == code(rep.post("/audit/erasures", asked, key=None))
    assert (403, "access.denied") == code(analyst.post("/audit/erasures", asked, key=None))
    admin = as_person(app, "person-platform_admin")
    assert (422, "audit.subject") == code(admin.post("/audit/erasures", {**asked, "subject": "deal/d"}, key=None))
    assert (404, "record.not_found") == code(admin.post("/audit/erasures", {**asked, "subject": "lead/x"}, key=None))
    assert (422, "audit.reason") == code(admin.post("/audit/erasures", {**asked, "reason": " "}, key=None))


def test_checkpoints_are_for_every_member_to_keep(rep: Api, wiring: Wiring):
    """A checkpoint read over the API is a note that the log's key opens."""
    rep.patch("/leads/lead-00", {"company": "New"}, 1)
    signer = signer_of("00" * 32)
    take_checkpoint(wiring.ports, signer, "org-a", NOW)
    (shown,) = value(rep.get("/audit/checkpoints"))["items"]
    opened = open_checkpoint(shown["note"], signer.key("org-a"), is_signed_by)
    assert (opened.size, opened.root.hex()) == (int(shown["size"]), shown["root"])
    assert "frontier" not in shown
