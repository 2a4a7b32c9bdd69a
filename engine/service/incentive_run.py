"""The job `incentive-run`: a statement for every payee of a period, and the proof that no deal was lost on the way.

Every deal that closed in the period is handed in, whatever its stage; the plan credits or excludes it with a reason. A
deal that no plan can see (its owner is no payee, its currency is another, it has no amount) is excluded here, with a
reason too. The result says for the run and for each payee: won value = credited + excluded, to the cent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from hashlib import sha256
from typing import Any

from engine import exact_json
from engine.caller import ROLES, Caller
from engine.decision import Decision
from engine.kinds.allocation import allocate
from engine.ports import Ports, Transaction
from engine.predicate import Compare, both
from engine.problems import InvalidError, NotFoundError, Problem
from engine.records import Money, Record
from engine.service.actions import READ, WRITE
from engine.service.auditing import PLACE_FIELDS, accepted
from engine.service.directory import people_with_roles, place_owned_by, service_actor
from engine.service.ids import derived_id
from engine.service.periods import Period, parse_period
from engine.service.rulesets import PublishedVersion, get_version, release_digest
from engine.service.work import Step

INCENTIVE_PLAN = "incentive-plan"
PAYEE_ROLES = ("sales_rep", "field_sales_rep")
PAYEES_PER_CHUNK = 10
WON = "Won"
DRAFT = "draft"
ZERO = Decimal(0)
HUNDRED = Decimal(100)
DEALS_NAMED = 10
"""Deals named for each reason for exclusion; all are counted."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one payee (or nobody) has of one deal, in the deal's currency."""

    deal: Record
    payee: str
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Snapshot:
    """The deals of the period as they were read: each payee's, and those that no plan can see with the reason."""

    parts: Mapping[str, tuple[Part, ...]]
    unplaced: tuple[tuple[Record, Part, str], ...]
    digest: str

    @classmethod
    def take(
        cls, deals: Iterable[Record], payees: Mapping[str, Record], people: Mapping[str, Record], currency: str
    ) -> Snapshot:
        """Divide deals among those who own them or share them, by largest remainder, so that no cent is lost."""
        parts: dict[str, list[Part]] = {}
        unplaced: list[tuple[Record, Part, str]] = []
        seen: list[list[Any]] = []
        for deal in deals:
            seen.append([deal.id, deal.revision])
            fault = _fault(deal, currency)
            amount: Money | None = deal["amount"]
            shares = _shares(deal)
            minors = allocate(amount.minor, shares) if amount is not None and shares else {}
            for payee in sorted(shares) or [""]:
                whole = amount or Money(ZERO, currency)
                value = Money.of_minor(minors[payee], whole.currency).amount if minors else whole.amount
                part = Part(deal, payee, value, whole.currency)
                reason = fault or _not_paid(payee, payees, people)
                if reason:
                    unplaced.append((deal, part, reason))
                else:
                    parts.setdefault(payee, []).append(part)
        digest = sha256(exact_json.canonical([seen, sorted(payees)])).hexdigest()
        return cls({payee: tuple(found) for payee, found in parts.items()}, tuple(unplaced), digest)


