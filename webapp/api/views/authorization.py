"""What somebody may do, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response

from engine.caller import ACTIONS
from engine.problems import InvalidError, Problem
from engine.service import authorization
from engine.service.authorization import RECORD_TYPE_NAMES, Target
from webapp.api import answers, reading
from webapp.api.operation import Asked, Member, Reader
from webapp.api.requests import read_members
from webapp.context import ports

MOST_CHECKS = 1_000

QUESTION = (
    Member("person_id", reading.TEXT, "Whose rights; your own by default."),
    Member("action", reading.choice(*ACTIONS), "What they want to do.", required=True),
    Member("record_type", reading.choice(*RECORD_TYPE_NAMES), "To a record of this type.", required=True),
    Member("record_id", reading.TEXT, "To this record.", required=True),
    Member("fields", reading.OBJECT, "Fields of the record, for one that is not stored.", default={}),
    Member("explain", reading.TRUTH, "Whether to say why; default: false.", default=False),
)
"""What one check names."""

_FIELDS = {member.name: dict(member.reader.schema) for member in QUESTION}
_REQUIRED = [member.name for member in QUESTION if member.required]
_ITEM = {"type": "object", "additionalProperties": False, "required": _REQUIRED, "properties": _FIELDS}
CHECKS = Reader(
    {"type": "array", "minItems": 1, "maxItems": MOST_CHECKS, "items": _ITEM}, reading.objects(MOST_CHECKS).read
)
"""Many of them."""


def check(asked: Asked) -> Response:
    """One verdict."""
    return answers.json(_verdict(asked, asked.body))


def check_many(asked: Asked) -> Response:
    """A verdict for each question, in their order; what is wrong with one is wrong with all."""
    read, problems = [], list[Problem]()
    for number, one in enumerate(asked.body["checks"]):
        try:
            read.append(read_members(one, QUESTION, f"$.checks[{number}]"))
        except InvalidError as error:
            problems.extend(error.problems)
    if problems:
        raise InvalidError(problems)
    return answers.json({"results": [_verdict(asked, one) for one in read]})


def explain(asked: Asked) -> Response:
    """One verdict with its reasons, for looking at it."""
    return answers.json(_verdict(asked, {**asked.query, "fields": {}, "explain": True}))


def _verdict(asked: Asked, question: Mapping[str, Any]) -> dict[str, Any]:
    person_id, action = question["person_id"] or asked.caller.actor.id, question["action"]
    target = Target(question["record_type"], question["record_id"], question["fields"])
    said = {
        "person_id": person_id, "action": action, "record_type": target.record_type, "record_id": target.record_id,
    }  # fmt: skip
    if not question["explain"]:
        verdict = authorization.check(ports(), asked.caller, person_id, action, target)
        return {**said, "allowed": verdict.allowed, "explanation": None}
    reasons = authorization.explain(ports(), asked.caller, person_id, action, target)
    return {**said, "allowed": reasons.verdict.allowed, "explanation": authorization.reasons_value(reasons)}
