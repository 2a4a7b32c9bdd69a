"""Published worked examples, run through plan files: what other people's manuals print comes out of ours to the cent.

The cases stand in `shared/cases/worked-examples.yaml` and are read there. `LEFT` names the ones whose features the plan
format does not have yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from plan_files import deals, decide, marginal, plan, retroactive

from engine.kinds.allocation import allocate

COVERED = (
    *("ICM-001", "ICM-002", "ICM-003", "ICM-006", "ICM-009", "ICM-010", "ICM-013", "ICM-015", "ICM-016", "ICM-018"),
    *("ICM-019", "ICM-024", "ICM-025", "ICM-028", "ICM-033", "ICM-034", "ICM-037", "ICM-038", "ICM-042", "ICM-043"),
    *("ICM-049", "ICM-050", "ICM-054", "ICM-055", "ICM-061", "ICM-062", "ICM-063", "ICM-064", "ICM-065", "ICM-066"),
    *("ICM-067", "ICM-068", "ICM-070", "ICM-072", "ICM-092", "ICM-093", "ICM-095", "ICM-096", "ICM-099", "ICM-101"),
)

LEFT = {
    "ICM-007": "a gate on a longer window than the plan's period",
    "ICM-014": "interpolated amounts",
    "ICM-029": "the inverse: sales for a wanted commission",
    "ICM-044": "payout curves",
    "ICM-045": "payout curves",
    "ICM-046": "payout curves",
    "ICM-047": "payout curves",
    "ICM-056": "recoverable draws",
    "ICM-057": "recoverable draws",
    "ICM-073": "clawbacks",
    "ICM-074": "clawbacks",
    "ICM-075": "clawbacks",
    "ICM-076": "clawbacks",
    "ICM-077": "netting of debts",
    "ICM-079": "advances",
    "ICM-080": "holdbacks",
    "ICM-081": "holdbacks",
    "ICM-082": "proration of quotas",
    "ICM-084": "proration of quotas",
    "ICM-086": "quotas spread over periods",
    "ICM-088": "ramps of quotas",
    "ICM-090": "several currencies",
    "ICM-098": "modelling",
}


@cache
def _cases(shared: Path) -> Mapping[str, Mapping[str, Any]]:
    found = yaml.safe_load((shared / "cases" / "worked-examples.yaml").read_text())["cases"]
    return {case["id"]: case for case in found}


@pytest.fixture
def case(request: pytest.FixtureRequest, shared: Path) -> Mapping[str, Any]:
    return _cases(shared)[request.param]


def cases(*ids: str) -> pytest.MarkDecorator:
    """Run a test for these cases."""
    return pytest.mark.parametrize("case", ids, indirect=True)


def payout(
    component: Mapping[str, Any], *amounts: Any, plan_parts: Mapping[str, Any] | None = None, **facts: Any
) -> Decimal:
    """What a plan with one component pays for these deals."""
    return decide(plan([component], **(plan_parts or {})), deals(*amounts), **facts).outcome["payout"]


def test_every_case_is_covered_or_left_with_a_reason(shared):
    """Each published incentive case is either run here or named with the feature it waits for."""
    known = {name for name in _cases(shared) if name.startswith("ICM-")}
    assert known == {*COVERED, *LEFT}
    assert not set(COVERED) & set(LEFT)


@cases("ICM-001", "ICM-003", "ICM-006", "ICM-025", "ICM-028", "ICM-038", "ICM-042")
def test_marginal_bands(case):
    """Marginal bands pay each band's rate on what lies in it, band by band as printed."""
    rules = plan([marginal(case["inputs"]["bands"])])
    outcome = decide(rules, deals(case["inputs"]["amount"])).outcome
    assert Decimal(case["expected"]["payout"]) == outcome["payout"]
    for expected, band in zip(case["expected"].get("per_band", ()), outcome["bands"], strict=False):
        assert Decimal(expected) == band["earned"]


@cases("ICM-002", "ICM-009")
def test_retroactive_bands(case):
    """Retroactive bands pay the reached rate on everything."""
    assert Decimal(case["expected"]["payout"]) == payout(retroactive(case["inputs"]["bands"]), case["inputs"]["amount"])


