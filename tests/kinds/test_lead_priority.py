"""Lead priority: points, caps, decay, gates and bands, and sums that always hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from pathlib import Path
from textwrap import indent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decision import Decision
from engine.kinds import load
from engine.kinds.lead_priority.bands import Band, Bands
from engine.kinds.lead_priority.decay import decayed, decayed_in_decimals, from_micro, micro
from engine.problems import InvalidError
from engine.rulefile import RuleSet, SchemaSource

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = SchemaSource(
    {p.relative_to(ROOT / "schemas").as_posix(): p.read_bytes() for p in (ROOT / "schemas").rglob("*.schema.json")}
)
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)

HEAD = """\
# yaml-language-server: $schema=../../schemas/rules/lead-priority.schema.json
kind: lead-priority
name: sample
version: 1
title: A sample
effective: {from: 2026-01-01}
facts: lead/2
"""
BANDS = "bands: [{from: 0, label: C}, {from: 30, label: B}, {from: 60, label: A}]\n"

EXAMPLE = (
    HEAD
    + """\
groups:
  - id: fit
    cap: 50
    rules:
      - {id: enterprise, when: 'employees >= 500 and industry in ("retail", "logistics")', points: 20, because: Large}
      - {id: rich, when: annual_revenue > 1000000, points: 40, because: Rich}
      - {id: free-mail, when: 'email_domain = "gmail.com"', points: -10, because: Free mail}
  - id: engagement
    cap: 60
    decay: {half_life: P14D}
    events:
      - {id: demo, when: 'event.type = "demo request"', points: 30, because: Asked for a demo}
      - {id: gone, when: 'event.type = "unsubscribed"', points: -20, because: Gone}
