"""One outcome with its reasons: what every door (command, API, console, job) gives back, in the same bytes.

A compiled rule set decides quickly and returns a `Decision` whose texts (`reasons`, `why_not`) are made only when
somebody looks. The same facts, version, `at` and `as_of` give the same canonical JSON: a stored decision is a receipt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from typing import Any

from engine import exact_json


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that fired.

    `contribution` is what it added (points, money, ...); all contributions sum to the outcome's number exactly.
    `detail` holds the kind's own explanation (a band split, a decayed event, a field's values).
    """

    rule: str
    because: str
    contribution: Decimal | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Shape: `{rule, because, contribution?, detail?}`."""
        found: dict[str, Any] = {"rule": self.rule, "because": self.because}
        if self.contribution is not None:
            found["contribution"] = self.contribution
        if self.detail:
            found["detail"] = self.detail
        return found


@dataclass(frozen=True, slots=True)
class WhyNot:
    """A rule that did not fire: the first condition that was not true, and the values it saw."""

    rule: str
    because: str
    condition: str
    seen: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Shape: `{rule, because, condition, seen: {fact: value}}`."""
        return {"rule": self.rule, "because": self.because, "condition": self.condition, "seen": dict(self.seen)}


@dataclass(frozen=True, slots=True)
class Explanation:
    """The texts of a decision, made on request."""

    reasons: tuple[Reason, ...]
    why_not: tuple[WhyNot, ...]


@dataclass(frozen=True)
class Decision:
    """What a rule set decided about some facts.

    `outcome` is the kind's result as a mapping (a lead: `{"band": "B", "score": Decimal(...)}`); `missing` are optional
    facts that were absent and are read by a condition. `explain` makes the texts; it is pure.
    """

    rule_set: str
    kind: str
    version: int
    digest: str
    release: str
    at: datetime
    as_of: datetime
    outcome: Mapping[str, Any]
    missing: tuple[str, ...]
    facts: Mapping[str, Any] = field(repr=False)
    explain: Callable[[], Explanation] = field(repr=False, compare=False)

    @cached_property
    def explanation(self) -> Explanation:
        """Reasons and why-not, made at the first look."""
        return self.explain()

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """The rules that fired, in the rule set's order."""
        return self.explanation.reasons

    @property
    def why_not(self) -> tuple[WhyNot, ...]:
        """The rules that did not fire, in the rule set's order."""
        return self.explanation.why_not

    @cached_property
    def input_digest(self) -> str:
        """SHA-256 of the canonical JSON of the facts as read."""
        return sha256(exact_json.canonical(self.facts)).hexdigest()

    def to_json(self, *, explain: bool = True) -> dict[str, Any]:
        """The document every door shows. Without `explain`, reasons and why-not are left out."""
        document: dict[str, Any] = {
            "rule_set": self.rule_set,
            "kind": self.kind,
            "version": self.version,
            "digest": self.digest,
            "release": self.release,
            "at": self.at,
            "as_of": self.as_of,
            "input_digest": self.input_digest,
            "outcome": self.outcome,
            "missing": list(self.missing),
        }
        if explain:
            document["reasons"] = [reason.to_json() for reason in self.reasons]
            document["why_not"] = [why.to_json() for why in self.why_not]
        return document
