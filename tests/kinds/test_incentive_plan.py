"""Incentive plans as rule files: statements that add up, reasons that sum, and what is refused."""

from __future__ import annotations

import csv
import io
import pickle
import zipfile
from collections import defaultdict
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_files import ROOT, deals, decide, marginal, plan, retroactive, schemas

from engine.kinds import load
from engine.problems import InvalidError


def shipped(name: str):
    """A shipped plan."""
    path = ROOT / "rules" / "incentive-plan" / f"{name}.yaml"
    return load(path.read_bytes(), source=f"rules/incentive-plan/{path.name}", schemas=schemas())


amounts = st.integers(-2_000_000, 6_000_000).map(lambda value: Decimal(value).scaleb(-2))
stages = st.sampled_from(["Won", "Won", "Won", "Lost", "Engaging"])
rates = st.integers(0, 3_000).map(lambda value: f"{Decimal(value).scaleb(-2)}%")


@st.composite
def credits_given(draw: st.DrawFn) -> list[dict[str, object]]:
    """Deals of several stages and dates, some shared, some outside the period or without a date."""
    count = draw(st.integers(0, 10))
    found: list[dict[str, object]] = []
    for index in range(count):
        deal: dict[str, object] = {"id": f"d{index}", "amount": draw(amounts), "stage": draw(stages)}
        if draw(st.integers(0, 9)):
            deal["closed_on"] = (
                date(2026, 6, 25 + draw(st.integers(0, 5)))
                if draw(st.integers(0, 9)) == 9
                else date(2026, draw(st.integers(7, 9)), draw(st.integers(1, 30)))
            )
        if draw(st.booleans()):
            share = draw(st.integers(0, 10_000).map(lambda value: Decimal(value).scaleb(-2)))
            deal["splits"] = [{"payee": "anna", "share": share}, {"payee": "ben", "share": 100 - share}]
        found.append(deal)
    return found


@st.composite
def plans(draw: st.DrawFn):
    """Plans with two components, kickers, caps and floors of every scope."""
    make = draw(st.sampled_from([marginal, retroactive]))
    starts = draw(st.lists(st.integers(1, 30_000), max_size=3, unique=True).map(sorted))
    bands = [{"frm": start, "rate": draw(rates)} for start in (0, *starts)]
    for band in bands[1:]:
        if draw(st.booleans()):
            band["applies_to"] = draw(st.sampled_from(["all", "excess"]))
        if draw(st.booleans()):
            band["flat"] = Decimal(draw(st.integers(0, 50_000))).scaleb(-2)
    main = make(bands, at_boundary=draw(st.sampled_from(["upper", "lower"])))
    if draw(st.booleans()):
        main["kickers"] = [
            {"id": "large", "when": "amount > 10000", "multiply_by": "133.3%", "because": "large"},
            {"id": "ahead", "when": "attainment > 0.5", "multiply_by": Decimal("1.07"), "because": "ahead"},
        ]
    if draw(st.booleans()):
        main["caps"] = [{"id": "deal-cap", "per": "credit", "amount": draw(st.integers(100, 2_000)), "because": "cap"}]
    spiff = {
        "measure": "count",
        "rate": 25,
        "when": "amount > 500",
        "window": draw(st.sampled_from(["period", "credit"])),
    }
    parts = {"rounding": draw(st.sampled_from(["half_up", "half_even"]))}
    if draw(st.booleans()):
        parts["caps"] = [{"id": "cap", "amount": draw(st.integers(300, 5_000)), "because": "cap"}]
    if draw(st.booleans()):
        parts["floors"] = [{"id": "floor", "amount": draw(st.integers(0, 300)), "because": "floor"}]
    return plan([main, spiff], **parts)