"""
    + BANDS
)


def loaded(text: str) -> RuleSet:
    """The rule set of a text."""
    return load(text.encode(), source="sample.yaml", schemas=SCHEMAS)


@pytest.fixture(scope="module")
def decide() -> Callable[..., Decision]:
    """Decide with the example rules about facts given by name."""
    rules = loaded(EXAMPLE)
    return lambda at=AT, **facts: rules.decide(facts, at=at, as_of=at)


def event(kind: str, days_ago: Decimal | int = 0) -> dict[str, str]:
    """An event some days before the decision."""
    return {"type": kind, "at": (AT - timedelta(seconds=int(days_ago * 86400))).isoformat()}


def total(decision: Decision) -> Decimal:
    """What the contributions of the reasons sum to."""
    return sum((reason.contribution for reason in decision.reasons if reason.contribution is not None), Decimal(0))


def test_the_designs_example_scores_exactly(decide) -> None:
    """A demo asked for yesterday is worth 30 * 2**(-1/14), and the sum is exact to six places."""
    decision = decide(employees=800, industry="retail", events=[event("demo request", 1)])
    assert decision.outcome["score"] == Decimal("48.550855")
    assert decision.outcome["band"] == "B"
    assert [("enterprise", Decimal(20)), ("demo", Decimal("28.550855"))] == [
        (reason.rule, reason.contribution) for reason in decision.reasons
    ]


def test_the_exact_value_is_the_published_one() -> None:
    """30 * 2**(-1/14), computed with forty digits and rounded once, is what the engine gives."""
    with localcontext() as context:
        context.prec = 40
        exact = Decimal(30) * (Decimal(2) ** (Decimal(-1) / Decimal(14)))
    assert exact.quantize(Decimal("0.000001"), ROUND_HALF_EVEN) == Decimal("28.550855")
    assert from_micro(decayed(micro(Decimal(30)), timedelta(days=1), timedelta(days=14))) == Decimal("28.550855")


def test_a_cap_is_a_reason_of_its_own(decide) -> None:
    """What a cap takes is shown, so that the contributions still sum to the score."""
    decision = decide(employees=800, industry="retail", annual_revenue=2_000_000)
    assert decision.outcome["groups"] == {"fit": Decimal(50), "engagement": Decimal(0)}
    assert [("enterprise", 20), ("rich", 40), ("fit.cap", -10)] == [(r.rule, r.contribution) for r in decision.reasons]


def test_points_taken_away_stand_outside_the_cap(decide) -> None:
    """A cap cannot hide that something speaks against a lead."""
    decision = decide(employees=800, industry="retail", annual_revenue=2_000_000, email_domain="gmail.com")
    assert decision.outcome["groups"]["fit"] == Decimal(40)


def test_a_score_below_zero_is_shown_as_zero_and_kept(decide) -> None:
    """The floor is a reason; the raw score stays in the outcome."""
    decision = decide(email_domain="gmail.com", events=[event("unsubscribed")])
    assert (Decimal(0), Decimal(-30), "C") == tuple(decision.outcome[name] for name in ("score", "raw", "band"))
    assert ("total.floor", Decimal(30)) == (decision.reasons[-1].rule, decision.reasons[-1].contribution)


def test_events_of_one_rule_are_one_reason_with_each_event(decide) -> None:
    """Each event decays by its own age and is listed with what is left of it."""
    decision = decide(events=[event("demo request", 14), event("demo request", 28)])
    (reason,) = decision.reasons
    assert [Decimal(15), Decimal("7.5")] == [each["contribution"] for each in reason.detail["events"]]
    assert reason.contribution == Decimal("22.5")


def test_an_event_after_the_instant_has_not_happened(decide) -> None:
    """Points are given for the past only."""
    assert decide(events=[event("demo request", -1)]).outcome["score"] == 0
    assert decide(events=[event("demo request", 0)]).outcome["score"] == 30


def test_why_not_shows_the_first_condition_that_failed_and_what_it_saw(decide) -> None:
    """Every rule that did not fire says which clause was not true, with the value seen."""
    decision = decide(
        employees=800, industry="energy", events=[event("webinar attended", 2), event("e-mail opened", 3)]
    )
    why = {each.rule: each for each in decision.why_not}
    assert why["enterprise"].condition == 'industry in ("retail", "logistics")'
    assert why["enterprise"].seen == {"industry": "energy"}
    assert why["rich"].seen == {"annual_revenue": None}
    assert why["demo"].seen == {"event.type": "webinar attended"}
    assert set(why) == {"enterprise", "rich", "free-mail", "demo", "gone", "band.B"}


def test_why_not_ends_with_what_the_next_band_lacks(decide) -> None:
    """The last line says how many points more reach the next band; in the highest band there is none."""
    last = decide(employees=800, industry="retail", events=[event("demo request", 1)]).why_not[-1]
    assert ("band.A", "11.449145 points more reach `A`") == (last.rule, last.because)
    assert ("score >= 60", {"score": Decimal("48.550855")}) == (last.condition, last.seen)
    top = decide(employees=800, industry="retail", annual_revenue=2_000_000, events=[event("demo request")])
    assert "A" == top.outcome["band"]
    assert [] == [why.rule for why in top.why_not if why.rule.startswith("band.")]


def test_without_events_why_not_says_there_are_none(decide) -> None:
    """No event and not knowing about events are told apart."""
    assert {"events": []} == next(w.seen for w in decide(events=[]).why_not if w.rule == "demo")
    assert {"events": None} == next(w.seen for w in decide(employees=1).why_not if w.rule == "demo")


def test_a_lead_without_any_fact_that_is_read_is_not_scored(decide) -> None:
    """Nothing known is not a score of zero, and every fact that is read is listed as missing."""
    decision = decide(company="Nobody Ltd")
    assert {"not_scored", None} == {decision.outcome["state"], decision.outcome["score"], decision.outcome["band"]}
    assert ("employees", "industry", "annual_revenue", "email_domain", "events") == decision.missing
    assert decision.reasons == ()


def test_one_known_fact_is_enough_to_score(decide) -> None:
    """What is missing is listed; its conditions are not true."""
    decision = decide(employees=800)
    assert ("scored", Decimal(0), "C") == tuple(decision.outcome[name] for name in ("state", "score", "band"))
    assert decision.missing == ("industry", "annual_revenue", "email_domain", "events")


@pytest.mark.parametrize(
    ("score", "band"), [("0", "C"), ("29.999999", "C"), ("30", "B"), ("59.999999", "B"), ("60", "A"), ("1000000", "A")]
)
def test_bands_are_half_open(score: str, band: str) -> None:
    """A band begins with its first score and ends before the next one's."""
    bands = Bands.of(
        [Band("A", Decimal(60), None), Band("C", Decimal(0), Decimal(30)), Band("B", Decimal(30), Decimal(60))]
    )
    assert band == bands.holding(Decimal(score)).label