class IncentiveRun:
    """Parameters: `plan`, `period`, `at`, `as_of`, fixed when the job was started."""

    asks = ("read:deal", "read:organisation", "read:rule_version", "write:statement")

    def __init__(self, ports: Ports, caller: Caller, job: Record) -> None:
        """Read the plan in force at the period's first day, the payees the caller may write for, and the deals."""
        parameters = job["parameters"]
        self._ports, self._job = ports, job
        self._period = parse_period(parameters["period"])
        self._at, self._as_of = (datetime.fromisoformat(parameters[name]) for name in ("at", "as_of"))
        self._plan = plan_version(ports, caller, parameters["plan"], self._period, as_of=self._as_of)
        self._organisation_id = caller.actor.organisation_id
        self._release = release_digest(ports, self._organisation_id, at=self._at, as_of=self._as_of)
        self._currency = ports.store.get(
            "organisation", self._organisation_id, ports.authorizer.predicate(self._platform(), READ, "organisation")
        )["currency"]
        self._actor = caller.actor
        people = {one.id: one for one in people_with_roles(ports.store, self._organisation_id, ROLES)}
        everybody = {one.id: one for one in people.values() if one["role"] in PAYEE_ROLES}
        self._snapshot = Snapshot.take(self._deals(), everybody, people, self._currency)
        allows = ports.authorizer.allows
        self._payees = [
            one for one in everybody.values() if allows(self._actor, WRITE, self._draft(place_owned_by(one)))
        ]
        covered = [self._snapshot.digest, [[one.id, one.revision] for one in self._payees]]
        self._covered = sha256(exact_json.canonical(covered)).hexdigest()

    def total(self) -> int:
        """See `Work`: one statement a payee."""
        return len(self._payees)

    def step(self, caller: Caller, transaction: Transaction, checkpoint: Mapping[str, Any] | None) -> Step:
        """See `Work`.

        When deals, or the payees that the caller may write for, changed since the checkpoint was written (who they are,
        or their role, place or quota), the run begins again: statements that come out the same are left alone, and the
        result is of one state of both.
        """
        fresh = checkpoint is None or checkpoint["snapshot"] != self._covered
        rows: list[Any] = [] if fresh or checkpoint is None else list(checkpoint["payees"])
        chunk = self._payees[len(rows) : len(rows) + PAYEES_PER_CHUNK]
        rows.extend(self._calculate(caller, transaction, payee) for payee in chunk)
        state = {"snapshot": self._covered, "payees": rows}
        message = f"{len(rows):,} of {len(self._payees):,} statements"
        return Step(state, len(rows), len(rows) >= len(self._payees), message)

    def result(self, checkpoint: Mapping[str, Any]) -> Mapping[str, Any]:
        """The reconciliation. Shape: see docs/incentive-runs.md.

        Raises `InvalidError` (`incentive.not_reconciled`) if a cent of won value is neither credited nor excluded.
        """
        rows = [_Row.read(row, self._currency) for row in checkpoint["payees"]]
        exclusions = _Exclusions(self._currency)
        for row in rows:
            exclusions.merge(row.exclusions)
        outside = _Exclusions(self._currency)
        for deal, part, reason in self._snapshot.unplaced:
            if self._ports.authorizer.allows(
                self._actor, WRITE, self._draft({name: deal[name] for name in PLACE_FIELDS})
            ):
                outside.add(deal, part.amount, part.currency, reason)
        exclusions.merge(outside)
        won_value = sum((row.won for row in rows), ZERO) + outside.won
        credited = sum((row.credited for row in rows), ZERO)
        difference = won_value - credited - exclusions.won
        if difference:
            raise _not_reconciled(f"{difference} {self._currency} of won value are neither credited nor excluded")
        won_deals = {one for row in rows for one in row.won_deals} | outside.won_deals
        credited_deals = {one for row in rows for one in row.won_deals} - exclusions.won_deals
        return {
            "plan": self._plan.rule_set.name,
            "version": self._plan.rule_set.version,
            "period": self._period.to_json(),
            "currency": self._currency,
            "payees": len(rows),
            "zero_payees": sum(1 for row in rows if not row.payout),
            "statements": {
                state: sum(1 for row in rows if row.state == state) for state in ("new", "changed", "unchanged")
            },
            "deals": {
                "given": len({one for row in rows for one in row.deals} | outside.deals),
                "won": len(won_deals),
                "credited": len(credited_deals),
            },
            "won_value": won_value,
            "credited": credited,
            "excluded": exclusions.won,
            "difference": difference,
            "reconciled": True,
            "payout": sum((row.payout for row in rows), ZERO),
            "exclusions": exclusions.to_json(),
            "by_payee": [row.to_json() for row in rows],
            "at": exact_json.instant_text(self._at),
            "as_of": exact_json.instant_text(self._as_of),
            "release": self._release,
        }

    def _platform(self) -> Any:
        return service_actor(self._organisation_id)

    def _deals(self) -> Iterable[Record]:
        """The whole organisation's deals that closed in the period: a share may lie where the starter cannot look."""
        scope = self._ports.authorizer.predicate(self._platform(), READ, "deal")
        closed = (Compare("closed_on", ">=", self._period.from_), Compare("closed_on", "<", self._period.to))
        return self._ports.store.scan("deal", both(scope, *closed))

    def _draft(self, place: Mapping[str, str | None]) -> Record:
        return Record("statement", "", self._organisation_id, {**place, "state": DRAFT})

    def _calculate(self, caller: Caller, transaction: Transaction, payee: Record) -> Any:
        parts = self._snapshot.parts.get(payee.id, ())
        facts = self._facts(payee, parts)
        decision = self._plan.rule_set.decide(facts, at=self._at, as_of=self._as_of, release=self._release)
        row = _Row.of(payee, parts, decision, self._currency)
        statement = self._statement(caller, payee, decision)
        before = _existing(transaction, statement)
        if before is not None and _same(before, decision):
            return row.to_json(state="unchanged", internal=True)
        stored = (
            transaction.insert(statement)
            if before is None
            else transaction.update(before.with_fields(**statement.fields))
        )
        transaction.append_audit(
            accepted(
                caller,
                "calculate",
                before=before,
                after=stored,
                rule_set=decision.rule_set,
                rule_version=decision.version,
                reason=_why_anew(before, decision) if before is not None else None,
                approver=caller.actor.id if before is not None else None,
                changes={
                    "payout": {
                        "before": before["payout"].to_json() if before else None,
                        "after": stored["payout"].to_json(),
                    }
                },
            )
        )
        return row.to_json(state="changed" if before else "new", internal=True)

    def _facts(self, payee: Record, parts: Sequence[Part]) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "payee": payee.id,
            "payee_name": payee["name"],
            "role": payee["role"],
            "period": self._period.to_json(),
            "currency": self._currency,
            "credits": [_credit(part.deal) for part in parts],
        }
        quota = quota_for(payee, self._period, self._currency)
        return facts if quota is None else {**facts, "quota": quota}

    def _statement(self, caller: Caller, payee: Record, decision: Decision) -> Record:
        outcome, currency = decision.outcome, self._currency
        quota, payout = outcome.get("quota"), outcome["payout"]
        return Record(
            "statement",
            derived_id("statement", self._organisation_id, decision.rule_set, self._period.label, payee.id),
            self._organisation_id,
            {
                **place_owned_by(payee),
                "payee_name": payee["name"],
                "plan": decision.rule_set,
                "plan_digest": decision.digest,
                "plan_version": decision.version,
                "period": self._period.label,
                "state": DRAFT,
                "job_id": self._job.id,
                "credited": Money(outcome["credited"], currency),
                "excluded": Money(outcome["excluded"], currency),
                "payout": Money(payout if payout is not None else ZERO, currency),
                "quota": Money(quota, currency) if quota is not None else None,
                "attainment": outcome.get("attainment"),
                "decision": exact_json.plain(decision.to_json()),
                "calculated_at": caller.now,
            },
        )


