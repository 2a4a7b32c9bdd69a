"""The nearest change: proved, nothing is nearer, and told in a sentence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import exact_json
from engine.kinds import load
from engine.nearest_change import NearestChange
from engine.problems import InvalidError
from engine.rulefile import RuleSet, SchemaSource

ROOT = Path(__file__).parents[2]
AT = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
SMALL = {
    "type": "object",
    "additionalProperties": False,
    "required": ["n", "e"],
    "properties": {
        "n": {"type": "integer", "minimum": Decimal(0), "maximum": Decimal(6)},
        "m": {"type": "integer", "minimum": Decimal(-2), "maximum": Decimal(2)},
        "e": {"type": "string", "enum": ["a", "b", "c"]},
        "p": {"type": "boolean"},
    },
}
WIDE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "amount": {"type": "number", "minimum": Decimal(0)},
        "cost": {"type": "number"},
        "seats": {"type": "integer", "minimum": Decimal(0)},
        "closed_on": {"type": "string", "format": "date"},
        "called_at": {"type": "string", "format": "date-time"},
        "term": {"type": "string", "format": "year-month-duration"},
        "waited": {"type": "string", "format": "duration"},
        "plan": {"type": "string"},
        "account": {"type": "object", "properties": {"size": {"type": "integer"}, "region": {"type": "string"}}},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}


def schemas() -> SchemaSource:
    texts = {str(path.relative_to(ROOT / "schemas")): path.read_text() for path in (ROOT / "schemas").rglob("*.json")}
    made = {"facts/small-1.schema.json": SMALL, "facts/wide-1.schema.json": WIDE}
    return SchemaSource(texts | {name: as_json(schema) for name, schema in made.items()})


def as_json(value: Any) -> str:
    """JSON with its decimals as numbers, as a schema writes them."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{as_json(key)}: {as_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_json, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, Decimal) else exact_json.canonical(value).decode()


SCHEMAS = schemas()


def decision(body: str, facts: str = "small/1") -> RuleSet:
    head = f"kind: decision\nname: tried\nversion: 1\ntitle: Tried\neffective: {{from: 2026-01-01}}\nfacts: {facts}\n"
    return load((head + body).encode(), source="tried", schemas=SCHEMAS)


def expression(text: str, facts: str = "wide/1") -> RuleSet:
    return decision(f"expression: |-\n  {text}\n", facts)


def shipped(path: str) -> RuleSet:
    return load((ROOT / "rules" / path).read_bytes(), source=path, schemas=SCHEMAS)


def ask(rules: RuleSet, facts: Mapping[str, Any], **asked: Any) -> NearestChange:
    return rules.nearest(facts, at=AT, as_of=AT, **asked)


def outcome(rules: RuleSet, facts: Mapping[str, Any]) -> Mapping[str, Any]:
    return rules.decide(facts, at=AT, as_of=AT).outcome


# -- nothing is nearer: against brute force over every record of a small world

Cost = tuple[int, int, Fraction]
VALUES: dict[str, tuple[Any, ...]] = {
    "n": tuple(map(Decimal, range(7))),
    "m": tuple(map(Decimal, range(-2, 3))),
    "e": ("a", "b", "c"),
    "p": (True, False),
}


def crossed(constants: set[Decimal], before: Decimal, after: Decimal) -> int:
    """Half-steps between two numbers on the ladder of the constants, counted one by one."""
    low, high = min(before, after), max(before, after)
    inside = sum(2 for constant in constants if low < constant < high)
    ends = sum(1 for constant in constants if constant in (low, high))
    return inside + ends if low != high else 0


def cost(constants: Mapping[str, set[Decimal]], before: Mapping[str, Any], after: Mapping[str, Any]) -> Cost:
    count, steps, far = 0, 0, Fraction(0)
    for name, value in after.items():
        old = before.get(name)
        if value == old:
            continue
        count += 1
        if old is None or not isinstance(value, Decimal):
            steps += 1
            far += 1
        else:
            steps += crossed(constants.get(name, set()), old, value)
            far += Fraction(abs(value - old)) / Fraction(abs(value) + abs(old))
    return count, steps, far