def gated(gates: str, facts: dict[str, object]) -> Decision:
    """The example with gates decides."""
    return loaded(EXAMPLE + "gates:\n" + indent(gates, "  ")).decide(facts, at=AT, as_of=AT)


def test_an_excluding_gate_leaves_no_score() -> None:
    """An excluded lead cannot stand in a list by its score."""
    decision = gated(
        "- {id: rival, when: competitor, then: exclude, because: A rival}\n", {"competitor": True, "employees": 9}
    )
    assert ("excluded", None, None, "rival") == tuple(
        decision.outcome[name] for name in ("state", "score", "band", "gate")
    )
    assert [("rival", "A rival")] == [(reason.rule, reason.because) for reason in decision.reasons]


def test_a_gate_can_fix_the_band_and_the_first_true_one_wins() -> None:
    """The score stays what it is; the gate is the last reason and names the band the score would give."""
    gates = (
        "- {id: quiet, when: consent = false, then: exclude, because: Quiet}\n"
        "- {id: hot, when: employees > 5, then: {band: A}, because: Hot}\n"
        "- {id: cold, when: employees > 1, then: {band: C}, because: Cold}\n"
    )
    decision = gated(gates, {"employees": 9, "consent": True})
    assert ("scored", Decimal(0), "A", "hot") == tuple(
        decision.outcome[name] for name in ("state", "score", "band", "gate")
    )
    assert ("hot", {"band": "A", "band_by_score": "C"}) == (decision.reasons[-1].rule, decision.reasons[-1].detail)
    assert total(decision) == decision.outcome["score"]


def test_an_overall_cap_is_a_reason(decide) -> None:
    """The whole score can be capped, and what that takes is shown."""
    rules = loaded(EXAMPLE.replace("bands:", "cap: 70\nbands:"))
    facts = {"employees": 800, "industry": "retail", "annual_revenue": 2_000_000, "events": [event("demo request")] * 2}
    decision = rules.decide(facts, at=AT, as_of=AT)
    assert (Decimal(70), Decimal(110)) == (decision.outcome["score"], decision.outcome["raw"])
    assert ("total.cap", Decimal(-40)) == (decision.reasons[-1].rule, decision.reasons[-1].contribution)


@pytest.mark.parametrize(
    ("change", "reach"),
    [
        ((("cap: 60", "cap: 5"), ("cap: 50", "cap: 54.5")), "59.5"),
        ((("bands:", "cap: 59\nbands:"),), "59"),
        ((("cap: 50", "cap: 1"), ("cap: 60", "cap: 1")), "2"),
    ],
)
def test_a_threshold_out_of_reach_is_a_warning_with_the_most_points(
    change: tuple[tuple[str, str], ...], reach: str
) -> None:
    """A band that no lead can ever have is pointed out with the most points there are."""
    text = EXAMPLE
    for before, after in change:
        text = text.replace(before, after)
    warnings = [warning for warning in loaded(text).warnings if warning.code == "rules.out_of_reach"]
    assert warnings
    assert f"there are at most {reach} points" in warnings[0].message