@cases("ICM-010", "ICM-019")
def test_marginal_bands_on_attainment(case):
    """Bands on attainment pay exactly at the line, and the same for one deal as for several."""
    bands = [{"frm": Decimal(band["frm"]) / 100, "rate": band["rate"]} for band in case["inputs"]["bands_pct"]]
    rules = plan([marginal(bands, on="attainment")], quota={"when_absent": "hold"})
    amounts = case["inputs"].get("transactions") or [case["inputs"]["amount"]]
    expected = case["expected"]
    outcome = decide(rules, deals(*amounts), quota=Decimal(case["inputs"]["quota"])).outcome
    assert Decimal(expected.get("payout") or expected["total"]) == outcome["payout"]
    for printed, line in zip(expected.get("per_transaction", ()), outcome["lines"], strict=False):
        assert Decimal(printed) == line["payout"]
    if "total_if_one_transaction_of_1000" in expected:
        at_once = decide(rules, deals(1000), quota=Decimal(1000)).outcome["payout"]
        assert Decimal(expected["total_if_one_transaction_of_1000"]) == at_once


@cases("ICM-013", "ICM-043")
def test_deals_add_up_through_the_bands(case):
    """Each deal is paid from where the one before it ended; a flat amount is added when a band is entered."""
    flats = case["inputs"].get("flat_on_entry")
    bands = [
        {**band, **({"flat": Decimal(flats[index])} if flats else {})}
        for index, band in enumerate(case["inputs"]["bands"])
    ]
    outcome = decide(plan([marginal(bands)]), deals(*case["inputs"]["transactions"])).outcome
    printed = [Decimal(value) for value in case["expected"]["per_transaction"]]
    assert printed == [line["payout"] for line in outcome["lines"]]
    assert Decimal(case["expected"].get("total", sum(printed))) == outcome["payout"]


@cases("ICM-015", "ICM-016", "ICM-037")
def test_each_amount_by_itself(case):
    """A list of amounts, each paid as a transaction of its own, in one statement with a window of one credit."""
    make = retroactive if "retroactive" in case["inputs"]["rule"] else marginal
    component = {**make(case["inputs"]["bands"]), "window": "credit"}
    outcome = decide(plan([component]), deals(*case["inputs"]["amounts"])).outcome
    assert [Decimal(value) for value in case["expected"]["payouts"]] == [line["payout"] for line in outcome["lines"]]
    for printed, line in zip(case["expected"].get("rates", ()), outcome["lines"], strict=False):
        assert Decimal(printed) == line["split"][-1]["rate"]


@cases("ICM-018")
def test_the_boundary_is_declared(case):
    """Exactly on a line the declared side decides the rate."""
    for side, key in (("upper", "rate_if_lower_bound_inclusive"), ("lower", "rate_if_upper_bound_inclusive")):
        component = retroactive(case["inputs"]["bands"], at_boundary=side)
        line = decide(plan([component]), deals(case["inputs"]["amount"])).outcome["lines"][0]
        assert Decimal(case["expected"][key]) == line["split"][0]["rate"]


@cases("ICM-024")
def test_a_floor_per_deal(case):
    """A minimum per deal raises the lines below it."""
    floor = {
        "id": "minimum",
        "per": "credit",
        "amount": Decimal(case["inputs"]["minimum"]),
        "because": "a minimum per deal",
    }
    component = {**marginal(case["inputs"]["bands"]), "floors": [floor]}
    for amount, expected in zip(case["inputs"]["amounts"], case["expected"]["payouts"], strict=True):
        assert Decimal(expected) == payout(component, amount)


@cases("ICM-033", "ICM-034")
def test_marginal_against_slab(case):
    """The same amount under marginal bands and under slabs whose upper bound is inclusive."""
    inputs, expected = case["inputs"], case["expected"]
    by_band = payout(marginal(inputs["bands_marginal"]), inputs["amount"])
    by_slab = payout(retroactive(inputs["bands_slab"], at_boundary="lower"), inputs["amount"])
    assert Decimal(expected["marginal"]) == by_band
    assert Decimal(expected["slab"]) == by_slab
    assert Decimal(expected["difference"]) == by_slab - by_band


@cases("ICM-049")
def test_a_cliff_then_an_accelerator(case):
    """Nothing below 60 % of quota, then the base rate on everything, above quota half as much again on the excess."""
    inputs = case["inputs"]
    base = Decimal(inputs["base_rate"])
    bands = [
        {"frm": "0", "rate": 0},
        {"frm": "0.6", "rate": base, "applies_to": "all"},
        {"frm": "1", "rate": base * Decimal("1.5")},
    ]
    _pays(case, bands)