def every_change(facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for values in product(*(VALUES[name] if name in facts else (None, *VALUES[name]) for name in VALUES)):
        yield {name: value for name, value in zip(VALUES, values, strict=True) if value is not None}


small_facts = st.fixed_dictionaries(
    {"n": st.sampled_from(VALUES["n"]), "e": st.sampled_from(VALUES["e"])},
    optional={"m": st.sampled_from(VALUES["m"]), "p": st.booleans()},
)
number = st.integers(0, 6)


@st.composite
def number_cells(draw: st.DrawFn, low: int, high: int, found: set[Decimal]) -> str:
    a, b = draw(st.integers(low, high)), draw(st.integers(low, high))
    text = draw(
        st.sampled_from(
            ["-", "null", f">= {a}", f"< {a}", f"> {a}", f"{a}", f"not({a})", f"[{min(a, b)}..{max(a, b)}]"]
        )
    )
    if text not in {"-", "null"}:
        found.add(Decimal(a))
    if text.startswith("["):
        found.add(Decimal(b))
    return text


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, dict[str, set[Decimal]]]:
    constants: dict[str, set[Decimal]] = {"n": set(), "m": set()}
    rows = []
    for at in range(draw(st.integers(1, 4))):
        cells = {
            "n": draw(number_cells(0, 6, constants["n"])),
            "m": draw(number_cells(-2, 2, constants["m"])),
            "e": draw(st.sampled_from(["-", '"a"', '"a", "b"', 'not("c")'])),
            "p": draw(st.sampled_from(["-", "true", "false", "null"])),
        }
        when = ", ".join(f"{name}: '{text}'" for name, text in cells.items())
        then = draw(st.integers(0, 2))
        rows.append(f"  - {{id: r{at}, when: {{{when}}}, then: {{out: {then}}}, because: it is so}}\n")
    policy = draw(st.sampled_from(["FIRST", "RULE ORDER", "COLLECT SUM", "COLLECT COUNT"]))
    default = "default: {out: 1}\n" if draw(st.booleans()) and policy == "FIRST" else ""
    columns = "columns:\n  inputs: [{id: n}, {id: m}, {id: e}, {id: p}]\n  outputs: [{id: out, type: number}]\n"
    return f"hit_policy: {policy}\n{columns}{default}rows:\n{''.join(rows)}", constants


@st.composite
def leads(draw: st.DrawFn) -> tuple[str, dict[str, set[Decimal]]]:
    constants: dict[str, set[Decimal]] = {"n": set(), "m": set()}
    rules = []
    for at in range(draw(st.integers(1, 5))):
        k, j = draw(number), draw(st.integers(-2, 2))
        conditions = {f"n >= {k}": ("n", k), f"n < {k}": ("n", k), f"m = {j}": ("m", j), f"m != {j}": ("m", j)}
        parts = draw(
            st.lists(st.sampled_from([*conditions, 'e = "a"', 'e != "b"', "p", "not(p)"]), min_size=1, max_size=2)
        )
        for part in parts:
            if part in conditions:
                constants[conditions[part][0]].add(Decimal(conditions[part][1]))
        points = draw(st.sampled_from([-10, 5, 10, 20]))
        joined = draw(st.sampled_from([" and ", " or "])).join(parts)
        rules.append(f"      - {{id: r{at}, when: '{joined}', points: {points}, because: it is so}}\n")
    cap = draw(st.sampled_from(["", "    cap: 20\n"]))
    gate = draw(st.sampled_from(["", "gates:\n  - {id: g, when: 'n = 3 and p', then: {band: A}, because: it is so}\n"]))
    if gate:
        constants["n"].add(Decimal(3))
    bands = "bands: [{from: 0, label: C}, {from: 10, label: B}, {from: 25, label: A}]\n"
    return f"groups:\n  - id: all\n{cap}    rules:\n{''.join(rules)}{gate}{bands}", constants


def smallest(
    rules: RuleSet, constants: Mapping[str, set[Decimal]], facts: Mapping[str, Any], wanted: Any, most: int
) -> Cost | None:
    found = [
        cost(constants, facts, other)
        for other in every_change(facts)
        if other != facts and wanted(rules.decide(other, at=AT, as_of=AT))
    ]
    return min((each for each in found if each[0] <= most), default=None)


def assert_nearest(
    rules: RuleSet,
    constants: Mapping[str, set[Decimal]],
    facts: Mapping[str, Any],
    found: NearestChange,
    best: Cost | None,
) -> None:
    assert found.exact
    assert found.found is (best is not None)
    if best is not None:
        other = {**facts, **found.facts}
        assert best == cost(constants, facts, other)
        assert found.outcome_after == outcome(rules, other)


