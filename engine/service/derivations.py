"""What follows from a record's settable fields: checked references, names kept beside ids, times, scores gone stale.

Each derivation sees the record before and after a change and returns it completed; problems go into the report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from engine.caller import Caller
from engine.ports import Ports, Transaction
from engine.predicate import Compare, both
from engine.problems import InvalidError, NotFoundError, Place, Report
from engine.records import Record
from engine.service.actions import READ
from engine.service.directory import people_known_to
from engine.service.fields import shown
from engine.service.spelling import did_you_mean


@dataclass(frozen=True, slots=True)
class Change:
    """One change under way: who makes it, in which transaction, and where its problems go."""

    ports: Ports
    caller: Caller
    transaction: Transaction
    report: Report


Derivation = Callable[[Change, Record, Record], Record]

STAGES = ("Prospecting", "Engaging", "Won", "Lost")
"""Where a deal can stand; the last two are closed."""
CLOSED_STAGES = ("Won", "Lost")
DEFAULT_LEAD_FACTS = "lead/2"
MAX_SPLITS = 20


def _at(field: str) -> Place:
    return Place("body", path=f"$.{field}")


def _account(change: Change, before: Record, after: Record) -> Record:
    """The account must be one that the caller may read; its name is kept beside the id, for lists."""
    account_id = after["account_id"]
    if account_id is None:
        return after.with_fields(account_name=None) if before["account_id"] else after
    if account_id == before["account_id"]:
        return after
    try:
        account = change.transaction.get(
            "account", account_id, change.ports.authorizer.predicate(change.caller.actor, READ, "account")
        )
    except NotFoundError:
        change.report.add("field.unknown_reference", f"there is no account `{account_id[:80]}`", _at("account_id"))
        return after
    return after.with_fields(account_name=account["name"])


def _product(change: Change, before: Record, after: Record) -> Record:
    name = after["product"]
    if name is None or name == before["product"]:
        return after
    readable = change.ports.authorizer.predicate(change.caller.actor, READ, "product")
    if not change.transaction.count("product", both(readable, Compare("name", "=", name))):
        known = [product["name"] for product in change.transaction.scan("product", readable)]
        change.report.add(
            "field.unknown_reference", f"there is no product `{name[:80]}`", _at("product"), did_you_mean(name, known)
        )
    return after


def _stage(change: Change, before: Record, after: Record) -> Record:
    stage = after["stage"]
    if stage is not None and stage not in STAGES:
        choices = ", ".join(f"`{known}`" for known in STAGES)
        change.report.add(
            "field.not_a_choice",
            f"`{stage[:60]}` is no stage of a deal; stages are {choices}",
            _at("stage"),
            did_you_mean(stage, STAGES),
        )
    elif stage in CLOSED_STAGES and after["closed_on"] is None:
        change.report.add("field.missing", f"a deal that is {stage} needs the day it closed", _at("closed_on"))
    elif stage not in CLOSED_STAGES and after["closed_on"] is not None:
        change.report.add(
            "field.out_of_range", f"a deal in {stage} has not closed, so it has no closing day", _at("closed_on")
        )
    return after if after.fields == before.fields else after.with_fields(changed_at=change.caller.now)


def _splits(change: Change, before: Record, after: Record) -> Record:
    """Shares of a deal's credit: known payees, each once, together exactly 100 percent."""
    splits = after["splits"]
    if splits is None or splits == before["splits"]:
        return after
    if not isinstance(splits, list | tuple) or not 1 <= len(splits) <= MAX_SPLITS:
        change.report.add("field.wrong_kind", f"`splits` must be a list of 1 to {MAX_SPLITS} shares", _at("splits"))
        return after
    total, payees = Decimal(0), set[str]()
    before_it = {split["payee"] for split in before["splits"] or ()}
    for index, split in enumerate(splits):
        place = _at(f"splits[{index}]")
        if not isinstance(split, Mapping) or set(split) != {"payee", "share"}:
            change.report.add("field.wrong_kind", f"a share is `payee` and `share`; {shown(split)} was given", place)
            continue
        payee, percent = split["payee"], split["share"]
        if not isinstance(percent, Decimal) or not 0 < percent <= 100:
            change.report.add(
                "field.out_of_range", f"a share is more than 0 and at most 100 percent, not {shown(percent)}", place
            )
            continue
        if not isinstance(payee, str) or (payee not in before_it and not _is_known(change, payee)):
            change.report.add("field.unknown_reference", f"there is no person {shown(payee)}", place)
        elif payee in payees:
            change.report.add("field.out_of_range", f"`{payee}` has two shares of one deal", place)
        else:
            payees.add(payee)
        total += percent
    if not any(problem.place.path.startswith("$.splits") for problem in change.report) and total != 100:
        change.report.add("field.out_of_range", f"the shares are {total} percent together, not 100", _at("splits"))
    return after


def _is_known(change: Change, person_id: str) -> bool:
    """Whether the person is somebody whom whoever makes the change may name."""
    known = both(people_known_to(change.ports, change.caller), Compare("id", "=", person_id))
    return change.transaction.count("person", known) > 0


def _lead_facts(change: Change, before: Record, after: Record) -> Record:
    """Facts must fit their schema; when they change, the score is of facts that are no more, so it goes."""
    after = after.with_fields(
        facts_schema=DEFAULT_LEAD_FACTS if after["facts_schema"] is None else after["facts_schema"],
        facts={} if after["facts"] is None else after["facts"],
        created_at=after["created_at"] or change.caller.now,
    )
    if (after["facts"], after["facts_schema"]) == (before["facts"], before["facts_schema"]):
        return after
    try:
        schema = change.ports.library.facts(after["facts_schema"])
    except InvalidError as error:
        change.report.extend(replace(problem, place=_at("facts_schema")) for problem in error.problems)
        return after
    try:
        schema.read(after["facts"])
    except InvalidError as error:
        change.report.extend(
            replace(problem, place=Place("body", path="$.facts" + problem.place.path.removeprefix("$")))
            for problem in error.problems
        )
    return after.with_fields(
        score=None, band=None, score_state="waiting", scored_by=None, scored_at=None, decision_id=None
    )


def _own_check_in(change: Change, _before: Record, after: Record) -> Record:
    for field, limit in (("latitude", 90), ("longitude", 180)):
        value = after[field]
        if value is not None and abs(value) > limit:
            change.report.add(
                "field.out_of_range", f"a {field} lies between -{limit} and {limit}, not at `{value}`", _at(field)
            )
    accuracy: Any = after["accuracy_metres"]
    if accuracy is not None and accuracy < 0:
        change.report.add("field.out_of_range", "an accuracy cannot be negative", _at("accuracy_metres"))
    return after


DERIVATIONS: Mapping[str, tuple[Derivation, ...]] = {
    "lead": (_lead_facts,),
    "deal": (_account, _product, _splits, _stage),
    "check_in": (_account, _own_check_in),
}
"""In this order, for each writable type."""