@given(plans(), credits_given(), st.randoms())
def test_a_statement_adds_up(rules, given_credits, shuffler):
    """Lines sum to the payout, so do reasons; credited and excluded make what was given; no order matters."""
    decision = decide(rules, given_credits, quota=Decimal(20_000))
    outcome = decision.outcome
    assert outcome["payout"] == sum((line["payout"] for line in outcome["lines"]), Decimal(0))
    assert outcome["payout"] == sum((reason.contribution or Decimal(0) for reason in decision.reasons), Decimal(0))
    assert outcome["given"] == outcome["credited"] + outcome["excluded"]
    assert all(check["holds"] for check in outcome["checks"])
    shuffler.shuffle(given_credits)
    again = decide(rules, given_credits, quota=Decimal(20_000)).outcome
    assert outcome["payout"] == again["payout"]
    assert outcome["lines"] == again["lines"]


@given(plans(), credits_given())
def test_lines_are_rounded_once(rules, given_credits):
    """Every line pays whole cents, and a credit's line differs from its exact earnings by at most a cent."""
    for line in decide(rules, given_credits).outcome["lines"]:
        assert line["payout"] == line["payout"].quantize(Decimal("0.01"))
        if line["kind"] == "credit":
            assert abs(line["payout"] - line["earned"]) < Decimal("0.01")
            assert (
                line["credited"] == sum(piece["amount"] for piece in line["split"])
                or line["component"] == "component-1"
            )


@given(credits_given())
def test_a_reversal_of_everything_pays_nothing(given_credits):
    """Credits together with their reversals in one period earn exactly nothing."""
    reversals = [{**deal, "id": f"{deal['id']}-back", "amount": -deal["amount"]} for deal in given_credits]
    rules = plan([marginal([{"frm": 0, "rate": "3.33%"}, {"frm": 1000, "rate": "7.77%"}])])
    assert Decimal(0) == decide(rules, given_credits + reversals).outcome["payout"]


@given(credits_given())
def test_the_parts_of_a_deal_make_the_deal(given_credits):
    """What all parties of shared deals are credited, or are refused, adds up to the deals, to the cent."""
    shared_deals = [{**deal, "stage": "Won", "closed_on": "2026-08-01"} for deal in given_credits if "splits" in deal]
    rules = plan([{"rate": "5%"}])
    found = [decide(rules, shared_deals, payee=payee).outcome for payee in ("anna", "ben")]
    assert sum((deal["amount"] for deal in shared_deals), Decimal(0)) == sum(outcome["given"] for outcome in found)


@given(st.lists(amounts, max_size=8), st.integers(1, 5_000_000))
def test_attainment_decides_exactly(given_amounts, quota_cents):
    """Marginal bands on attainment pay what the formula in rational numbers pays, rounded once."""
    quota = Decimal(quota_cents).scaleb(-2)
    bands = [("0", "0.031"), ("0.333", "0.0617"), ("1", "0.0999")]
    rules = plan(
        [marginal([{"frm": start, "rate": rate} for start, rate in bands], on="attainment")],
        quota={"when_absent": "hold"},
    )
    total = sum(map(Fraction, given_amounts), Fraction(0))
    exact = Fraction(0)
    for index, (start, rate) in enumerate(bands):
        low = Fraction(start) * Fraction(quota)
        high = Fraction(bands[index + 1][0]) * Fraction(quota) if index + 1 < len(bands) else None
        part = (total if high is None else min(total, high)) - low
        exact += Fraction(rate) * (part if index == 0 and total < 0 else max(Fraction(0), part))
    cents = abs(exact) * 100
    rounded = (1 if exact >= 0 else -1) * int(cents + Fraction(1, 2))
    assert Decimal(rounded).scaleb(-2) == decide(rules, deals(*given_amounts), quota=quota).outcome["payout"]


def test_per_band_rounding_would_lose_money():
    """One rounding a payout line keeps the fraction that a rounding per band or per deal would lose."""
    rules = plan([{"rate": "0.5%"}])
    outcome = decide(rules, deals(*["0.90"] * 80)).outcome
    assert Decimal("0.36") == outcome["payout"]
    assert {Decimal("0.00"), Decimal("0.01")} == {line["payout"] for line in outcome["lines"]}