@settings(max_examples=60, deadline=None)
@given(tables(), small_facts, st.integers(1, 4))
def test_no_change_of_a_table_is_nearer_than_the_one_found(
    table: tuple[str, dict[str, set[Decimal]]], facts: dict[str, Any], most: int
) -> None:
    """Of all records of a small world that give another outcome through other rows, none is nearer."""
    text, constants = table
    rules = decision(text)
    before = rules.decide(facts, at=AT, as_of=AT)
    single = "FIRST" in text
    deciding = [reason.rule for reason in before.reasons]

    def wanted(decision: Any) -> bool:
        ids = [reason.rule for reason in decision.reasons]
        return decision.outcome != before.outcome and ids != deciding and (bool(ids) or not single)

    found = ask(rules, facts, most=most, steps=10**9)
    assert_nearest(rules, constants, facts, found, smallest(rules, constants, facts, wanted, most))


@settings(max_examples=60, deadline=None)
@given(leads(), small_facts, st.sampled_from([None, "A", "B", "C"]))
def test_no_change_of_a_lead_is_nearer_than_the_one_found(
    lead: tuple[str, dict[str, set[Decimal]]], facts: dict[str, Any], band: str | None
) -> None:
    """Of all records of a small world that reach the band, none is nearer."""
    text, constants = lead
    head = "kind: lead-priority\nname: tried\nversion: 1\ntitle: Tried\neffective: {from: 2026-01-01}\nfacts: small/1\n"
    rules = load((head + text).encode(), source="tried", schemas=SCHEMAS)
    before = outcome(rules, facts)
    order = ["C", "B", "A", None]

    def wanted(decision: Any) -> bool:
        own = decision.outcome["band"]
        if band is not None:
            return bool(own == band)
        if before["state"] != "scored":
            return decision.outcome["state"] == "scored"
        better = order[order.index(before["band"]) + 1 : 3]
        return own in better if better else own not in (None, before["band"])

    found = ask(rules, facts, most=2, steps=10**9, target=None if band is None else {"band": band})
    if band is not None and before["band"] == band:
        assert found.changes == ()
        assert found.outcome_after == before
    else:
        assert_nearest(rules, constants, facts, found, smallest(rules, constants, facts, wanted, 2))


@st.composite
def choices(draw: st.DrawFn) -> tuple[str, dict[str, set[Decimal]]]:
    constants: dict[str, set[Decimal]] = {"n": set(), "m": set()}

    def condition() -> str:
        parts = []
        for _ in range(draw(st.integers(1, 2))):
            k, j = draw(number), draw(st.integers(-2, 2))
            bounds = {f"n > {k}": ("n", k), f"{k} >= n": ("n", k), f"m < {j}": ("m", j), f"m != {j}": ("m", j)}
            part = draw(st.sampled_from([*bounds, 'e in ("a", "b")', "p", "not(p)", "m = null"]))
            if part in bounds:
                constants[bounds[part][0]].add(Decimal(bounds[part][1]))
            parts.append(f"({part})")
        return draw(st.sampled_from([" and ", " or "])).join(parts)

    if draw(st.booleans()):
        return condition(), constants
    return f'if {condition()} then "x" else if {condition()} then "y" else "z"', constants


@settings(max_examples=60, deadline=None)
@given(choices(), small_facts, st.integers(1, 3))
def test_no_change_of_an_expression_is_nearer_than_the_one_found(
    choice: tuple[str, dict[str, set[Decimal]]], facts: dict[str, Any], most: int
) -> None:
    """Of all records of a small world that give another known result, none is nearer."""
    text, constants = choice
    rules = expression(text, "small/1")
    before = outcome(rules, facts)

    def wanted(decision: Any) -> bool:
        return decision.outcome["result"] is not None and decision.outcome != before

    found = ask(rules, facts, most=most, steps=10**9)
    assert_nearest(rules, constants, facts, found, smallest(rules, constants, facts, wanted, most))


# -- the value that stands for a position


