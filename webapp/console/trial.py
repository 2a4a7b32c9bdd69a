"""Trying one record against any rule set, any version, any instant: what comes out, why, and why not."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

from flask import Response, redirect, request

from engine import exact_json
from engine.decision import Decision
from engine.predicate import Always
from engine.problems import BylawError, InvalidError, NotFoundError, Place, Problem
from engine.records import Money, Record
from engine.service import conflicts as conflict_cases
from engine.service import records, rulesets
from engine.service.evaluate import evaluate
from engine.service.rulesets import PublishedVersion, RuleSetSummary
from webapp.console import fact_form
from webapp.console.fact_form import Input
from webapp.console.frame import Route, api, caller, link, page, ports
from webapp.console.listing import asked, some
from webapp.console.nearest import LONGEST_ADDRESS, what_would_change
from webapp.console.rules import version_number

MAX_FORM_TEXT = 200_000
FIRST_YEAR, LAST_YEAR = 1000, 9000
"""Instants nearer to the ends of the calendar cannot be moved between zones."""
SUBJECTS = ("lead", "deal", "conflict")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page was asked: a rule set, a version, an instant, facts and where they came from."""

    rule: str
    version: int | None
    at: datetime
    at_text: str
    mode: str
    subject: tuple[str, str] | None = None
    kept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the page shows: the facts, and the decision about them or what is wrong with them.

    `typed` is the JSON text that could not be used, `as_typed` says that the form's fields stay as they were sent.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    decision: Decision | None = None
    problems: tuple[Problem, ...] = ()
    typed: str | None = None
    as_typed: bool = False


def trial() -> Response:
    """Choose, fill in, and see. Facts in the address are decided about at once: a result can be passed on as a link."""
    summaries = rulesets.list_rule_sets(ports(), caller(), at=caller().now)
    subject, facts = _subject()
    wanted = _asked(request.args, summaries, subject, facts)
    published = _published(wanted)
    if published is None:
        return _show(summaries, wanted, None, Answer())
    given = request.args.get("facts", "")[: LONGEST_ADDRESS * 2]
    if given:
        try:
            return _show(summaries, wanted, published, _answer(wanted, published, _object(given), given))
        except InvalidError as error:
            return _show(summaries, wanted, published, Answer(problems=error.problems, typed=given))
    if facts is not None:
        return _show(summaries, wanted, published, _answer(wanted, published, _fitting(published, subject, facts)))
    starting, at = _from_case(published, asked("case") or "0")
    if at is not None and not wanted.at_text:
        wanted = _asked(request.args, summaries, subject, facts, at=at)
    answer = _answer(wanted, published, starting) if starting else Answer()
    return _show(summaries, wanted, published, answer)


def run_trial() -> Response:
    """Read the form and decide. Short facts go into the address (303), long ones are answered at once."""
    summaries = rulesets.list_rule_sets(ports(), caller(), at=caller().now)
    wanted = _asked(request.form, summaries, None, None)
    published = _published(wanted)
    if published is None:
        raise NotFoundError(Problem("rule_set.not_found", f"there is no rule set `{wanted.rule[:80]}`"))
    text = request.form.get("facts_json", "")[:MAX_FORM_TEXT] if wanted.mode == "json" else None
    try:
        facts = fact_form.read_form(published.rule_set.facts, request.form) if text is None else _object(text)
    except InvalidError as error:
        answer = Answer(problems=error.problems, typed=text, as_typed=text is None)
        return _show(summaries, wanted, published, answer)
    query = {"rule": wanted.rule, "version": str(wanted.version or ""), "at": wanted.at_text}
    mode = {"mode": "json"} if wanted.mode == "json" else {}
    address = link("trial", **query, **mode, facts=fact_form.compact(facts))
    if len(address) <= LONGEST_ADDRESS:
        return cast("Response", redirect(address + "#result", code=303))
    return _show(summaries, wanted, published, _answer(wanted, published, facts, text))


def _answer(wanted: Asked, published: PublishedVersion, facts: Mapping[str, Any], typed: str | None = None) -> Answer:
    number = published.record["version"]
    try:
        decision = evaluate(ports(), caller(), wanted.rule, facts, at=wanted.at, as_of=caller().now, version=number)
        decision.explanation  # noqa: B018  # texts are made now, so that a fault in them is a problem shown here
    except BylawError as error:
        return Answer(facts, problems=error.problems, typed=typed)
    return Answer(facts, decision)


def _show(
    summaries: tuple[RuleSetSummary, ...], wanted: Asked, published: PublishedVersion | None, answer: Answer
) -> Response:
    decision, problems = answer.decision, answer.problems
    fields: tuple[Input, ...] = ()
    if published is not None:
        schema = published.rule_set.facts
        made = (
            fact_form.inputs_again(schema, request.form) if answer.as_typed else fact_form.inputs(schema, answer.facts)
        )
        fields = fact_form.with_problems(made, problems)
    versions = rulesets.list_versions(ports(), caller(), wanted.rule) if published is not None else ()
    return page(
        "trial.html",
        section="try",
        title="Try a record",
        json_url=api(f"rule-sets/{wanted.rule}") if published is not None else None,
        status=422 if problems and (request.method == "POST" or "facts" in request.args) else 200,
        summaries=summaries,
        asked=wanted,
        published=published,
        versions=[version.record["version"] for version in versions],
        fields=fields,
        facts_text=answer.typed if answer.typed is not None else fact_form.pretty(answer.facts),
        decision=decision,
        turned=what_would_change(decision) if decision else None,
        problems=problems,
        document=fact_form.pretty(exact_json.plain(decision.to_json())) if decision else "",
        curl=_curl(wanted, answer.facts) if decision else "",
        cases=[case.name for case in published.rule_set.tests] if published is not None else [],
        chosen_case=asked("case") or ("" if set(request.args) & {"facts", *SUBJECTS} else "0"),
        modes={mode: link("trial", **{**dict(request.args), "mode": mode}) for mode in ("form", "json")},
    )


