from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world import (
    COMMISSION,
    INBOUND,
    NOW,
    Clock,
    as_person,
    audit,
    deal,
    directory,
    insert,
    make_world,
    person,
    platform,
    shipped,
    shown_result,
    staff,
    usd,
)

from engine.predicate import Always, Compare
from engine.problems import DeniedError, InvalidError, NotFoundError
from engine.records import Money, Record
from engine.service import incentive_run
from engine.service.incentives import parse_period, plan_name, start_run, statement
from engine.service.jobs import run_job
from engine.service.periods import quarter_before
from engine.service.records import get_record, list_records, update_record

PEOPLE = staff()
PERIOD = "2026-Q3"
DAY = date(2026, 8, 12)


def run(ports, caller=None, period: str = PERIOD, **how: object):
    """The ended job and its result."""
    job = start_run(ports, caller or platform(), "sales-commission", period)
    ended = run_job(ports, job.id, clock=Clock(), worker="w", **how)
    return ended, shown_result(ended)


def won(deal_id: str, owner: Record | None, amount: str, **fields: object) -> Record:
    """A deal won in the period."""
    return deal(
        deal_id, owner, **{"stage": "Won", "amount": usd(amount) if amount else None, "closed_on": DAY, **fields}
    )


def statements(ports) -> dict[str, Record]:
    """Statements by payee."""
    return {one["owner_id"]: one for one in ports.store.scan("statement", Always())}


@pytest.fixture
def ports():
    return make_world(shipped(*COMMISSION))


def test_every_cent_of_won_value_is_credited_or_excluded_with_a_reason(ports):
    """Won, lost, open, shared, ownerless and foreign deals all go in; the result accounts for every cent and deal."""
    insert(
        ports,
        won("d1", PEOPLE["rep"], "30000.10"),
        won(
            "d2",
            PEOPLE["rep"],
            "100.01",
            splits=[{"payee": "rep", "share": Decimal("66.67")}, {"payee": "field", "share": Decimal("33.33")}],
        ),
        won("d3", PEOPLE["manager"], "500"),
        won("d4", None, "70"),
        won("d5", PEOPLE["rep"], "").with_fields(amount=Money(Decimal(10), "EUR")),
        won("d6", PEOPLE["rep"], ""),
        won("d7", PEOPLE["rep"], "900", stage="Lost"),
        won("d8", PEOPLE["rep"], "999", closed_on=date(2026, 10, 1)),
        won("d9", PEOPLE["rep"], "1", closed_on=date(2026, 7, 1)),
        won("d10", PEOPLE["rep"], "2", closed_on=date(2026, 9, 30)),
        deal("d11", PEOPLE["rep"], amount=usd("5")),
        won("d12", PEOPLE["rep"], "40", splits=[{"payee": "ghost", "share": Decimal(100)}]),
    )
    ended, result = run(ports)
    assert "succeeded" == ended["state"]
    amounts = {name: Decimal(result[name]) for name in ("won_value", "credited", "excluded", "difference")}
    expected = {
        "won_value": Decimal("30713.11"),  # the deal in euros is listed with its reason, in its own currency
        "credited": Decimal("30103.11"),
        "excluded": Decimal(610),
        "difference": Decimal(0),
    }
    assert expected == amounts
    assert {"given": 10, "won": 9, "credited": 4} == result["deals"]
    reasons = {row["reason"]: (row["won_deals"], row["deals"], row["named"]) for row in result["exclusions"]}
    assert {
        "the payee is a sales manager, whom no plan pays": (1, 1, ["d3"]),
        "nobody owns the deal": (1, 1, ["d4"]),
        "the deal is in EUR, the run pays USD": (1, 1, ["d5"]),
        "the deal has no amount": (1, 1, ["d6"]),
        "the payee is not known": (1, 1, ["d12"]),
        "A lost deal earns nothing": (0, 1, ["d7"]),
    } == reasons
    shares = {row["payee"]: Decimal(row["credited"]) for row in result["by_payee"]}
    assert {"rep": Decimal("30069.78"), "field": Decimal("33.33"), "other": 0, "far": 0} == shares


def test_every_payee_has_a_statement_also_without_a_sale(ports):
    """Whoever a plan pays gets a statement for the period; its decision holds the whole derivation."""
    insert(ports, won("d1", PEOPLE["rep"], "100000"))
    _, result = run(ports)
    found = statements(ports)
    assert ({"rep", "field", "other", "far"}, 3) == (set(found), result["zero_payees"])
    rep = found["rep"]
    assert (usd("100000"), usd("0"), "draft", 1, "t1", PERIOD) == (
        rep["credited"],
        rep["excluded"],
        rep["state"],
        rep["plan_version"],
        rep["team_id"],
        rep["period"],
    )
    assert str(rep["payout"].amount) == str(Decimal(rep["decision"]["outcome"]["payout"]).quantize(Decimal("0.01")))
    assert rep["payout"].amount == sum(Decimal(line["payout"]) for line in rep["decision"]["outcome"]["lines"])
    assert rep.id == statement(ports, as_person(ports, "rep"), rep.id).id
    with pytest.raises(NotFoundError):
        statement(ports, as_person(ports, "field"), rep.id)