def plan_version(ports: Ports, caller: Caller, plan: str, period: Period, *, as_of: datetime) -> PublishedVersion:
    """The plan's version in force on the period's first day: a plan does not change inside the period it pays.

    Raises `NotFoundError`, or `InvalidError` (`rule_set.wrong_kind`) for a rule set that is no plan.
    """
    noon = datetime.combine(period.from_, time(12), UTC)
    found = get_version(ports, caller, plan, at=noon, as_of=as_of)
    if found.rule_set.kind != INCENTIVE_PLAN:
        raise InvalidError(
            Problem("rule_set.wrong_kind", f"`{plan}` is of kind `{found.rule_set.kind}`, not an incentive plan")
        )
    return found


def first_instant(period: Period, plan: PublishedVersion) -> datetime:
    """The period's first instant in the plan's zone, in UTC: the `at` of its decisions."""
    return datetime.combine(period.from_, time(0), plan.rule_set.zone).astimezone(UTC)


def quota_for(payee: Record, period: Period, currency: str) -> Decimal | None:
    """The payee's own quota for a quarter, or four of them for a year.

    None for a month, where the plan's rule holds.
    """
    quota: Money | None = payee["quarterly_quota"]
    if quota is None or quota.currency != currency or period.unit == "month":
        return None
    return quota.amount * (4 if period.unit == "year" else 1)