def _asked(
    given: Mapping[str, str],
    summaries: tuple[RuleSetSummary, ...],
    subject: Record | None,
    facts: Mapping[str, Any] | None,
    *,
    at: datetime | None = None,
) -> Asked:
    rule = given.get("rule", "").strip()[:200] or _suggested(summaries, subject, facts)
    kept = given.get("was", rule) == rule  # the version and instant of another rule set mean nothing to this one
    at_text = given.get("at", "").strip()[:40] if kept else ""
    return Asked(
        rule=rule,
        version=version_number(given.get("version", "").strip() if kept else "", rule),
        at=at or (_instant(at_text) if at_text else caller().now),
        at_text=at_text or (exact_json.instant_text(at) if at else ""),
        mode="json" if given.get("mode") == "json" else "form",
        subject=(subject.type, subject.id) if subject is not None else None,
        kept={subject.type: subject.id} if subject is not None else {},
    )


def _suggested(summaries: tuple[RuleSetSummary, ...], subject: Record | None, facts: Mapping[str, Any] | None) -> str:
    """The rule set that suits the record, else the first one."""
    if subject is not None:
        match subject.type:
            case "conflict":
                return str(subject["rule_set"])
            case "lead":
                scorers = [one for one in summaries if one.kind == "lead-priority" and one.state == "in force"]
                for one in scorers:
                    if _facts_of(one) == subject["facts_schema"]:
                        return one.name
            case _:
                suiting = [one for one in summaries if one.kind == "decision" and _shares(one, facts or {})]
                if suiting:
                    return suiting[0].name
    wanted = {record["facts_schema"] for record in some("lead", Always(), limit=1)} if subject is None else set()
    scoring = [one for one in summaries if one.kind == "lead-priority"]
    preferred = [one for one in scoring if _facts_of(one) in wanted] or scoring or list(summaries)
    return preferred[0].name if preferred else ""


def _facts_of(summary: RuleSetSummary) -> str:
    return rulesets.get_version(ports(), caller(), summary.name, summary.version).rule_set.facts.name


def _shares(summary: RuleSetSummary, facts: Mapping[str, Any]) -> bool:
    schema = rulesets.get_version(ports(), caller(), summary.name, summary.version).rule_set.facts
    return any(known.name in facts for known in schema.fields)


def _published(wanted: Asked) -> PublishedVersion | None:
    if not wanted.rule:
        return None
    return rulesets.get_version(ports(), caller(), wanted.rule, wanted.version, at=wanted.at, as_of=caller().now)


def _subject() -> tuple[Record | None, Mapping[str, Any] | None]:
    """The record that the address names, and what it says as facts."""
    for name in SUBJECTS:
        record_id = asked(name)
        if record_id:
            record = records.get_record(ports(), caller(), name, record_id)
            return record, _facts(record)
    return None, None


def _facts(record: Record) -> Mapping[str, Any]:
    match record.type:
        case "lead":
            return cast("Mapping[str, Any]", record["facts"])
        case "conflict":
            return conflict_cases.conflict_facts(record)
        case _:
            return {name: _as_fact(value) for name, value in record.fields.items() if value is not None}


def _as_fact(value: Any) -> Any:
    """A field's value as JSON facts have it: money as its amount, dates as text."""
    if isinstance(value, Money):
        return value.amount
    return value if isinstance(value, int | Decimal) else exact_json.plain(value)


def _fitting(published: PublishedVersion, subject: Record | None, facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """A deal has more fields than a rule set asks about; only those that it knows are taken over."""
    if subject is None or subject.type != "deal":
        return facts
    known = {one.name for one in published.rule_set.facts.fields}
    return {name: value for name, value in facts.items() if name in known}


def _from_case(published: PublishedVersion, index: str) -> tuple[Mapping[str, Any], datetime | None]:
    """Start from one of the file's own tests, at the test's instant."""
    tests = published.rule_set.tests
    if index.isascii() and index.isdigit() and int(index) < len(tests):
        return tests[int(index)].given, tests[int(index)].at
    return {}, None


def _object(text: str) -> dict[str, Any]:
    found = exact_json.parse(text, source="facts")
    if not isinstance(found, dict):
        raise InvalidError(Problem("request.malformed", "facts are a JSON object: names with values", Place("facts")))
    return found


def _instant(text: str) -> datetime:
    """An instant with its zone; a day alone is its first instant in UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidError(
            Problem("request.bad_parameter", f"`{text}` is not an instant", help="write it like `2026-11-02T09:00:00Z`")
        ) from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise InvalidError(
            Problem("request.bad_parameter", f"`{text}` lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
        )
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def _curl(wanted: Asked, facts: Mapping[str, Any]) -> str:
    body: dict[str, Any] = {"facts": facts, "at": exact_json.instant_text(wanted.at), "explain": True}
    if wanted.version is not None:
        body["version"] = wanted.version
    address = request.host_url.rstrip("/") + api(f"evaluate/{wanted.rule}")
    return (
        f'curl -sS {shlex.quote(address)} \\\n  -H "Authorization: Bearer $BYLAW_API_KEY" \\\n'
        f"  -H 'Content-Type: application/json' \\\n  -d {shlex.quote(fact_form.pretty(body))}"
    )


ASKS = ("read:conflict", "read:deal", "read:lead", "read:rule_version")

ROUTES = (
    Route("/try", "trial", trial, asks=ASKS),
    Route("/try", "run_trial", run_trial, methods=("POST",), asks=("read:rule_version",)),
)
