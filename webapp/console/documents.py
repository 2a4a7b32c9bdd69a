"""Stored decisions as pages show them: the same members as a `Decision`, read from its document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.decision import Reason, WhyNot


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision's document with its reasons as values. Numbers in `outcome` stay the text that was stored."""

    rule_set: str
    version: int
    digest: str
    release: str
    at: str
    as_of: str
    input_digest: str
    outcome: Mapping[str, Any]
    missing: tuple[str, ...]
    reasons: tuple[Reason, ...]
    why_not: tuple[WhyNot, ...]


_DECIMAL = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?\Z")


def _seen(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as they were seen: documents keep numbers as text, and pages group their digits."""
    return {
        name: Decimal(value) if isinstance(value, str) and _DECIMAL.match(value) else value
        for name, value in values.items()
    }


def stored_decision(document: Mapping[str, Any]) -> StoredDecision:
    """Read a document that `Decision.to_json` made; a document kept without why-not has none."""
    return StoredDecision(
        rule_set=document["rule_set"],
        version=int(document["version"]),
        digest=document["digest"],
        release=document["release"],
        at=document["at"],
        as_of=document["as_of"],
        input_digest=document["input_digest"],
        outcome=document["outcome"],
        missing=tuple(document["missing"]),
        reasons=tuple(
            Reason(
                reason["rule"],
                reason["because"],
                Decimal(reason["contribution"]) if reason.get("contribution") is not None else None,
                reason.get("detail", {}),
            )
            for reason in document.get("reasons", ())
        ),
        why_not=tuple(
            WhyNot(why["rule"], why["because"], why["condition"], _seen(why["seen"]))
            for why in document.get("why_not", ())
        ),
    )