def _credit(deal: Record) -> dict[str, Any]:
    """A deal as the plan sees it: whole, with everybody's shares where it has more than one party."""
    credit: dict[str, Any] = {
        "id": deal.id,
        "name": deal["name"],
        "amount": deal["amount"].amount,
        "stage": deal["stage"],
    }
    for name, value in (
        ("closed_on", deal["closed_on"]),
        ("engaged_on", deal["engaged_on"]),
        ("product", deal["product"]),
        ("account", deal["account_name"]),
    ):
        if value is not None:
            credit[name] = value if isinstance(value, str) else value.isoformat()
    if deal["splits"]:
        credit["splits"] = [{"payee": split["payee"], "share": split["share"]} for split in deal["splits"]]
    return credit


def _shares(deal: Record) -> dict[str, Decimal]:
    if deal["splits"]:
        return {split["payee"]: Decimal(split["share"]) for split in deal["splits"]}
    return {deal["owner_id"]: HUNDRED} if deal["owner_id"] else {}


def _fault(deal: Record, currency: str) -> str:
    amount: Money | None = deal["amount"]
    if amount is None:
        return "the deal has no amount"
    return f"the deal is in {amount.currency}, the run pays {currency}" if amount.currency != currency else ""


def _not_paid(payee: str, payees: Mapping[str, Record], people: Mapping[str, Record]) -> str:
    if payee in payees:
        return ""
    if not payee:
        return "nobody owns the deal"
    known = people.get(payee)
    return f"the payee is a {known['role'].replace('_', ' ')}, whom no plan pays" if known else "the payee is not known"


def _existing(transaction: Transaction, statement: Record) -> Record | None:
    try:
        return transaction.get("statement", statement.id, Compare("organisation_id", "=", statement.organisation_id))
    except NotFoundError:
        return None


def _why_anew(before: Record, decision: Decision) -> str:
    """Why a statement that was there is adjusted: whoever started the run answers for it."""
    plan, inputs = (before["decision"][name] != getattr(decision, name) for name in ("digest", "input_digest"))
    changed = " and ".join(word for word, differs in (("the plan", plan), ("what it pays for", inputs)) if differs)
    return f"{changed or 'the outcome'} changed since the statement was calculated"


def _same(before: Record, decision: Decision) -> bool:
    """Whether the statement says already what the plan says now: the same inputs, plan and outcome."""
    document = before["decision"]
    return bool(
        document["digest"] == decision.digest
        and document["input_digest"] == decision.input_digest
        and exact_json.canonical(document["outcome"]) == exact_json.canonical(decision.outcome)
    )


