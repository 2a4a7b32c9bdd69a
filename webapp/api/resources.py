"""What of the operations database the API lists: addresses, declared filters and orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.ports import Sort
from engine.predicate import Always, Compare, Operator, Predicate, StartsWith, both
from webapp.api import reading
from webapp.api.operation import Filter, Parameter, Reader

DEFAULT_LIMIT, MOST = 50, 200


def narrows(
    name: str, about: str, reader: Reader = reading.TEXT, field: str = "", operator: Operator | None = "="
) -> Filter:
    """A filter whose parameter is called as its field unless said otherwise. Operator None is a prefix of any case."""
    return Filter(Parameter(name, reader, about), field or name, operator)


PLACE = (
    narrows("owner_id", "Only what this person owns."),
    narrows("team_id", "Only this team's."),
    narrows("branch_id", "Only this branch's."),
)


@dataclass(frozen=True, slots=True)
class Resource:
    """One record type at an address. `orders` are field names, the first with its sign is the default."""

    type: str
    path: str
    title: str
    tag: str
    filters: tuple[Filter, ...]
    orders: tuple[str, ...]

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Filters, order and paging, as the list's query takes them."""
        return (*(one.parameter for one in self.filters), sorting(self.orders), *PAGING)


def sorting(orders: tuple[str, ...]) -> Parameter:
    """The `sort` parameter: one of the declared fields, `-` before it for the other direction."""
    return Parameter(
        "sort", reading.choice(*orders), f"The order; `-` means descending. Default: `{orders[0]}`.", orders[0]
    )


LIMIT = Parameter("limit", reading.whole_text(1, MOST), f"How many at most; default {DEFAULT_LIMIT}.", DEFAULT_LIMIT)
CURSOR = Parameter(
    "cursor",
    reading.long_text(4_000),
    "Where the page before ended: its `next_cursor`. Filters and order stay the same.",
)
TOTAL = Parameter("total", reading.FLAG, "Whether to count all that match.", default=False)
PAGING = (LIMIT, CURSOR, TOTAL)


def condition(filters: tuple[Filter, ...], query: dict[str, Any]) -> Predicate:
    """What the given filters ask for together."""
    parts: list[Predicate] = [Always()]
    for one in filters:
        value = query[one.parameter.name]
        if value is not None:
            parts.append(
                StartsWith(one.field, value) if one.operator is None else Compare(one.field, one.operator, value)
            )
    return both(*parts)


def order(sort: str) -> tuple[Sort, ...]:
    """`-score` as a sort key."""
    return (Sort(sort.removeprefix("-"), descending=sort.startswith("-")),)


LEADS = Resource(
    "lead", "/leads", "lead", "leads",
    (
        *PLACE,
        narrows("band", "Only this band."),
        narrows("score_state", "`scored`, `not_scored`, or `waiting` for leads whose facts changed since."),
        narrows("status", "Only this status."),
        narrows("source", "Only from this source."),
        narrows("facts_schema", "Only leads with facts of this schema, such as `lead/2`."),
        narrows("q", "The name begins with this text.", field="name", operator=None),
        narrows("company", "The company begins with this text.", operator=None),
        narrows("min_score", "Scores from this one on.", reading.NUMBER_TEXT, "score", ">="),
        narrows("max_score", "Scores up to this one.", reading.NUMBER_TEXT, "score", "<="),
        narrows("created_from", "Created at this instant or later.", reading.INSTANT_TEXT, "created_at", ">="),
        narrows("created_before", "Created before this instant.", reading.INSTANT_TEXT, "created_at", "<"),
    ),
    ("-score", "score", "name", "-name", "created_at", "-created_at"),
)  # fmt: skip

