"""The console's own small parts: written values, the geometry of bars, forms made from fact schemas, the style."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wiring import Texts
from engine import exact_json
from engine.decision import Reason, WhyNot
from engine.problems import InvalidError
from engine.records import Money
from engine.rulefile.beside import files_beside
from webapp.console import fact_form
from webapp.console import format as formats
from webapp.console.charts import shares, waterfall
from webapp.console.frame import STATIC

decimals = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9)


@pytest.mark.parametrize(
    ("expected", "shown"),
    [
        ("2 Nov 2026", formats.day(date(2026, 11, 2))),
        ("2 Nov 2026", formats.day("2026-11-02")),
        ("2 Nov 2026, 09:05", formats.instant(datetime(2026, 11, 2, 9, 5, tzinfo=UTC))),
        ("2026-11-02T09:05:00Z", formats.iso(datetime(2026, 11, 2, 9, 5, tzinfo=UTC))),
        ("1,234,567.891", formats.number(Decimal("1234567.8910"))),
        ("−0.5", formats.number(Decimal("-0.5"))),
        ("−1,000", formats.number(-1000)),
        ("–", formats.number(None)),
        ("+48.550855", formats.signed(Decimal("48.550855"))),
        ("−10", formats.signed(Decimal(-10))),
        ("0", formats.signed(Decimal(0))),
        ("48.6", formats.score("48.550855")),
        ("12,000.00 USD", formats.money(Money(Decimal(12_000), "USD"))),
        ("12,000.50 USD", formats.money({"amount": "12000.5", "currency": "USD"})),
        ("842.4297", formats.amount("842.4297")),
        ("842.40 USD", formats.amount("842.4", "USD")),
        ("133.31 %", formats.percent("1.3331144444")),
        ("8.5 %", formats.percent(Decimal("0.085"))),
        ("Closed on", formats.words("closed_on")),
        ("Account ID", formats.words("account_id")),
        ("Field sales representative", formats.role("field_sales_rep")),
        ("RA", formats.initials("Ruth Abernathy")),
        ("<code>x</code> is &lt;b&gt;", str(formats.ticks("`x` is <b>"))),
    ],
)
def test_values_are_written_for_people(expected: str, shown: str) -> None:
    """Dates, numbers, money and names are written the same way everywhere."""
    assert expected == shown


@given(decimals)
def test_numbers_are_shown_with_all_their_digits(value: Decimal) -> None:
    """Grouping digits never changes a number: what is shown reads back as what was given."""
    assert value == Decimal(formats.number(value).replace(",", "").replace("−", "-"))


@given(st.lists(decimals, min_size=1, max_size=12))
def test_bars_stay_in_their_box_on_one_axis(parts: list[Decimal]) -> None:
    """Every contribution's bar lies inside the box, all on the same axis, and none is negative in width."""
    reasons = [Reason("r", "because", part) for part in parts]
    low, high = formats.bar_range(reasons)
    bars = [formats.bar_of(part, low, high) for part in parts]
    assert 1 == len({bar.axis for bar in bars})
    for bar in bars:
        assert 0 <= Decimal(bar.x)
        assert 0 <= Decimal(bar.width)
        assert Decimal(bar.x) + Decimal(bar.width) <= Decimal("100.02")


@given(st.lists(decimals, max_size=12))
def test_a_waterfall_ends_at_the_sum(parts: list[Decimal]) -> None:
    """Each step starts where the one before ended; the last total is the sum of all contributions."""
    steps = waterfall([Reason("r", "because", part) for part in parts])
    assert len(parts) == len(steps)
    if parts:
        assert sum(parts) == steps[-1].total
    assert all(Decimal(step.x) + Decimal(step.width) <= Decimal("100.02") for step in steps)


def test_shares_compare_with_the_largest() -> None:
    """The largest part fills the box; nothing at all gives empty bars."""
    assert ("100", "50", "0") == shares([Decimal(-10), Decimal(5), Decimal(0)])
    assert ("0",) == shares([Decimal(0)])
    assert () == shares([])


def test_unknown_facts_are_told_from_failed_conditions() -> None:
    """A rule that read only absent facts is listed apart from one that saw a value."""
    failed = WhyNot("a", "A", "x > 1", {"x": Decimal(0)})
    unknown = WhyNot("b", "B", "y > 1", {"y": None})
    half = WhyNot("c", "C", "x > y", {"x": Decimal(0), "y": None})
    assert ([failed, half], [unknown]) == formats.split_why([failed, unknown, half])


@given(st.text(alphabet="ab: -'\"#{}[],\\<>&\t", max_size=60))
def test_colouring_a_line_changes_no_character(line: str) -> None:
    """The coloured file is the file: without the marks every line is what it was."""
    bare = re.sub(r"</?span[^>]*>", "", str(formats.yaml_line(line)))
    assert line == bare.replace("&#34;", '"').replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">").replace(
        "&amp;", "&"
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8) | decimals,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4))
def test_facts_survive_being_written_and_read(facts: dict[str, Any]) -> None:
    """Facts written for a text field or an address read back as the same facts, numbers exact."""
    assert facts == exact_json.parse(fact_form.pretty(facts))
    assert facts == exact_json.parse(fact_form.compact(facts))