def test_running_again_changes_nothing_and_a_changed_deal_only_its_payee(ports):
    """The same deals leave every statement untouched; one changed deal changes one statement."""
    insert(ports, won("d1", PEOPLE["rep"], "100000"), won("d2", PEOPLE["field"], "5000"))
    assert {"new": 4, "changed": 0, "unchanged": 0} == run(ports)[1]["statements"]
    before = statements(ports)
    assert {"new": 0, "changed": 0, "unchanged": 4} == run(ports)[1]["statements"]
    assert before == statements(ports)
    amount = {"amount": {"amount": "6000", "currency": "USD"}}
    update_record(ports, as_person(ports, "field"), "deal", "d2", amount, revision=1)
    assert {"new": 0, "changed": 1, "unchanged": 3} == run(ports)[1]["statements"]
    after = statements(ports)
    assert (usd("6000"), before["rep"]) == (after["field"]["credited"], after["rep"])
    entries = [entry for entry in audit(ports) if entry[0] == "calculate"]
    assert 5 == len(entries)
    adjusted = [
        one for one in ports.store.scan("audit_entry", Compare("action", "=", "calculate")) if one["approver_id"]
    ]
    assert [("service", "what it pays for changed since the statement was calculated")] == [
        (one["approver_id"], one["reason"]) for one in adjusted
    ]


class DeadWorkerError(BaseException):
    """Killed."""


def interrupted(ports, caller, *, after: int) -> tuple[Record, Clock]:
    """A run whose worker died after so many statements, and the clock, which stands where its lease has ended."""

    def beat(job: Record) -> None:
        if job["done"] == after:
            raise DeadWorkerError

    job, clock = start_run(ports, caller, "sales-commission", PERIOD), Clock()
    with pytest.raises(DeadWorkerError):
        run_job(ports, job.id, clock=clock, worker="w", beat=beat)
    clock.forward(minutes=1)
    return job, clock


def resumed(ports, job: Record, clock: Clock):
    """The result, once another worker has taken it up."""
    ended = run_job(ports, job.id, clock=clock, worker="w2")
    assert "succeeded" == ended["state"], ended["message"]
    return shown_result(ended)


def change_person(ports, person_id: str, **fields: object) -> None:
    """What an administrator does meanwhile."""
    with ports.store.transaction() as transaction:
        transaction.update(transaction.get("person", person_id, Always()).with_fields(**fields))


def test_a_resumed_run_goes_on_where_it_was_interrupted(ports, monkeypatch):
    """Without a change meanwhile every statement is calculated once, and the result is that of a run in one go."""
    monkeypatch.setattr(incentive_run, "PAYEES_PER_CHUNK", 1)
    insert(ports, won("d1", PEOPLE["rep"], "100"), won("d2", PEOPLE["far"], "50"))
    result = resumed(ports, *interrupted(ports, platform(), after=2))
    assert {"new": 4, "changed": 0, "unchanged": 0} == result["statements"]
    assert 4 == sum(1 for entry in audit(ports) if entry[0] == "calculate")


@pytest.mark.parametrize(
    ("meanwhile", "paid", "amounts"),
    [
        pytest.param({"team_id": "t9", "branch_id": "b9"}, {"rep", "third"}, (100, 100, 0), id="moved to another team"),
        pytest.param({"role": "revops_analyst"}, {"rep", "third"}, (130, 100, 30), id="paid by no plan any more"),
        pytest.param(
            {"active": False}, {"field", "rep", "third"}, (130, 130, 0), id="may not sign in, is paid all the same"
        ),
    ],
)
def test_payees_that_change_under_way_are_seen_as_one_state(ports, monkeypatch, meanwhile, paid, amounts):
    """If a payee leaves while the run lies between two workers, it begins again: nobody is skipped or counted who left.

    Going on by number would skip the one who has moved up into the leaver's place.
    """
    monkeypatch.setattr(incentive_run, "PAYEES_PER_CHUNK", 1)
    insert(ports, person("third", "sales_rep"), won("d1", PEOPLE["rep"], "100"), won("d2", PEOPLE["field"], "30"))
    job, clock = interrupted(ports, as_person(ports, "manager"), after=1)
    (first,) = statements(ports)
    assert "field" == first
    change_person(ports, first, **meanwhile)
    result = resumed(ports, job, clock)
    assert paid == {row["payee"] for row in result["by_payee"]}
    assert len(paid) == result["payees"] == len(result["by_payee"])
    assert paid <= set(statements(ports))
    assert amounts == tuple(Decimal(result[name]) for name in ("won_value", "credited", "excluded"))