def test_repeated_events_can_reach_any_threshold_without_a_cap() -> None:
    """Without a cap events add up, so no threshold is out of reach."""
    text = EXAMPLE.replace("    cap: 60\n", "").replace("from: 60", "from: 6000")
    assert [] == [warning for warning in loaded(text).warnings if warning.code == "rules.out_of_reach"]


def test_the_readable_form_names_every_rule(decide) -> None:
    """Groups, gates and bands, each rule with its condition, points and reason."""
    described = loaded(EXAMPLE + "gates: [{id: rival, when: competitor, then: exclude, because: A rival}]\n").describe()
    assert ["Fit", "Engagement", "Gates", "Bands"] == [section.heading for section in described.sections]
    rows = {row.id: row for section in described.sections for row in section.rows}
    assert rows["free-mail"].cells == ('email_domain = "gmail.com"', "-10")
    assert rows["demo"].cells == ('each event: event.type = "demo request"', "+30")
    assert rows["rival"].cells == ("competitor", "excluded")
    assert rows["B"].cells == ("B", "30 to below 60")
    assert rows["A"].cells == ("A", "60 or more")
    assert (
        "Points of events halve every P14D" in described.sections[1].note
        or "halve every P14D" in described.sections[1].note
    )


# -- what holds for all leads

kinds = st.sampled_from(["demo request", "unsubscribed", "webinar attended"])
leads = st.fixed_dictionaries(
    {},
    optional={
        "employees": st.integers(0, 2000),
        "industry": st.sampled_from(["retail", "logistics", "energy"]),
        "annual_revenue": st.integers(0, 3_000_000),
        "email_domain": st.sampled_from(["gmail.com", "acme.com"]),
        "events": st.lists(
            st.builds(
                lambda kind, seconds: {"type": kind, "at": AT - timedelta(seconds=seconds)},
                kinds,
                st.integers(-1000, 10**8),
            ),
            max_size=6,
        ),
    },
)
RULES = loaded(EXAMPLE)


@given(leads)
def test_contributions_sum_to_the_score_exactly(lead: dict[str, object]) -> None:
    """For any lead the reasons' contributions are the score, to the last digit."""
    decision = RULES.decide(lead, at=AT, as_of=AT)
    assert total(decision) == (decision.outcome["score"] or Decimal(0))
    assert sum(decision.outcome["groups"].values(), Decimal(0)) == (decision.outcome["raw"] or Decimal(0))


@given(leads)
def test_every_rule_is_either_a_reason_or_a_why_not(lead: dict[str, object]) -> None:
    """No rule is forgotten in an explanation, and none is on both sides."""
    decision = RULES.decide(lead, at=AT, as_of=AT)
    fired, failed = {r.rule for r in decision.reasons}, {w.rule for w in decision.why_not}
    assert not fired & failed
    assert set(RULES.body.rule_ids) <= fired | failed


@given(leads)
def test_a_score_is_at_least_zero_and_lies_in_its_band(lead: dict[str, object]) -> None:
    """The band's range holds the score."""
    outcome = RULES.decide(lead, at=AT, as_of=AT).outcome
    if outcome["state"] == "scored":
        assert outcome["score"] >= 0
        assert outcome["band"] == ("A" if outcome["score"] >= 60 else "B" if outcome["score"] >= 30 else "C")


@given(leads, st.randoms(use_true_random=False))
def test_the_order_of_events_changes_nothing(lead: dict[str, object], random) -> None:
    """Events are a set with instants, not a sequence."""
    shuffled = {**lead, "events": random.sample(lead["events"], len(lead["events"]))} if "events" in lead else lead
    assert RULES.decide(lead, at=AT, as_of=AT).outcome == RULES.decide(shuffled, at=AT, as_of=AT).outcome