def test_every_test_of_every_shipped_file_survives_the_form(texts: Texts) -> None:
    """The facts of each shipped rule file's tests, put into the form and read back, give the same decision."""
    tried = 0
    files = texts.shipped.rules()
    for path, data in files.items():
        if not path.endswith(".yaml"):
            continue
        rule_set = texts.library.load(data, path, files_beside(path, files))
        for case in rule_set.tests:
            if case.expect_error is not None or any(value is None for value in case.given.values()):
                continue
            fields = fact_form.inputs(rule_set.facts, exact_json.parse(fact_form.pretty(case.given)))
            again = fact_form.read_form(rule_set.facts, {fact_form.PREFIX + field.name: field.text for field in fields})
            first = rule_set.decide(case.given, at=case.at, as_of=case.as_of)
            second = rule_set.decide(again, at=case.at, as_of=case.as_of)
            assert first.input_digest == second.input_digest, (path, case.name)
            tried += 1
    assert tried > 30


def test_a_field_that_is_no_json_is_a_problem_at_its_path(texts: Texts) -> None:
    """A list field that cannot be parsed is reported at its own path, with the parser's code."""
    schema = texts.library.facts("lead/2")
    with pytest.raises(InvalidError) as caught:
        fact_form.read_form(schema, {"fact.events": "[", "fact.employees": "12"})
    (problem,) = caught.value.problems
    assert ("json.malformed", "$.events") == (problem.code, problem.place.path)
    fields = fact_form.with_problems(fact_form.inputs_again(schema, {"fact.events": "["}), caught.value.problems)
    assert ["events"] == [field.name for field in fields if field.problems]


# -- the style


def tokens() -> dict[str, tuple[str, str]]:
    """Each colour token's light and dark value."""
    css = (STATIC / "console.css").read_text()
    return {
        name: (light, dark)
        for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", css)
    }


def contrast(one: str, other: str) -> Decimal:
    """The contrast ratio of two colours by WCAG 2.2."""

    def luminance(colour: str) -> Decimal:
        channels = [Decimal(int(colour[at : at + 2], 16)) / 255 for at in (1, 3, 5)]
        linear = [
            part / Decimal("12.92")
            if part <= Decimal("0.04045")
            else ((part + Decimal("0.055")) / Decimal("1.055")) ** Decimal("2.4")
            for part in channels
        ]
        return sum(
            (weight * part for weight, part in zip(map(Decimal, ("0.2126", "0.7152", "0.0722")), linear, strict=True)),
            Decimal(0),
        )

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + Decimal("0.05")) / (dark + Decimal("0.05"))


TEXT_ON = [
    *((ink, ground) for ink in ("ink", "ink-soft", "accent") for ground in ("paper", "surface", "sunken")),
    *((tone, f"{tone}-soft") for tone in ("good", "warn", "bad", "info", "accent")),
    *(("ink", f"{tone}-soft") for tone in ("good", "warn", "bad", "info", "accent")),
    *(("ink-soft", f"{tone}-soft") for tone in ("bad", "info")),
    *((tone, "surface") for tone in ("good", "warn", "bad", "info")),
    ("good", "sunken"), ("info", "sunken"), ("ink-soft", "warn-soft"), ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
]  # fmt: skip


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read_in_both_schemes(scheme: int) -> None:
    """Every pair of text and ground in use has the contrast that WCAG AA asks for (4.5), in light and dark."""
    colours = tokens()
    weak = {
        (ink, ground): round(contrast(colours[ink][scheme], colours[ground][scheme]), 2)
        for ink, ground in TEXT_ON
        if contrast(colours[ink][scheme], colours[ground][scheme]) < Decimal("4.5")
    }
    assert {} == weak


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_edges_of_fields_and_bars_can_be_seen(scheme: int) -> None:
    """Borders of fields, focus rings and bars stand out from their ground by at least 3 to 1."""
    colours = tokens()
    pairs = [
        ("line-strong", "surface"),
        ("accent", "paper"),
        ("bar-plus", "surface"),
        ("bar-minus", "surface"),
        ("band-1", "surface"),
    ]
    weak = [pair for pair in pairs if contrast(colours[pair[0]][scheme], colours[pair[1]][scheme]) < 3]
    assert [] == weak


def test_vendored_files_are_the_ones_in_the_manifest() -> None:
    """Every vendored file is listed with name, version, licence and the SHA-256 of its bytes; nothing else is there."""
    folder = STATIC / "vendor"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {entry["file"] for entry in manifest} | {"manifest.json"} == {path.name for path in folder.iterdir()}
    for entry in manifest:
        assert entry["sha256"] == sha256((folder / entry["file"]).read_bytes()).hexdigest()
        assert {"name", "version", "licence", "file", "from", "sha256"} == set(entry)


def test_own_scripts_need_nothing_that_the_policy_forbids() -> None:
    """Our own scripts import relatively and use neither eval nor inline styles."""
    for path in (STATIC / "js").iterdir():
        text = path.read_text()
        assert not re.search(r"\beval\b|new Function|\.style\b|innerHTML|http", text), path.name
        assert all(found.startswith("./") for found in re.findall(r'from "([^"]+)"', text)), path.name