@cases("ICM-050")
def test_a_decelerator_that_is_made_good(case):
    """Half the rate until half the quota, then the full rate on everything, above quota a higher one on the excess."""
    slow, full, fast = case["inputs"]["rates"]
    bands = [
        {"frm": "0", "rate": slow},
        {"frm": "0.5", "rate": full, "applies_to": "all"},
        {"frm": "1", "rate": fast},
    ]
    _pays(case, bands)


def _pays(case: Mapping[str, Any], bands: list[dict[str, Any]]) -> None:
    rules = plan([marginal(bands, on="attainment")], quota={"when_absent": "hold"})
    quota = Decimal(case["inputs"]["quota"])
    for amount, expected in zip(case["inputs"]["amounts"], case["expected"]["payouts"], strict=True):
        assert Decimal(expected) == decide(rules, deals(amount), quota=quota).outcome["payout"]


@cases("ICM-054", "ICM-055")
def test_a_guarantee_that_is_not_paid_back(case):
    """A non-recoverable draw is a floor: the larger of draw and earnings is paid and nothing is owed."""
    floor = {"id": "draw", "amount": Decimal(case["inputs"]["draw"]), "because": "a guaranteed minimum"}
    rules = plan([{"rate": "100%"}], floors=[floor])
    for gross, paid in zip(case["inputs"]["gross"], case["expected"]["paid"], strict=True):
        decision = decide(rules, deals(gross))
        assert Decimal(paid) == decision.outcome["payout"]
        if "top_up" in case["expected"]:
            assert Decimal(case["expected"]["top_up"]) == decision.reasons[-1].contribution


@cases("ICM-061", "ICM-063", "ICM-065", "ICM-099")
def test_splits_of_credit(case):
    """A deal's credit is divided by the shares, and each party is paid on the own part; the parts make the whole."""
    inputs, expected = case["inputs"], case["expected"]
    rate = Decimal(inputs.get("rate", 1))
    deal = Decimal(
        inputs.get("deal") or inputs.get("commission") or Decimal(inputs.get("price", 0)) / inputs.get("sides", 1)
    )
    shares = [Decimal(share) * 100 for share in inputs["shares"]]
    splits = [{"payee": f"p{index}", "share": share} for index, share in enumerate(shares)]
    rules = plan([{"rate": rate}])
    outcomes = [decide(rules, deals(deal, splits=splits), payee=split["payee"]).outcome for split in splits]
    assert [Decimal(value) for value in expected["payouts"]] == [outcome["payout"] for outcome in outcomes]
    assert deal == sum(outcome["credited"] for outcome in outcomes)
    if "credited" in expected:
        assert [Decimal(value) for value in expected["credited"]] == [outcome["credited"] for outcome in outcomes]


@cases("ICM-062")
def test_splits_by_role(case):
    """Each role's rate applies to the credited share, and a flat amount a deal comes on top."""
    total = Decimal(0)
    splits = [{"payee": party["role"], "share": Decimal(party["share"]) * 100} for party in case["inputs"]["parties"]]
    for party, expected in zip(case["inputs"]["parties"], case["expected"]["payouts"], strict=True):
        rules = plan([{"rate": party["rate"]}, {"measure": "count", "rate": party["flat"]}])
        paid = decide(rules, deals(case["inputs"]["deal"], splits=splits), payee=party["role"]).outcome["payout"]
        assert Decimal(expected) == paid
        total += paid
    assert Decimal(case["expected"]["total"]) == total


@cases("ICM-064")
def test_overlay_credit(case):
    """Revenue splits total the deal; overlay shares are credited each by itself and may total more."""
    for name, mode in (("split", "revenue"), ("overlay", "overlay")):
        shares = [Decimal(share) * 100 for share in case["inputs"][f"{name}_shares"]]
        splits = [{"payee": f"p{index}", "share": share} for index, share in enumerate(shares)]
        rules = plan([{"rate": "1%"}], splits=mode)
        found = [
            decide(rules, deals(case["inputs"]["deal"], splits=splits), payee=split["payee"]).outcome["credited"]
            for split in splits
        ]
        assert [Decimal(value) for value in case["expected"][f"{name}_credit"]] == found
        assert Decimal(case["expected"][f"{name}_total"]) == sum(found)


