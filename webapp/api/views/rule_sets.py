"""Rule sets and their versions: reading, checking a text, publishing."""

from __future__ import annotations

from typing import Any

from flask import Response

from engine.problems import InvalidError, Place, Problem
from engine.rulefile import CheckReport
from engine.service import rulesets
from engine.service.rulesets import PublishedVersion, RuleSetSummary
from webapp.api import answers
from webapp.api.operation import Asked
from webapp.api.requests import YAML
from webapp.api.views.evaluation import rule_set_name
from webapp.context import ports


def lists(asked: Asked) -> Response:
    """Every rule set with the version in force."""
    query = asked.query
    found = rulesets.list_rule_sets(ports(), asked.caller, kind=query["kind"], at=query["at"] or asked.caller.now)
    return answers.json({"items": [_summary(one) for one in found]})


def in_force(asked: Asked) -> Response:
    """The version in force, in readable form."""
    query = asked.query
    found = rulesets.get_version(ports(), asked.caller, rule_set_name(asked), at=query["at"], as_of=query["as_of"])
    return _version_answer(asked, found)


def versions(asked: Asked) -> Response:
    """All versions, the newest first."""
    found = rulesets.list_versions(ports(), asked.caller, rule_set_name(asked))
    return answers.json({"items": [_head(one) for one in found]})


def version(asked: Asked) -> Response:
    """One version: readable, or its bytes as they were published."""
    number = asked.path["version"]
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        raise rulesets_not_found(rule_set_name(asked), number)
    found = rulesets.get_version(ports(), asked.caller, rule_set_name(asked), int(number))
    return _version_answer(asked, found)


def check(asked: Asked) -> Response:
    """What is wrong with a text, and how its own tests go."""
    report = rulesets.check_text(ports(), _bytes(asked), asked.body.get("source") or "body")
    return answers.json(_report(report))


def publish(asked: Asked) -> Response:
    """A new version of the rule set that the address names."""
    name, data = rule_set_name(asked), _bytes(asked)
    checked = rulesets.check_text(ports(), data, "body")
    if checked.rule_set is not None and checked.rule_set.name != name:
        raise InvalidError(
            Problem(
                "rule_set.wrong_name", f"the file is `{checked.rule_set.name}`, the address `{name}`", Place("body")
            )
        )
    found = rulesets.publish(ports(), asked.caller, data, "body")
    location = f"/api/v1/rule-sets/{name}/versions/{found.rule_set.version}"
    return answers.json(_full(found), 201, {"Location": location, **_tag(found)})


def rulesets_not_found(name: str, number: str) -> InvalidError:
    """The address of a version ends in its number."""
    return InvalidError(Problem("request.malformed", f"`{number[:40]}` is no version number of `{name[:100]}`"))


def _bytes(asked: Asked) -> bytes:
    text = asked.body["text"]
    return text if isinstance(text, bytes) else text.encode("utf-8")


def _tag(found: PublishedVersion) -> dict[str, str]:
    return {"ETag": f'"{found.record["digest"]}"'}


def _version_answer(asked: Asked, found: PublishedVersion) -> Response:
    if asked.wants_yaml:
        return Response(found.record["text"].encode(), mimetype=YAML, headers={**_tag(found), "Vary": "Accept"})
    return answers.json(_full(found), headers={**_tag(found), "Vary": "Accept"})


def _summary(one: RuleSetSummary) -> dict[str, Any]:
    return {
        "name": one.name, "kind": one.kind, "title": one.title, "state": one.state,
        "version": one.version, "live": one.live, "versions": one.versions, "digest": one.digest,
        "effective": {"from": one.effective_from, "to": one.effective_to},
        "published_at": one.published_at, "published_by": one.published_by,
    }  # fmt: skip


def _head(found: PublishedVersion) -> dict[str, Any]:
    record = found.record
    return {
        "name": record["rule_set"], "kind": record["kind"], "version": record["version"], "title": record["title"],
        "digest": record["digest"], "facts": found.rule_set.facts.name,
        "effective": {"from": record["effective_from"], "to": record["effective_to"]},
        "published_at": record["published_at"], "published_by": record["published_by"],
    }  # fmt: skip


def _full(found: PublishedVersion) -> dict[str, Any]:
    described = found.rule_set.describe()
    return {
        **_head(found),
        "text": found.record["text"],
        "description": {
            "title": described.title,
            "summary": described.summary,
            "sections": [
                {
                    "heading": section.heading,
                    "note": section.note,
                    "columns": list(section.columns),
                    "rows": [{"id": row.id, "cells": list(row.cells), "because": row.because} for row in section.rows],
                }
                for section in described.sections
            ],
        },
    }


def _report(report: CheckReport) -> dict[str, Any]:
    rule_set = report.rule_set
    return {
        "ok": report.ok,
        "problems": [problem.to_json() for problem in report.problems],
        "warnings": [warning.to_json() for warning in report.warnings],
        "hints": [hint.to_json() for hint in report.hints],
        "tests": [
            {"name": case.name, "passed": case.passed, "problems": [problem.to_json() for problem in case.problems]}
            for case in report.tests
        ],
        "rule_set": None if rule_set is None else {
            "name": rule_set.name, "kind": rule_set.kind, "version": rule_set.version,
            "title": rule_set.title, "digest": rule_set.digest, "facts": rule_set.facts.name,
        },
    }  # fmt: skip