def test_a_payee_without_a_quota_is_held():
    """Without a quota, or with one of zero, bands on attainment hold the statement: it pays nothing and says so."""
    rules = plan([marginal([{"frm": 0, "rate": "5%"}], on="attainment")], quota={"when_absent": "hold"})
    for facts in ({}, {"quota": Decimal(0)}):
        decision = decide(rules, deals(1000), **facts)
        assert ("held", Decimal(0), Decimal(1000)) == tuple(
            decision.outcome[key] for key in ("state", "payout", "credited")
        )
        assert ("quota",) == tuple(why.rule for why in decision.why_not)
        assert "quota" in decision.missing


def test_a_payee_without_a_quota_is_paid_the_declared_rate():
    """`when_absent: rate` pays one rate on everything."""
    rules = plan(
        [marginal([{"frm": 0, "rate": "5%"}, {"frm": 1, "rate": "9%"}], on="attainment")],
        quota={"when_absent": "rate", "rate": "4%"},
    )
    outcome = decide(rules, deals(1000)).outcome
    assert ("calculated", Decimal(40), None) == tuple(outcome[key] for key in ("state", "payout", "attainment"))


def test_the_next_band_is_named_with_its_distance():
    """Why-not says how much more reaches the next band."""
    rules = plan([marginal([{"frm": 0, "rate": "5%"}, {"frm": 13345, "rate": "8%"}])])
    why = decide(rules, deals(1000)).why_not
    assert ("12,345.00 USD more reaches 8%",) == tuple(item.condition for item in why)


def test_a_kicker_that_did_not_apply_says_why():
    """Why-not of a kicker is the first part of its condition that was not true, with what it saw."""
    kicker = {"id": "big", "when": 'amount > 500 and product = "X"', "multiply_by": 2, "because": "big X"}
    decision = decide(plan([{"rate": "5%", "kickers": [kicker]}]), deals(1000, product="Y"))
    assert [("big", 'product = "X"', {"product": "Y"})] == [
        (why.rule, why.condition, dict(why.seen)) for why in decision.why_not
    ]


def test_a_kicker_reads_the_totals():
    """A kicker may ask for the credited sum, the number of deals and the attainment."""
    kicker = {
        "id": "all",
        "when": "credited = 3000 and deals = 2 and attainment = 1.5",
        "multiply_by": 2,
        "because": "x",
    }
    rules = plan([{"rate": "10%", "kickers": [kicker]}])
    assert Decimal(600) == decide(rules, deals(1000, 2000), quota=Decimal(2000)).outcome["payout"]


def test_a_cap_names_the_deal_that_straddles_it():
    """What a cap holds back is a line of its own that names the deal which crossed it."""
    cap = {"id": "cap", "amount": 150, "because": "capped"}
    outcome = decide(plan([{"rate": "10%", "caps": [cap]}]), deals(1000, 1000, 1000)).outcome
    assert ("cap", "d01", Decimal(300), Decimal(-150)) == tuple(
        outcome["lines"][-1][key] for key in ("kind", "credit", "before", "payout")
    )


def test_a_cap_never_turns_a_reversal_into_a_payment():
    """A capped component takes back no more than it would have paid."""
    cap = {"id": "cap", "amount": 150, "because": "capped"}
    assert Decimal(-150) == decide(plan([{"rate": "10%", "caps": [cap]}]), deals(-9000)).outcome["payout"]


def test_a_limit_per_deal_mirrors_a_reversal():
    """A cap or floor on each deal takes back from a reversal what it let through, and leaves a deal of zero alone."""
    limits = {
        "caps": [{"id": "cap", "per": "credit", "amount": 50, "because": "at most"}],
        "floors": [{"id": "floor", "per": "credit", "amount": 20, "because": "at least"}],
    }
    rules = plan([{"rate": "10%", **limits}])
    for amount, expected in ((1000, 50), (-1000, -50), (100, 20), (-100, -20), (0, 0), (300, 30)):
        assert Decimal(expected) == decide(rules, deals(amount)).outcome["payout"]


def test_a_band_that_was_only_passed_through_does_not_count():
    """A retroactive band that the running total reached for a while, but the period did not, pays on no line."""
    rules = plan([retroactive([{"frm": 0, "rate": "5%"}, {"frm": 1000, "rate": "8%"}, {"frm": 2000, "rate": "9%"}])])
    outcome = decide(rules, deals(2500, -1600)).outcome
    assert [Decimal(125), Decimal(-80)] == [line["payout"] for line in outcome["lines"]]


