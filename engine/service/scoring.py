"""Scoring leads.

Which rule set decides about a lead, one lead's new state, and the job that goes through all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any

from engine import exact_json
from engine.caller import Caller
from engine.decision import Decision
from engine.ports import Ports, Transaction
from engine.predicate import Compare, both
from engine.problems import BylawError, InvalidError, NotFoundError, Problem
from engine.records import Record
from engine.service.actions import WRITE
from engine.service.auditing import PLACE_FIELDS, accepted
from engine.service.evaluate import decision_record
from engine.service.ids import derived_id
from engine.service.rulesets import PublishedVersion, get_version, in_force_of_kind, release_digest
from engine.service.work import CHUNK, Step, whole

LEAD_PRIORITY = "lead-priority"
SCORED, NOT_SCORED, EXCLUDED, FAILED, WAITING = "scored", "not_scored", "excluded", "failed", "waiting"
"""A lead's `score_state`: `not_scored` (every fact is missing) and `excluded` (a gate holds) are decisions, `failed`
means that the facts do not fit, `waiting` that nothing has been decided since the facts changed."""
FAILURES_SHOWN = 20


@dataclass(frozen=True)
class Scorer:
    """The rule sets in force at one instant, as known at another, ready to decide about leads."""

    by_facts: Mapping[str, tuple[PublishedVersion, ...]]
    at: datetime
    as_of: datetime
    release: str

    @classmethod
    def prepare(cls, ports: Ports, caller: Caller, *, at: datetime, as_of: datetime, rule_set: str | None) -> Scorer:
        """With a `rule_set`'s name only that one decides.

        Without, the one in force that reads the lead's fact schema.
        """
        if rule_set is not None:
            versions: tuple[PublishedVersion, ...] = (get_version(ports, caller, rule_set, at=at, as_of=as_of),)
            if versions[0].rule_set.kind != LEAD_PRIORITY:
                kind = versions[0].rule_set.kind
                raise InvalidError(
                    Problem(
                        "rule_set.wrong_kind",
                        f"`{rule_set}` is of kind `{kind}`; leads are scored by `{LEAD_PRIORITY}`",
                    )
                )
        else:
            versions = in_force_of_kind(ports, caller, LEAD_PRIORITY, at=at, as_of=as_of)
        grouped: dict[str, tuple[PublishedVersion, ...]] = {}
        for version in versions:
            facts = version.rule_set.facts.name
            grouped[facts] = (*grouped.get(facts, ()), version)
        release = release_digest(ports, caller.actor.organisation_id, at=at, as_of=as_of)
        return cls(grouped, at, as_of, release)

    def version_for(self, lead: Record) -> PublishedVersion:
        """The version that decides about the lead. Raises `NotFoundError` or `InvalidError` if none or several do."""
        schema = lead["facts_schema"]
        found = self.by_facts.get(schema, ())
        if not found:
            raise NotFoundError(
                Problem("rule_set.none_for_facts", f"no lead-priority rule set in force reads the facts `{schema}`")
            )
        if len(found) > 1:
            names = ", ".join(f"`{version.rule_set.name}`" for version in found)
            raise InvalidError(
                Problem("rule_set.ambiguous", f"{names} all read the facts `{schema}`", help="name the rule set to use")
            )
        return found[0]

    def decide(self, lead: Record) -> Decision:
        """What the rule set says about the lead now. Raises `BylawError` if there is none or the facts do not fit."""
        rule_set = self.version_for(lead).rule_set
        return rule_set.decide(lead["facts"], at=self.at, as_of=self.as_of, release=self.release)


@dataclass(frozen=True, slots=True)
class Scored:
    """A lead's outcome: the record as it should be, whether that is a change, the decision or what prevented it."""

    before: Record
    after: Record
    decision: Decision | None
    error: BylawError | None

    @property
    def changed(self) -> bool:
        """Whether anything about the score differs from what is stored."""
        return self.after is not self.before


def score(scorer: Scorer, lead: Record, decision_id: str, now: datetime) -> Scored:
    """Decide about a lead. A lead whose score, band, state and rule version stay the same is left untouched."""
    try:
        decision = scorer.decide(lead)
    except BylawError as error:
        state = {"score": None, "band": None, "score_state": FAILED, "scored_by": None}
        return Scored(lead, _touched(lead, state, None, now), None, error)
    outcome = decision.outcome
    state = {
        "score": outcome["score"],
        "band": outcome["band"],
        "score_state": outcome["state"],
        "scored_by": f"{decision.rule_set}@{decision.version}",
    }
    return Scored(lead, _touched(lead, state, decision_id, now), decision, None)


def store_scored(caller: Caller, transaction: Transaction, scored: Scored) -> Record:
    """Write a changed lead and its decision; the lead with its new revision."""
    stored = transaction.update(scored.after)
    if scored.decision is not None:
        lead = scored.after
        place = {name: lead[name] for name in PLACE_FIELDS}
        transaction.insert(
            decision_record(
                lead["decision_id"],
                caller,
                scored.decision,
                place=place,
                subject=("lead", lead.id),
                facts=lead["facts"],
                explain=False,
            )
        )
    return stored


