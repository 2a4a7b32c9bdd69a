"""Plan files and payee facts as text and values, for tests: what a case needs is named, the rest is filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from engine.decision import Decision
from engine.kinds import load
from engine.rulefile import RuleSet, SchemaSource

ROOT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
QUARTER = {"from": "2026-07-01", "to": "2026-10-01", "label": "2026-Q3"}
WON = {"id": "won", "when": 'stage = "Won"', "because": "only won deals count"}


@cache
def schemas() -> SchemaSource:
    """The shipped schemas."""
    folder = ROOT / "schemas"
    return SchemaSource({str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.schema.json")})


def flow(value: Any) -> str:
    """YAML's flow style: decimals keep their digits."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(flow, value)) + "]"
    return "null" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def rule_file(kind: str, **parts: Any) -> bytes:
    """A whole rule file."""
    head = {"kind": kind, "name": "test", "version": 1, "title": "A test", "effective": {"from": "2000-01-01"}}
    return "\n".join(f"{key}: {flow(value)}" for key, value in {**head, **parts}.items()).encode()


def plan_file(components: Sequence[Mapping[str, Any]], **parts: Any) -> bytes:
    """An incentive plan: quarterly, in USD, won deals only, unless said otherwise."""
    usual = {"facts": "payee-period/1", "currency": "USD", "period": "quarter", "eligible": [WON]}
    named = [{"id": f"component-{index}", "because": "it is a test", **part} for index, part in enumerate(components)]
    return rule_file("incentive-plan", **{**usual, **parts, "components": named})


def rule_set(data: bytes) -> RuleSet:
    """The loaded file."""
    return load(data, source="test.yaml", schemas=schemas())


def plan(components: Sequence[Mapping[str, Any]], **parts: Any) -> RuleSet:
    """A loaded plan."""
    return rule_set(plan_file(components, **parts))


def deals(*amounts: Decimal | str | int, **fields: Any) -> list[dict[str, Any]]:
    """Won deals, called d00, d01, ..., a day apart: the quarter has room for 84."""
    return [
        {
            "id": f"d{index:02}",
            "amount": Decimal(amount),
            "stage": "Won",
            "closed_on": f"2026-{7 + index // 28:02}-{index % 28 + 1:02}",
            **fields,
        }
        for index, amount in enumerate(amounts)
    ]


def decide(rules: RuleSet, credits_given: Sequence[Mapping[str, Any]], **facts: Any) -> Decision:
    """The decision about one payee's quarter."""
    given = {"payee": "anna", "period": QUARTER, "currency": "USD", "credits": list(credits_given), **facts}
    return rules.decide(given, at=AT, as_of=AT)


def marginal(bands: Sequence[Mapping[str, Any]], **parts: Any) -> dict[str, Any]:
    """A component with marginal bands given as `frm` and `rate`."""
    return {"tiers": {"mode": "marginal", **parts, "bands": starts(bands)}}


def retroactive(bands: Sequence[Mapping[str, Any]], **parts: Any) -> dict[str, Any]:
    """The same with retroactive bands."""
    return {"tiers": {"mode": "retroactive", **parts, "bands": starts(bands)}}


def starts(bands: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Bands as a plan writes them; the first one is open below, so it starts at 0."""
    return [
        {
            "from": 0 if index == 0 else Decimal(band["frm"]),
            **{key: band[key] for key in band if key not in ("frm", "to")},
        }
        for index, band in enumerate(bands)
    ]