@pytest.mark.parametrize(("shares", "total"), [((50, 40), "90"), ((70, 50), "120"), ((0, 0), "0")])
def test_revenue_shares_total_exactly_the_deal(shares, total):
    """A deal whose revenue shares total less or more than 100 % is held out with the total as its reason."""
    splits = [{"payee": payee, "share": share} for payee, share in zip(("anna", "ben"), shares, strict=True)]
    outcome = decide(plan([{"rate": "5%"}]), deals(1000, splits=splits)).outcome
    assert [f"the shares of the deal total {total} %, not 100 %"] == [item["reason"] for item in outcome["exclusions"]]
    assert Decimal(0) == outcome["payout"]


def test_a_currency_without_minor_units():
    """Yen are paid whole, dinars to the thousandth."""
    for currency, expected in (("JPY", "34"), ("KWD", "33.667")):
        rules = plan([{"rate": "3.3667%"}], currency=currency)
        assert Decimal(expected) == decide(rules, deals(1000), currency=currency).outcome["payout"]


def test_a_plan_survives_pickling():
    """A loaded plan can be sent to a worker process and decides the same there."""
    rules = shipped("sales-commission@1")
    again = pickle.loads(pickle.dumps(rules.body))
    facts = rules.facts.read(rules.tests[0].given)
    at = rules.tests[0].at
    assert rules.body.decide(facts, at=at, as_of=at).outcome == again.decide(facts, at=at, as_of=at).outcome


@pytest.mark.parametrize("name", ["sales-commission@1", "field-bonus@1"])
def test_shipped_plans_pass_their_own_tests(name):
    """A shipped plan loads without warnings, passes its tests, and they make every rule fire."""
    rules = shipped(name)
    results = rules.run_tests()
    assert () == rules.warnings
    assert [] == [(result.name, problem.message) for result in results for problem in result.problems]
    assert () == rules.coverage(results).never_fired


def test_a_plan_describes_itself():
    """The readable form names bands, kickers and limits in money and percent."""
    cells = [
        cell
        for section in shipped("sales-commission@1").describe().sections
        for row in section.rows
        for cell in row.cells
    ]
    assert "from 60% of quota" in cells
    assert "6% on what lies in the band" in cells
    assert "times 1.1" in cells
    assert "at most 30,000.00 USD a period" in cells
    assert "otherwise 90,000.00 USD a quarter" in cells


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"currency": "EUR"}, "plan.currency", "$.currency"),
        ({"period": {"from": "2026-07-01", "to": "2026-09-30", "label": "Q3"}}, "plan.period", "$.period"),
        ({"period": {"from": "2026-07-01", "to": "2026-08-01", "label": "July"}}, "plan.period", "$.period"),
        ({"credits": deals(1) + deals(2)}, "plan.duplicate_credit", "$.credits[1].id"),
        ({"credits": deals("0.001")}, "plan.finer_than_currency", "$.credits[0].amount"),
        ({"quota": Decimal("0.001")}, "plan.finer_than_currency", "$.quota"),
        ({"quota": Decimal(-1)}, "facts.out_of_range", "$.quota"),
        ({"quota": Decimal("1e6000")}, "facts.out_of_range", "$.quota"),
        ({"credits": deals("1e6000")}, "facts.out_of_range", "$.credits[0].amount"),
        ({"credits": deals("-1e6000")}, "facts.out_of_range", "$.credits[0].amount"),
        ({"credits": deals("1e-6000")}, "plan.finer_than_currency", "$.credits[0].amount"),
        ({"credits": [{"id": "d", "stage": "Won", "amount": "12"}]}, "facts.wrong_type", "$.credits[0].amount"),
    ],
)
def test_facts_that_no_plan_can_be_about_are_refused(changes, code, path):
    """Another currency, another period, a credit given twice amounts finer than a cent are refused at their place."""
    with pytest.raises(InvalidError) as caught:
        decide(plan([{"rate": "5%"}]), changes.pop("credits", []), **changes)
    assert [(code, path)] == [(problem.code, problem.place.path) for problem in caught.value.problems]