class ScoreLeads:
    """The job `score-leads`: every lead that its starter may write, by ascending id.

    With a rule set's name those alone whose facts it reads: what others were scored with stays.

    A chunk is one transaction with one audit entry, which holds the counts and a digest over the leads it changed.
    """

    asks = ("read:rule_version", "write:lead")

    def __init__(self, ports: Ports, caller: Caller, job: Record) -> None:
        """Parameters: `rule_set?` and the instants `at` and `as_of`, fixed when the job was started."""
        parameters = job["parameters"]
        at, as_of = (datetime.fromisoformat(parameters[name]) for name in ("at", "as_of"))
        self._ports, self._job = ports, job
        self._scorer = Scorer.prepare(ports, caller, at=at, as_of=as_of, rule_set=parameters.get("rule_set"))
        self._scope = ports.authorizer.predicate(caller.actor, WRITE, "lead")
        if "rule_set" in parameters:
            (schema,) = self._scorer.by_facts
            self._scope = both(self._scope, Compare("facts_schema", "=", schema))

    def total(self) -> int:
        """See `Work`."""
        return self._ports.store.count("lead", self._scope)

    def step(self, caller: Caller, transaction: Transaction, checkpoint: Mapping[str, Any] | None) -> Step:
        """See `Work`."""
        counts = _Counts.read(checkpoint)
        after_id = checkpoint["after"] if checkpoint else ""
        leads = list(islice(transaction.scan("lead", self._scope, after_id=after_id, batch=CHUNK), CHUNK))
        changed = []
        for lead in leads:
            scored = score(self._scorer, lead, derived_id("decision", self._job.id, lead.id), caller.now)
            counts.add(scored)
            if scored.changed:
                store_scored(caller, transaction, scored)
                changed.append([lead.id, scored.after["score_state"], scored.after["score"], scored.after["band"]])
        if changed:
            transaction.append_audit(
                accepted(
                    caller,
                    "score",
                    after=self._job,
                    changes={
                        "leads": {
                            "first": leads[0].id,
                            "last": leads[-1].id,
                            "read": len(leads),
                            "changed": len(changed),
                        },
                        "digest": {"before": None, "after": sha256(exact_json.canonical(changed)).hexdigest()},
                    },
                )
            )
        state = {"after": leads[-1].id if leads else after_id, **counts.to_json()}
        return Step(state, counts.leads, len(leads) < CHUNK, f"{counts.leads:,} leads read, {counts.changed:,} changed")

    def result(self, checkpoint: Mapping[str, Any]) -> Mapping[str, Any]:
        """Shape: `{leads, bands: {label: n}, scored, not_scored, excluded, failed, changed, unchanged, failures.

        [{code, message, leads, first}], rule_sets: [name@n], at, as_of, release}`; leads = scored + not_scored +
        excluded + failed = changed + unchanged.
        """
        found = {name: value for name, value in checkpoint.items() if name != "after"}
        found["rule_sets"] = sorted(
            f"{version.rule_set.name}@{version.rule_set.version}"
            for versions in self._scorer.by_facts.values()
            for version in versions
        )
        times = {"at": exact_json.instant_text(self._scorer.at), "as_of": exact_json.instant_text(self._scorer.as_of)}
        return {**found, **times, "release": self._scorer.release}


class _Counts:
    """The running counts of a scoring job, kept in its checkpoint."""

    def __init__(self) -> None:
        self.leads = self.scored = self.not_scored = self.excluded = self.failed = self.changed = self.unchanged = 0
        self.bands: dict[str, int] = {}
        self.failures: dict[tuple[str, str], list[Any]] = {}

    @classmethod
    def read(cls, checkpoint: Mapping[str, Any] | None) -> _Counts:
        counts = cls()
        if checkpoint is not None:
            for name in ("leads", "scored", "not_scored", "excluded", "failed", "changed", "unchanged"):
                setattr(counts, name, whole(checkpoint[name]))
            counts.bands = {label: whole(number) for label, number in checkpoint["bands"].items()}
            for item in checkpoint["failures"]:
                counts.failures[item["code"], item["message"]] = [whole(item["leads"]), item["first"]]
        return counts

    def add(self, scored: Scored) -> None:
        self.leads += 1
        if scored.changed:
            self.changed += 1
        else:
            self.unchanged += 1
        lead = scored.after
        if scored.error is not None:
            self.failed += 1
            problem = scored.error.problems[0]
            key = (problem.code, problem.message)
            if key in self.failures:
                self.failures[key][0] += 1
            elif len(self.failures) < FAILURES_SHOWN:
                self.failures[key] = [1, lead.id]
        elif lead["score_state"] == SCORED:
            self.scored += 1
            self.bands[lead["band"]] = self.bands.get(lead["band"], 0) + 1
        elif lead["score_state"] == EXCLUDED:
            self.excluded += 1
        else:
            self.not_scored += 1

    def to_json(self) -> dict[str, Any]:
        return {
            "leads": self.leads,
            "bands": dict(sorted(self.bands.items())),
            "scored": self.scored,
            "not_scored": self.not_scored,
            "excluded": self.excluded,
            "failed": self.failed,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "failures": [
                {"code": code, "message": message, "leads": number, "first": first}
                for (code, message), (number, first) in self.failures.items()
            ],
        }


def _touched(lead: Record, state: Mapping[str, Any], decision_id: str | None, now: datetime) -> Record:
    if all(lead[name] == value for name, value in state.items()):
        return lead
    return lead.with_fields(**state, decision_id=decision_id, scored_at=now)