@given(
    st.integers(-(10**12), 10**12),
    st.timedeltas(timedelta(0), timedelta(days=20_000)),
    st.timedeltas(timedelta(seconds=1), timedelta(days=1000)),
)
def test_decay_is_rounded_once_from_the_exact_value(points: int, age: timedelta, half_life: timedelta) -> None:
    """What is left lies within half a millionth of the value computed with a hundred digits."""
    with localcontext() as context:
        context.prec = 100
        context.Emin = -999_999
        ticks = Decimal(age // timedelta(microseconds=1)) / Decimal(half_life // timedelta(microseconds=1))
        exact = Decimal(points) * Decimal(2) ** -ticks
        assert abs(exact - decayed(points, age, half_life)) <= Decimal("0.5")


@given(
    st.integers(-(10**15), 10**15),
    st.one_of(st.integers(0, 10**15), st.integers(0, 10**5)),
    st.one_of(st.integers(1, 10**14), st.integers(1, 1000)),
)
def test_quick_decay_is_the_definition(points: int, ticks: int, half: int) -> None:
    """Whole numbers of 128 bits give what sixty decimal digits give, also where a half is rounded to even."""
    half = max(half, ticks // 99 + 1)
    expected = decayed_in_decimals(points, ticks, half)
    assert expected == decayed(points, timedelta(microseconds=ticks), timedelta(microseconds=half))


@given(
    st.integers(0, 10**9),
    st.timedeltas(timedelta(0), timedelta(days=400)),
    st.timedeltas(timedelta(0), timedelta(days=400)),
)
def test_older_events_never_count_more(points: int, one: timedelta, other: timedelta) -> None:
    """Decay falls with age."""
    younger, older = sorted((one, other))
    assert decayed(points, younger, timedelta(days=14)) >= decayed(points, older, timedelta(days=14))


@given(st.integers(0, 10**9), st.integers(0, 90))
def test_a_half_life_halves(points: int, times: int) -> None:
    """After n half-lives the n-th half is left, rounded half to even."""
    with localcontext() as context:
        context.prec = 60
        expected = (Decimal(points) / Decimal(2) ** times).to_integral_value(ROUND_HALF_EVEN)
    assert expected == decayed(points, timedelta(days=14) * times, timedelta(days=14))


@given(st.lists(st.tuples(st.integers(0, 50), st.none() | st.integers(1, 60)), min_size=1, max_size=5))
def test_bands_load_exactly_when_every_score_has_one_band(edges: list[tuple[int, int | None]]) -> None:
    """Bands are accepted if and only if each score lies in exactly one, and refusals show a score that does not."""
    bands = [(low, high, f"L{index}") for index, (low, high) in enumerate(edges)]
    written = ", ".join(
        f"{{from: {low}, label: {label}" + (f", to: {high}}}" if high is not None else "}")
        for low, high, label in bands
    )
    ordered = sorted(bands, key=lambda band: band[0])
    ends = [
        high if high is not None else (ordered[i + 1][0] if i + 1 < len(ordered) else None)
        for i, (_, high, _) in enumerate(ordered)
    ]

    def holding(score: Decimal) -> list[str]:
        return [
            label
            for (low, _, label), end in zip(ordered, ends, strict=True)
            if low <= score and (end is None or score < end)
        ]

    scores = [Decimal(twice) / 2 for twice in range(140)]
    sound = all(len(holding(score)) == 1 for score in scores) and all(
        end is None or low < end for (low, _, _), end in zip(ordered, ends, strict=True)
    )
    text = EXAMPLE.replace(BANDS, f"bands: [{written}]\n")
    if sound:
        assert loaded(text).body is not None
        return
    with pytest.raises(InvalidError) as refused:
        loaded(text)
    for problem in refused.value.problems:
        assert problem.code in {"rules.bands_overlap", "rules.bands_gap", "rules.bands_order"}
        twins = len({low for low, _ in edges}) < len(edges)  # of two bands with one start each claims its first score
        if not twins and "rules.bands_order" not in {each.code for each in refused.value.problems}:
            witness = Decimal(problem.message.split("a score of ")[1].split()[0])
            assert len(holding(witness)) != 1