class _Exclusions:
    """Excluded deals by reason and currency, with what of it was won. Only the run's currency counts in `won`."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.reasons: dict[tuple[str, str], dict[str, tuple[bool, Decimal]]] = {}
        self.deals: set[str] = set()
        self.won_deals: set[str] = set()
        self.won = ZERO

    def add(self, deal: Record, amount: Decimal, currency: str, reason: str) -> None:
        self._note((reason, currency), deal.id, deal["stage"] == WON, amount)

    def merge(self, other: _Exclusions) -> None:
        for key, found in other.reasons.items():
            for deal_id, (won, amount) in found.items():
                self._note(key, deal_id, won, amount)

    def _note(self, key: tuple[str, str], deal_id: str, won: bool, amount: Decimal) -> None:  # noqa: FBT001  # a plain fact
        found = self.reasons.setdefault(key, {})
        found[deal_id] = (won, found.get(deal_id, (won, ZERO))[1] + amount)
        self.deals.add(deal_id)
        if won:
            self.won_deals.add(deal_id)
            self.won += amount if key[1] == self.currency else ZERO

    def to_json(self) -> list[dict[str, Any]]:
        """Shape: `[{reason, currency, deals, amount, won_deals, won_amount, named}]`, the largest won amount first."""
        rows = [
            {
                "reason": reason,
                "currency": currency,
                "deals": len(found),
                "amount": sum((amount for _, amount in found.values()), ZERO),
                "won_deals": sum(1 for won, _ in found.values() if won),
                "won_amount": sum((amount for won, amount in found.values() if won), ZERO),
                "named": sorted(found)[:DEALS_NAMED],
            }
            for (reason, currency), found in self.reasons.items()
        ]
        return sorted(rows, key=lambda row: (row["currency"] != self.currency, -row["won_amount"], row["reason"]))

    def stored(self) -> list[Any]:
        return [
            [reason, currency, [[one, won, amount] for one, (won, amount) in sorted(found.items())]]
            for (reason, currency), found in self.reasons.items()
        ]

    @classmethod
    def read(cls, currency: str, stored: Sequence[Any]) -> _Exclusions:
        exclusions = cls(currency)
        for reason, its_currency, deals in stored:
            for deal_id, won, amount in deals:
                exclusions._note((reason, its_currency), deal_id, won, Decimal(amount))
        return exclusions


@dataclass(frozen=True)
class _Row:
    """One payee in the reconciliation.

    `won` is the payee's part of won deals, `credited` what the plan credits of it.
    """

    payee: str
    name: str
    deals: tuple[str, ...]
    won_deals: tuple[str, ...]
    won: Decimal
    credited: Decimal
    payout: Decimal
    exclusions: _Exclusions
    state: str = ""

    @classmethod
    def of(cls, payee: Record, parts: Sequence[Part], decision: Decision, currency: str) -> _Row:
        outcome = decision.outcome
        given = sum((part.amount for part in parts), ZERO)
        if outcome["credited"] + outcome["excluded"] != given:
            raise _not_reconciled(
                f"the plan was given {given} {currency} for `{payee.id}`, but credits {outcome['credited']} and "
                f"excludes {outcome['excluded']}"
            )
        by_id = {part.deal.id: part.deal for part in parts}
        exclusions = _Exclusions(currency)
        for excluded in outcome["exclusions"]:
            exclusions.add(by_id[excluded["credit"]], excluded["amount"], currency, excluded["reason"])
        won = [part for part in parts if part.deal["stage"] == WON]
        won_value = sum((part.amount for part in won), ZERO)
        return cls(
            payee.id,
            payee["name"],
            tuple(part.deal.id for part in parts),
            tuple(part.deal.id for part in won),
            won_value,
            won_value - exclusions.won,
            outcome["payout"] if outcome["payout"] is not None else ZERO,
            exclusions,
        )

    def to_json(self, *, state: str = "", internal: bool = False) -> dict[str, Any]:
        """Shape: `{payee, name, deals, won_deals, won_value, credited, excluded, payout, state}`."""
        shown: dict[str, Any] = {
            "payee": self.payee,
            "name": self.name,
            "won_value": self.won,
            "credited": self.credited,
            "excluded": self.exclusions.won,
            "payout": self.payout,
            "state": state or self.state,
        }
        if internal:
            return {**shown, "deals": self.deals, "won_deals": self.won_deals, "exclusions": self.exclusions.stored()}
        return {**shown, "deals": len(self.deals), "won_deals": len(self.won_deals)}

    @classmethod
    def read(cls, row: Mapping[str, Any], currency: str) -> _Row:
        return cls(
            row["payee"],
            row["name"],
            tuple(row["deals"]),
            tuple(row["won_deals"]),
            Decimal(row["won_value"]),
            Decimal(row["credited"]),
            Decimal(row["payout"]),
            _Exclusions.read(currency, row["exclusions"]),
            row["state"],
        )


def _not_reconciled(message: str) -> InvalidError:
    return InvalidError(
        Problem("incentive.not_reconciled", message, help="no result is better than one that loses money")
    )