DEALS = Resource(
    "deal", "/deals", "deal", "deals",
    (
        *PLACE,
        narrows("stage", "Only this stage."),
        narrows("account_id", "Only with this account."),
        narrows("product", "Only this product."),
        narrows("q", "The name begins with this text.", field="name", operator=None),
        narrows("closed_from", "Closed on this day or later.", reading.DAY, "closed_on", ">="),
        narrows("closed_before", "Closed before this day.", reading.DAY, "closed_on", "<"),
    ),
    ("-closed_on", "closed_on", "name", "-name", "engaged_on", "-engaged_on"),
)  # fmt: skip

CHECK_INS = Resource(
    "check_in", "/check-ins", "check-in", "check-ins",
    (
        *PLACE,
        narrows("account_id", "Only at this account."),
        narrows("outcome", "Only with this outcome."),
        narrows("from", "At this instant or later.", reading.INSTANT_TEXT, "at", ">="),
        narrows("before", "Before this instant.", reading.INSTANT_TEXT, "at", "<"),
    ),
    ("-at", "at"),
)  # fmt: skip

ACCOUNTS = Resource(
    "account", "/accounts", "account", "accounts",
    (
        *PLACE,
        narrows("sector", "Only this sector."),
        narrows("location", "Only this location."),
        narrows("q", "The name begins with this text.", field="name", operator=None),
    ),
    ("name", "-name"),
)  # fmt: skip

STATEMENTS = Resource(
    "statement", "/statements", "statement", "incentives",
    (
        *PLACE,
        narrows("period", "Only this period, such as `2026-Q3`."),
        narrows("plan", "Only of this plan, such as `incentive-plan/sales-commission`."),
        narrows("state", "Only in this state."),
    ),
    ("-payout", "payout", "period", "-period", "-calculated_at", "calculated_at"),
)  # fmt: skip

CONFLICTS = Resource(
    "conflict", "/conflicts", "conflict", "conflicts",
    (
        *PLACE,
        narrows("state", "`open` or `resolved`."),
        narrows("record_type", "Only about records of this type."),
        narrows("record_id", "Only about this record."),
    ),
    ("-found_at", "found_at"),
)  # fmt: skip

DECISIONS = Resource(
    "decision", "/decisions", "decision", "evaluation",
    (
        *PLACE,
        narrows("rule_set", "Only by this rule set, such as `lead-priority/inbound`."),
        narrows("subject_type", "Only about records of this type."),
        narrows("subject_id", "Only about this record."),
    ),
    ("-decided_at", "decided_at"),
)  # fmt: skip

JOB_STATES = ("queued", "running", "succeeded", "failed", "cancelled")

JOBS = Resource(
    "job", "/jobs", "job", "jobs",
    (
        narrows("state", "Only in this state.", reading.choice(*JOB_STATES)),
        narrows("kind", "Only of this kind.", reading.choice("score-leads", "incentive-run")),
        narrows("actor_id", "Only started by this person."),
    ),
    ("-created_at", "created_at"),
)  # fmt: skip

AUDIT = Resource(
    "audit_entry", "/audit", "audit entry", "audit",
    (
        narrows("actor_id", "Only what this person did."),
        narrows("actor_role", "Only what people in this role did."),
        narrows("action", "Only this action."),
        narrows("outcome", "Only with this outcome.", reading.choice("accepted", "denied", "failed")),
        narrows("record_type", "Only about records of this type."),
        narrows("record_id", "Only about this record."),
        narrows("rule_set", "Only where this rule set decided."),
        narrows("request_id", "Only from this request."),
        narrows("from", "At this instant or later.", reading.INSTANT_TEXT, "at", ">="),
        narrows("before", "Before this instant.", reading.INSTANT_TEXT, "at", "<"),
    ),
    ("-sequence",),
)  # fmt: skip

CHECKPOINTS = Resource("checkpoint", "/audit/checkpoints", "checkpoint", "audit", (), ("-size",))

RESOURCES = (LEADS, DEALS, CHECK_INS, ACCOUNTS, STATEMENTS, CONFLICTS, DECISIONS, JOBS, AUDIT, CHECKPOINTS)