def test_the_largest_amounts_stay_exact():
    """Sums and products of the largest amounts with the finest shares and rates keep every cent."""
    largest = Decimal("999999999999999.99")
    kickers = [
        {
            "id": f"k{index}",
            "when": "true",
            "multiply_by": Decimal("1.000000000000000000000000000000001"),
            "because": "finest",
        }
        for index in range(50)
    ]
    rules = plan([{"rate": "0.0000000000000000000000000000001", "kickers": kickers}, {"rate": "100%"}])
    outcome = decide(rules, deals(*[largest] * 80, share=Decimal("99.99999999999999999999999999999999"))).outcome
    assert all(check["holds"] for check in outcome["checks"])
    assert largest * 80 == outcome["credited"]


def test_a_kicker_reads_the_quota_in_force():
    """A kicker that asks for the quota sees the plan's where the payee has none."""
    kicker = {"id": "k", "when": "quota = 500", "multiply_by": 2, "because": "x"}
    rules = plan([{"rate": "10%", "kickers": [kicker]}], quota={"amount": 500, "when_absent": "hold"})
    assert Decimal(20) == decide(rules, deals(100)).outcome["payout"]


def test_a_binary_float_is_refused_as_money():
    """A binary float has no exact value, so it is never money."""
    with pytest.raises(InvalidError) as caught:
        decide(plan([{"rate": "5%"}]), [{"id": "d", "stage": "Won", "amount": 12.5}])
    assert "facts.binary_float" == caught.value.code


def test_a_payout_that_falls_is_a_warning():
    """A retroactive band with a lower rate is allowed, but the leap down is told with its amount."""
    rules = plan([retroactive([{"frm": 0, "rate": "5%"}, {"frm": 1000, "rate": "4%"}])])
    assert ("reaching `1000` pays 10.00 less than just below it",) == tuple(
        warning.message for warning in rules.warnings if warning.code == "plan.cliff"
    )


def _maven(shared) -> list[dict[str, str]]:
    folder = shared / "data" / "maven-crm"
    loose = folder / "sales_pipeline.csv"
    if loose.exists():
        return list(csv.DictReader(loose.read_text().splitlines()))
    archive = zipfile.ZipFile(next(folder.glob("*.zip")))
    name = next(name for name in archive.namelist() if name.endswith("sales_pipeline.csv"))
    return list(csv.DictReader(io.StringIO(archive.read(name).decode())))


def test_real_quarters_reconcile(shared):
    """Over a real year of deals, every quarter's won value is credited or excluded with a reason, to the cent."""
    rules = shipped("sales-commission@1")
    rows = defaultdict(list)
    for row in _maven(shared):
        rows[row["sales_agent"]].append(row)
    won = Decimal(0)
    by_quarter = {}
    for quarter in range(1, 5):
        first, end = date(2017, quarter * 3 - 2, 1), date(2017 + quarter // 4, quarter * 3 % 12 + 1, 1)
        credited = excluded_won = Decimal(0)
        for agent, own in rows.items():
            given_credits = [
                {
                    "id": row["opportunity_id"],
                    "amount": Decimal(row["close_value"] or 0),
                    "stage": row["deal_stage"],
                    "product": row["product"],
                    **({"closed_on": row["close_date"]} if row["close_date"] else {}),
                }
                for row in own
                if row["close_date"] and first <= date.fromisoformat(row["close_date"]) < end
            ]
            period = {"from": first, "to": end, "label": f"2017-Q{quarter}"}
            outcome = decide(rules, given_credits, payee=agent, period=period).outcome
            assert all(check["holds"] for check in outcome["checks"])
            credited += outcome["credited"]
            excluded_won += sum(item["amount"] for item in outcome["exclusions"] if item["rule"] != "not-lost")
        by_quarter[quarter] = credited
        won += credited + excluded_won
    assert {1: 1134672, 2: 3086111, 3: 2982255, 4: 2802496} == by_quarter
    assert Decimal(10005534) == won