@pytest.mark.parametrize(
    ("text", "facts", "name", "to"),
    [
        ("seats > 500", {"seats": 480}, "seats", Decimal(501)),
        ("seats >= 500", {"seats": 480}, "seats", Decimal(500)),
        ("seats > 499.5", {"seats": 480}, "seats", Decimal(500)),
        ("amount > 500", {"amount": Decimal(480)}, "amount", Decimal(501)),
        ("amount > 500", {"amount": Decimal("480.00")}, "amount", Decimal("500.01")),
        ("amount > 500.5", {"amount": Decimal(480)}, "amount", Decimal("500.6")),
        ("amount < 500", {"amount": Decimal("650.25")}, "amount", Decimal("499.99")),
        ("amount in [10..20]", {"amount": Decimal("31.5")}, "amount", Decimal(20)),
        ("amount != 5", {"amount": Decimal(5)}, "amount", Decimal(6)),
        ('closed_on > @"2026-11-05"', {"closed_on": "2026-11-01"}, "closed_on", dt.date(2026, 11, 6)),
        ('closed_on > today() - @"P3D"', {"closed_on": "2026-10-01"}, "closed_on", dt.date(2026, 10, 31)),
        ('waited >= @"P2D"', {"waited": "P1D"}, "waited", dt.timedelta(days=2)),
        ('waited > @"P2D"', {"waited": "PT26H"}, "waited", dt.timedelta(days=2, seconds=1)),
        ('plan = "gold"', {"plan": "silver"}, "plan", "gold"),
        ('plan in ("gold", "platinum")', {}, "plan", "gold"),
        ("account.size >= 10", {"account": {"size": 3, "region": "x"}}, "account.size", Decimal(10)),
    ],
)
def test_the_nearest_value_keeps_the_granularity_of_the_fact(
    text: str, facts: dict[str, Any], name: str, to: Any
) -> None:
    """Whole numbers stay whole, cents stay cents, dates move by days, texts take what the rules name."""
    found = ask(expression(text), facts)
    assert found.exact
    assert [(change.name, change.to) for change in found.changes] == [(name, to)]
    assert found.outcome_after == {"result": True} or text.endswith("!= 5")


@pytest.mark.parametrize(
    ("text", "facts", "name", "to"),
    [
        ("amount - cost >= 100", {"amount": Decimal(150), "cost": Decimal(60)}, "amount", Decimal(160)),
        ("seats * 12 > 600", {"seats": 48}, "seats", Decimal(51)),
        ('called_at > @"2026-11-02T08:00:00Z"', {"called_at": "2026-11-02T07:59:00Z"}, "called_at", None),
        ('starts with(plan, "gold")', {"plan": "silver"}, "plan", "gold"),
        ('(today() - closed_on) <= @"P7D"', {"closed_on": "2026-10-01"}, "closed_on", dt.date(2026, 10, 26)),
        ("amount / seats <= 10", {"amount": Decimal(500), "seats": 40}, "amount", Decimal(400)),
    ],
)
def test_a_condition_that_computes_is_probed(text: str, facts: dict[str, Any], name: str, to: Any) -> None:
    """Where a condition computes with a fact the change is proved, and said to be only the best found."""
    found = ask(expression(text), facts)
    assert not found.exact or name == "plan"
    assert [change.name for change in found.changes] == [name]
    assert to is None or found.changes[0].to == to
    assert found.outcome_after == {"result": not found.outcome_before["result"]}


def test_the_measure_counts_facts_before_anything_else() -> None:
    """One fact far away is nearer than two facts close by."""
    rules = expression("amount >= 1000000 or (seats >= 10 and cost < 5)")
    found = ask(rules, {"amount": 1, "seats": 9, "cost": 5})
    assert [change.name for change in found.changes] == ["amount"]
    both = ask(rules, {"amount": 1, "seats": 9, "cost": 5}, fixed=["amount"])
    assert {"seats": Decimal(10), "cost": Decimal(4)} == both.facts


def test_what_is_fixed_stays() -> None:
    """A fixed fact is never changed; a fixed group fixes all its facts."""
    rules = expression('account.size >= 10 or account.region = "EU"')
    facts = {"account": {"size": 3, "region": "US"}}
    assert [change.name for change in ask(rules, facts, fixed=["account.region"]).changes] == ["account.size"]
    nothing = ask(rules, facts, fixed=["account"])
    assert not nothing.found
    assert nothing.exact


def test_a_search_that_is_cut_says_so() -> None:
    """When the steps run out the result is not called exact, and a later, larger one may still be found."""
    rules = expression("seats = 3 and amount = 3 and cost = 3")
    facts = {"seats": 1, "amount": 1, "cost": 1}
    cut = ask(rules, facts, steps=1)
    assert not cut.exact
    whole = ask(rules, facts)
    assert whole.exact
    assert {"seats": 3, "amount": 3, "cost": 3} == whole.facts
    assert not ask(rules, facts, most=2).found


