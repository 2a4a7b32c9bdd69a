"""Stored decisions as pages show them: the same members as a `Decision`, read from its document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.decision import Reason, WhyNot


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision's document with its reasons as values. Numbers in `outcome` stay the exact text that was stored."""

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
            WhyNot(why["rule"], why["because"], why["condition"], why["seen"]) for why in document.get("why_not", ())
        ),
    )