def test_a_payee_who_joins_under_way_is_paid(ports, monkeypatch):
    """Somebody who joins the team before the run is taken up again gets a statement like the others, once."""
    monkeypatch.setattr(incentive_run, "PAYEES_PER_CHUNK", 1)
    insert(ports, won("d1", PEOPLE["rep"], "100"))
    job, clock = interrupted(ports, as_person(ports, "manager"), after=1)
    insert(ports, person("adam", "sales_rep"))
    result = resumed(ports, job, clock)
    assert ["adam", "field", "rep"] == sorted(row["payee"] for row in result["by_payee"])
    assert {"adam", "field", "rep"} == set(statements(ports))


def test_a_quota_that_changes_under_way_holds_for_the_whole_run(ports, monkeypatch):
    """A statement that was calculated with a quota of before the interruption is calculated again with today's."""
    monkeypatch.setattr(incentive_run, "PAYEES_PER_CHUNK", 1)
    insert(ports, won("d1", PEOPLE["field"], "90000"), won("d2", PEOPLE["rep"], "90000"))
    job, clock = interrupted(ports, as_person(ports, "manager"), after=1)
    for payee in ("field", "rep"):
        change_person(ports, payee, quarterly_quota=usd("80000"))
    result = resumed(ports, job, clock)
    assert [usd("80000")] * 2 == [statements(ports)[payee]["quota"] for payee in ("field", "rep")]
    assert 1 == len({row["payout"] for row in result["by_payee"]})
    assert {"new": 1, "changed": 1, "unchanged": 0} == result["statements"]


def test_deals_that_change_under_way_are_seen_as_one_state(ports, monkeypatch):
    """If deals change while the job lies between two workers, it begins again, so that the result is of one state."""
    monkeypatch.setattr(incentive_run, "PAYEES_PER_CHUNK", 1)
    insert(ports, won("d1", PEOPLE["rep"], "100"), won("d2", PEOPLE["far"], "50"))
    job, clock = interrupted(ports, platform(), after=2)
    update_record(ports, as_person(ports, "manager"), "deal", "d1", {"owner_id": "field"}, revision=1)
    update_record(
        ports, as_person(ports, "far"), "deal", "d2", {"amount": {"amount": 70, "currency": "USD"}}, revision=1
    )
    result = resumed(ports, job, clock)
    credited = {row["payee"]: Decimal(row["credited"]) for row in result["by_payee"]}
    assert {"rep": 0, "field": 100, "far": 70, "other": 0} == credited
    assert Decimal(170) == Decimal(result["won_value"]) == Decimal(result["credited"])
    assert 4 == ports.store.count("statement", Always())


def test_a_persons_run_covers_whose_pay_the_person_may_write(ports):
    """A manager's run covers the team, and what of a shared deal belongs to others is not in its sums."""
    halves = [{"payee": "rep", "share": Decimal(50)}, {"payee": "other", "share": Decimal(50)}]
    insert(ports, won("d1", PEOPLE["rep"], "100.01", splits=halves), won("d2", PEOPLE["far"], "50"))
    _, result = run(ports, as_person(ports, "manager"))
    assert {"rep", "field"} == {row["payee"] for row in result["by_payee"]} == set(statements(ports))
    assert Decimal("50.00") == Decimal(result["won_value"])
    with pytest.raises(DeniedError):
        start_run(ports, as_person(ports, "rep"), "sales-commission", PERIOD)


def test_the_plan_in_force_on_the_first_day_pays_the_whole_period(ports):
    """The version is picked by the period's first day, and the decision is dated there."""
    ended, result = run(ports, period="2016-Q1")
    assert ("succeeded", "2016-01-01T00:00:00Z") == (ended["state"], result["at"])
    with pytest.raises(NotFoundError) as error:
        start_run(ports, platform(), "sales-commission", "2015-Q4")
    assert "rule_set.not_in_force" == error.value.code


def test_a_rule_set_that_is_no_plan_is_refused(ports):
    """Only an incentive plan pays."""
    world = make_world(shipped(*INBOUND))
    with pytest.raises(InvalidError) as error:
        start_run(world, platform(), "lead-priority/inbound", "2026-Q4")
    assert "rule_set.wrong_kind" == error.value.code
    assert "incentive-plan/sales-commission" == plan_name("sales-commission")


def test_a_persons_own_quota_counts(ports):
    """A quarterly quota of the payee's own takes the place of the plan's, four of them for a year, none for a month."""
    insert(ports, person("senior", "sales_rep", quarterly_quota=usd("200000")))
    run(ports)
    assert usd("200000") == statements(ports)["senior"]["quota"]
    senior = get_record(ports, platform(), "person", "senior")
    found = {
        text: incentive_run.quota_for(senior, parse_period(text), "USD") for text in ("2026-Q3", "2026", "2026-07")
    }
    assert {"2026-Q3": Decimal(200_000), "2026": Decimal(800_000), "2026-07": None} == found


