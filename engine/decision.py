"""One outcome with its reasons: what every door (command, API, console, job) gives back, in the same bytes.

A compiled rule set decides quickly and returns a `Decision` whose texts (`reasons`, `why_not`) are made only when
somebody looks. The same facts, version, `at` and `as_of` give the same canonical JSON: a stored decision is a receipt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from engine import exact_json
from engine.exact_json import fragment
from engine.once import once


@dataclass(frozen=True)
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

    @once
    def fragment(self) -> str:
        """The canonical JSON, written at the first look: a kind may give the same reason for many decisions."""
        contribution = "" if self.contribution is None else f',"contribution":{fragment(self.contribution)}'
        detail = f',"detail":{fragment(self.detail)}' if self.detail else ""
        return f'{{"because":{fragment(self.because)}{contribution}{detail},"rule":{fragment(self.rule)}}}'


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


@dataclass(frozen=True)
class Unmet:
    """What a `WhyNot` is apart from the values seen: the same in all decisions of a rule set.

    `facts` are the names of what the condition reads; values stand in the same order.
    """

    rule: str
    because: str
    condition: str
    facts: tuple[str, ...]

    def why_not(self, values: Sequence[Any]) -> WhyNot:
        """With the values seen."""
        return WhyNot(self.rule, self.because, self.condition, dict(zip(self.facts, values, strict=True)))

    def fragment(self, values: Sequence[Any]) -> str:
        """The canonical JSON of `why_not(values)`."""
        before = self._before
        if len(values) == 1:
            return f"{before[0]}{fragment(values[0])}}}}}"
        seen = [f"{text}{fragment(values[place])}" for text, place in zip(before[1:], self._places, strict=True)]
        return f"{before[0]}{','.join(seen)}}}}}"

    @once
    def _before(self) -> tuple[str, ...]:
        """What is written before the one value; or before all values, and then before each of them."""
        because, condition, rule = fragment(self.because), fragment(self.condition), fragment(self.rule)
        head = f'{{"because":{because},"condition":{condition},"rule":{rule},"seen":{{'
        if len(self.facts) == 1:
            return (f"{head}{fragment(self.facts[0])}:",)
        return (head, *(f"{fragment(self.facts[place])}:" for place in self._places))

    @once
    def _places(self) -> tuple[int, ...]:
        """The places of the values in the order of their names."""
        places = {name: place for place, name in enumerate(self.facts)}
        return tuple(places[name] for name in sorted(places))


@dataclass(frozen=True)
class Explanation:
    """The texts of a decision, made on request. `failed` are what its `why_not` are made of: with the values seen."""

    reasons: tuple[Reason, ...]
    failed: tuple[tuple[Unmet, tuple[Any, ...]], ...]

    @classmethod
    def of(cls, reasons: Iterable[Reason], why_not: Iterable[WhyNot]) -> Explanation:
        """Where all is worded for one decision."""
        failed = tuple(
            (Unmet(why.rule, why.because, why.condition, tuple(why.seen)), tuple(why.seen.values())) for why in why_not
        )
        return cls(tuple(reasons), failed)

    @once
    def why_not(self) -> tuple[WhyNot, ...]:
        """The rules that did not fire."""
        return tuple(unmet.why_not(values) for unmet, values in self.failed)

    def fragments(self) -> tuple[str, str]:
        """The canonical JSON of both lists."""
        reasons = ",".join([reason.fragment for reason in self.reasons])
        why_not = ",".join([unmet.fragment(values) for unmet, values in self.failed])
        return f"[{reasons}]", f"[{why_not}]"


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

    @once
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

    @once
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

    def canonical(self, *, explain: bool = True) -> bytes:
        """The bytes of `exact_json.canonical(self.to_json(explain=explain))`, put together from what is written."""
        reasons = why_not = ""
        if explain:
            reasons, why_not = self.explanation.fragments()
            reasons, why_not = f'"reasons":{reasons},', f',"why_not":{why_not}'
        text = (
            f'{{"as_of":{fragment(self.as_of)},"at":{fragment(self.at)},"digest":{fragment(self.digest)},'
            f'"input_digest":"{self.input_digest}","kind":{fragment(self.kind)},"missing":{fragment(self.missing)},'
            f'"outcome":{fragment(self.outcome)},{reasons}"release":{fragment(self.release)},'
            f'"rule_set":{fragment(self.rule_set)},"version":{fragment(self.version)}{why_not}}}'
        )
        return exact_json.document(text, lambda: self.to_json(explain=explain))