def test_more_events_are_a_change_of_a_lead() -> None:
    """Events of a type that the rules name are added at the decision's instant."""
    rules = shipped("lead-priority/inbound@3.yaml")
    found = ask(rules, {"employees": 480, "industry": "retail"}, target={"band": "A"})
    (change,) = found.changes
    assert ({"type": "demo request", "at": AT},) * 2 == change.added
    assert found.sentence == "with 2 more `demo request` in events the band is A instead of C"
    assert found.exact


def test_the_sentence_says_what_is_different() -> None:
    """A nearest change is told as one sentence with both values of each fact and of the outcome."""
    rules = shipped("decision/discount-approval@1.yaml")
    found = ask(rules, {"segment": "enterprise", "list_amount": Decimal("100000.50"), "discount_percent": 30})
    assert 'with discount_percent 40 instead of 30 the approver is "deal desk" instead of "regional director"' in (
        found.sentence
    )


def test_a_target_that_holds_needs_no_change() -> None:
    """Nothing changes for an outcome that has the target's values already."""
    found = ask(expression("seats > 5"), {"seats": 9}, target={"result": True})
    assert found.changes == ()
    assert found.sentence == "nothing has to change: the result is true"


@pytest.mark.parametrize(
    ("rules", "facts", "asked", "code"),
    [
        (expression("amount * 2"), {"amount": 1}, {}, "change.needs_target"),
        (expression("seats > 5"), {"seats": 1}, {"target": {"band": "A"}}, "change.target"),
        (expression("seats > 5"), {"seats": 1}, {"target": {}}, "change.target"),
        (shipped("lead-priority/inbound@3.yaml"), {"employees": 3}, {"target": {"band": "a"}}, "change.target"),
        (expression("seats > 5"), {"seats": 1}, {"fixed": ["seat"]}, "change.fact"),
        (expression("seats > 5"), {"seats": 1}, {"most": 0}, "change.limit"),
        (expression("seats > 5"), {"seats": 1}, {"most": 7}, "change.limit"),
        (expression("seats > 5"), {"seats": "x"}, {}, "facts.wrong_type"),
        (shipped("sync-conflict/deal@1.yaml"), {}, {}, "change.not_offered"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    rules: RuleSet, facts: dict[str, Any], asked: dict[str, Any], code: str
) -> None:
    """A question that cannot be answered has a problem of its own code."""
    with pytest.raises(InvalidError) as caught:
        ask(rules, facts, **asked)
    assert code == caught.value.code


def test_a_computed_result_is_reached_with_a_target() -> None:
    """For a result that is computed, the target says which one is wanted."""
    found = ask(expression("amount * 2"), {"amount": Decimal(1)}, target={"result": 10})
    assert {"amount": Decimal(5)} == found.facts


def test_a_computed_column_is_probed() -> None:
    """A table's column that computes is changed through the facts it reads."""
    columns = "columns:\n  inputs: [{id: margin, expression: amount - cost}]\n  outputs: [{id: out}]\n"
    rows = (
        "rows:\n  - {id: low, when: {margin: '< 100'}, then: {out: '\"low\"'}, because: it is so}\n"
        "  - {id: high, when: {margin: '>= 100'}, then: {out: '\"high\"'}, because: it is so}\n"
    )
    found = ask(decision(columns + rows, "wide/1"), {"amount": Decimal(90), "cost": Decimal(10)})
    assert {"amount": Decimal(110)} == found.facts
    assert found.outcome_after == {"out": "high"}
    assert not found.exact


def test_a_computed_output_is_reached_with_a_target() -> None:
    """A row that decides already may give the target's value, when the facts that its output computes with change."""
    columns = "columns:\n  inputs: [{id: seats}]\n  outputs: [{id: price, type: number}]\n"
    rows = (
        "rows:\n  - {id: few, when: {seats: '< 10'}, then: {price: seats * 5}, because: it is so}\n"
        "  - {id: many, when: {seats: '>= 10'}, then: {price: seats * 4}, because: it is so}\n"
    )
    rules = decision(columns + rows, "wide/1")
    assert {"seats": Decimal(7)} == ask(rules, {"seats": 3}, target={"price": 35}).facts
    assert {"seats": Decimal(12)} == ask(rules, {"seats": 3}, target={"price": 48}).facts