@pytest.mark.parametrize("text", ["", "2026-Q5", "2026-13", "26-Q1", "2026Q1", "2026-q1", "0000", "2026-Q1 ", "٢٠٢٦"])
def test_a_malformed_period_is_refused(text):
    """A period is a year, a quarter or a month, and nothing like it."""
    with pytest.raises(InvalidError) as error:
        parse_period(text)
    assert "period.malformed" == error.value.code


def test_periods_touch_and_never_overlap():
    """The quarters of a year, and its months, follow each other without gap or overlap."""
    for texts in ([f"2024-Q{n}" for n in range(1, 5)], [f"2024-{n:02d}" for n in range(1, 13)]):
        periods = [parse_period(text) for text in texts]
        assert all(one.to == other.from_ for one, other in pairwise(periods))
        assert (date(2024, 1, 1), date(2025, 1, 1)) == (periods[0].from_, periods[-1].to)
    assert ["2025-Q4", "2026-Q3"] == [quarter_before(day).label for day in (date(2026, 3, 31), date(2026, 10, 1))]


shares = st.lists(
    st.sampled_from(["rep", "field", "other", "far", "manager", "ghost"]), min_size=2, max_size=4, unique=True
)


@st.composite
def any_deal(draw: st.DrawFn) -> dict[str, object]:
    """A closed deal of anybody or nobody, in any currency, possibly shared unevenly."""
    fields: dict[str, object] = {
        "stage": draw(st.sampled_from(["Won", "Won", "Won", "Lost"])),
        "closed_on": date(2026, 7, 1) + timedelta(days=draw(st.integers(-5, 96))),
        "amount": draw(
            st.none() | st.builds(Money.of_minor, st.integers(0, 10**9), st.sampled_from(["USD", "USD", "USD", "EUR"]))
        ),
        "owner": draw(st.sampled_from(["rep", "field", "other", "far", "manager", "analyst", None])),
    }
    if draw(st.booleans()):
        payees = draw(shares)
        cuts = sorted(
            draw(st.lists(st.integers(1, 9_999), min_size=len(payees) - 1, max_size=len(payees) - 1, unique=True))
        )
        parts = [right - left for left, right in zip([0, *cuts], [*cuts, 10_000], strict=True)]
        fields["splits"] = [
            {"payee": payee, "share": Decimal(part).scaleb(-2)} for payee, part in zip(payees, parts, strict=True)
        ]
    return fields


@settings(max_examples=25)
@given(st.lists(any_deal(), max_size=12))
def test_won_value_is_credited_plus_excluded_whatever_the_deals(deals):
    """For any deals the run's won value is that of the deals in its currency, and equals credited plus excluded."""
    ports = make_world(shipped(*COMMISSION))
    records = [
        deal(f"d{number:02d}", PEOPLE.get(str(fields.pop("owner"))), **fields)
        for number, fields in enumerate(map(dict, deals))
    ]
    insert(ports, *records)
    ended, result = run(ports)
    assert "succeeded" == ended["state"], ended["message"]
    inside = [one for one in records if date(2026, 7, 1) <= one["closed_on"] < date(2026, 10, 1)]
    value = sum(
        (
            one["amount"].amount
            for one in inside
            if one["stage"] == "Won" and one["amount"] and one["amount"].currency == "USD"
        ),
        Decimal(0),
    )
    assert value == Decimal(result["won_value"]) == Decimal(result["credited"]) + Decimal(result["excluded"])
    assert value == sum((Decimal(row["won_value"]) for row in result["by_payee"]), Decimal(0)) + sum(
        (
            Decimal(row["won_amount"])
            for row in result["exclusions"]
            if row["reason"].startswith(("the payee", "nobody"))
        ),
        Decimal(0),
    )
    assert len(inside) == result["deals"]["given"]
    payouts = sum((one["payout"].amount for one in ports.store.scan("statement", Always())), Decimal(0))
    assert payouts == Decimal(result["payout"])


def test_the_list_of_statements_is_read_like_other_records(ports):
    """Statements obey the same scopes as everything else."""
    run(ports)
    seen = {
        who: len(list_records(ports, as_person(ports, who), "statement", where=Compare("period", "=", PERIOD)).records)
        for who in ("rep", "manager", "analyst", "far")
    }
    assert {"rep": 1, "manager": 3, "analyst": 3, "far": 1} == seen
    assert 5 == len([one for one in directory() if one.type == "person" and "sales_rep" not in one["role"]]) + 2
    assert NOW == next(iter(statements(ports).values()))["calculated_at"]