@cases("ICM-066")
def test_an_override_is_a_rate_on_the_team(case):
    """A manager's override pays its rate on every representative's sales, line by line."""
    outcome = decide(plan([{"rate": case["inputs"]["rate"]}]), deals(*case["inputs"]["team_sales"])).outcome
    assert [Decimal(value) for value in case["expected"]["per_rep"]] == [line["payout"] for line in outcome["lines"]]
    assert Decimal(case["expected"]["total"]) == outcome["payout"]


@cases("ICM-067")
def test_a_threshold_as_a_deductible(case):
    """A deductible pays on the excess only; without it the first dollar is paid."""
    inputs = case["inputs"]
    bands = [{"frm": "0", "rate": 0}, {"frm": inputs["threshold"], "rate": inputs["rate"]}]
    assert Decimal(case["expected"]["payout"]) == payout(marginal(bands), inputs["team_sales"])
    assert Decimal(case["expected"]["first_dollar"]) == payout({"rate": inputs["rate"]}, inputs["team_sales"])


@cases("ICM-068")
def test_a_spiff_per_deal(case):
    """A fixed amount a deal is a component that counts."""
    component = {"measure": "count", "rate": case["inputs"]["per_deal"]}
    assert Decimal(case["expected"]["payout"]) == payout(component, *[1000] * case["inputs"]["deals"])


@cases("ICM-070")
def test_a_tiered_spiff_says_its_mode(case):
    """Five deals under 1-3, 4-6, 7+ pay 5 x 400 on everything, or 3 x 250 and 2 x 400 band by band."""
    bands, last = [], 0
    for label, rate in case["inputs"]["tiers"]:
        bands.append({"frm": last, "rate": rate})
        last = int(label.rstrip("+").split("-")[-1])
    amounts = [1000] * case["inputs"]["deals"]
    by_band = {"measure": "count", **marginal(bands)}
    on_all = {"measure": "count", **retroactive(bands, at_boundary="lower")}
    assert Decimal(case["expected"]["marginal"]) == payout(by_band, *amounts)
    assert Decimal(case["expected"]["retroactive"]) == payout(on_all, *amounts)


@cases("ICM-072")
def test_a_spiff_on_top_of_commission(case):
    """Commission and a fixed amount a unit are two components whose reasons add up to the payout."""
    inputs = case["inputs"]
    rules = plan([{"rate": inputs["rate"]}, {"measure": "count", "rate": inputs["spiff"]}])
    decision = decide(rules, deals(*[inputs["unit_price"]] * inputs["units"]))
    expected = case["expected"]
    assert [Decimal(expected["commission"]), Decimal(expected["spiff"])] == [
        reason.contribution for reason in decision.reasons
    ]
    assert Decimal(expected["total"]) == decision.outcome["payout"]


@cases("ICM-092")
def test_allocation_by_largest_remainder(case):
    """Equal remainders go by key, so the parties' order does not decide."""
    first, second = (Decimal(ratio) for ratio in case["inputs"]["ratios"])
    expected = dict(zip("ab", case["expected"]["largest_remainder"], strict=True))
    assert expected == allocate(case["inputs"]["cents"], {"a": first, "b": second})
    assert expected == allocate(case["inputs"]["cents"], {"b": second, "a": first})


@cases("ICM-093", "ICM-095", "ICM-096")
def test_equal_parts_lose_no_cent(case):
    """Equal shares differ by at most one unit and add up to the whole, the first keys taking the units left over."""
    ways = case["inputs"]["ways"]
    expected = case["expected"].get("parts") or case["expected"]["first_to_last"]
    assert expected == list(
        allocate(case["inputs"]["cents"], {f"p{index}": Decimal(1) for index in range(ways)}).values()
    )


@cases("ICM-101")
def test_a_cap_holds_the_house_share(case):
    """The same share under the two caps that the source contradicts itself with."""
    inputs = case["inputs"]
    for cap, key in ((25000, "house_at_cap_25000"), (20000, "house_at_cap_20000")):
        limit = {"id": "house-cap", "amount": cap, "because": "a cap on the house's share"}
        paid = payout({"rate": inputs["split"]}, inputs["deals_total"], plan_parts={"caps": [limit]})
        assert Decimal(case["expected"][key]) == paid


def test_covered_cases_are_really_run():
    """Every id that is called covered stands in one of this module's tests."""
    text = Path(__file__).read_text()
    for name in COVERED:
        assert text.count(f'"{name}"') >= 2, name
