"""A loaded rule file: it knows its name and version, decides, tests itself and describes itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from engine.decision import Decision
from engine.nearest_change import MOST_FACTS, MOST_FACTS_ALLOWED, STEPS, NearestChange
from engine.problems import BylawError, InvalidError, Place, Problem, Report
from engine.rulefile.cases import Case, CaseResult, Coverage, judge, judge_error
from engine.rulefile.facts import FactSchema
from engine.rulefile.head import Effective, Head
from engine.rulefile.kind import AnswersChange, Description, RuleSetBody
from engine.rulefile.nearest import did_you_mean
from engine.rulefile.question import Question

_FIRST_YEAR, _LAST_YEAR = 2, 9998
"""A decision's instants keep a year's distance from the calendar's ends, so that every zone can show them."""


def require_instant(name: str, instant: object) -> None:
    """Raise `InvalidError` (`rules.instant`) for what is no instant, has no zone or lies at the end of the calendar."""
    if not isinstance(instant, datetime):
        message, help_text = f"`{name}` is no instant", "give a `datetime` with a time zone"
    elif instant.tzinfo is None:
        message, help_text = f"`{name}` has no time zone, so it is no instant", "like this: `2026-11-02T09:00:00Z`"
    elif not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
        message = f"`{name}` lies in the year {instant.year}; rules decide from the year {_FIRST_YEAR} to {_LAST_YEAR}"
        help_text = "name an instant between those years"
    else:
        return
    raise InvalidError(Problem("rules.instant", message, Place(path=f"$.{name}"), help_text))


@dataclass(frozen=True, slots=True)
class RuleSet:
    """One version of a rule set, compiled. Immutable; one object may decide in several threads.

    `warnings` are surely not meant, `hints` could be simpler or are worth knowing.
    `text` is the file as it is published and `digest` the SHA-256 of its bytes; rows that lie in a file beside it are
    part of both (`engine.rulefile.beside`). `excerpts` are the files as they were read, for the lines problems show.
    """

    head: Head
    digest: str
    text: str
    source: str
    zone: tzinfo
    facts: FactSchema
    tests: tuple[Case, ...]
    warnings: tuple[Problem, ...]
    body: RuleSetBody = field(repr=False)
    hints: tuple[Problem, ...] = ()
    excerpts: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def kind(self) -> str:
        """The rule kind, such as `lead-priority`."""
        return self.head.kind

    @property
    def name(self) -> str:
        """The full name, such as `lead-priority/inbound`."""
        return self.head.rule_set

    @property
    def version(self) -> int:
        """The version's number, from 1."""
        return self.head.version

    @property
    def title(self) -> str:
        """What people call the rule set."""
        return self.head.title

    @property
    def effective(self) -> Effective:
        """The days on which the version holds."""
        return self.head.effective

    def decide(self, facts: Any, *, at: datetime, as_of: datetime | None = None, release: str = "") -> Decision:
        """Decide about facts as `exact_json.parse` gives them.

        `at` is the instant the decision is about, `as_of` (else the same) the instant up to which things are known;
        both have a zone.
        Raises `InvalidError`: the facts do not fit (`facts.*`), or the rules fault on them (`feel.*`, `tables.*`).
        """
        return self.decide_typed(self.facts.read(facts), at=at, as_of=at if as_of is None else as_of, release=release)

    def decide_many(
        self, facts: Iterable[Any], *, at: datetime, as_of: datetime | None = None, release: str = ""
    ) -> tuple[Decision | InvalidError, ...]:
        """Decide about each, in their order; facts that do not fit give their error in their place.

        One set of facts disturbs no other. Raises `InvalidError` only for an instant that is none.
        """
        for name, instant in (("at", at), ("as_of", at if as_of is None else as_of)):
            require_instant(name, instant)

        def one(given: Any) -> Decision | InvalidError:
            try:
                return self.decide(given, at=at, as_of=as_of, release=release)
            except InvalidError as error:
                return error

        return tuple(map(one, facts))

    def decide_typed(self, facts: Mapping[str, Any], *, at: datetime, as_of: datetime, release: str = "") -> Decision:
        """Decide about facts that `self.facts.read` has typed already."""
        for name, instant in (("at", at), ("as_of", as_of)):
            require_instant(name, instant)
        try:
            found = self.body.decide(facts, at=at, as_of=as_of)
        except InvalidError as error:
            raise InvalidError(self._located(problem) for problem in error.problems) from error
        return Decision(
            rule_set=self.name,
            kind=self.head.kind,
            version=self.head.version,
            digest=self.digest,
            release=release,
            at=at,
            as_of=as_of,
            outcome=found.outcome,
            missing=found.missing,
            facts=facts,
            explain=found.explain,
        )

    def nearest(
        self,
        facts: Any,
        *,
        at: datetime,
        as_of: datetime | None = None,
        target: Mapping[str, Any] | None = None,
        fixed: Iterable[str] = (),
        most: int = MOST_FACTS,
        steps: int = STEPS,
    ) -> NearestChange:
        """The smallest change of the fewest facts that gives another outcome, or the target's members of it.

        `fixed` are dotted paths of facts that must stay, `most` the number of facts that may change together, `steps`
        how many changes are tried for each number of facts. Raises as `decide` does, and `InvalidError`
        (`change.*`) for a kind that does not answer this and for a target, fact or limit that makes no sense.
        """
        known_at = at if as_of is None else as_of
        for name, instant in (("at", at), ("as_of", known_at)):
            require_instant(name, instant)
        if not isinstance(self.body, AnswersChange):
            message = f"the kind `{self.kind}` does not say what would change an outcome"
            raise InvalidError(Problem("change.not_offered", message))
        if not 1 <= most <= MOST_FACTS_ALLOWED or steps < 1:
            message = f"from 1 to {MOST_FACTS_ALLOWED} facts may change together, with at least 1 step"
            raise InvalidError(Problem("change.limit", message))
        known = [field.name for field in self.facts.fields]
        kept = frozenset(fixed)
        report = Report()
        for name in sorted(kept):
            if self.facts.field(name) is None:
                report.add("change.fact", f"`{name}` is not a known fact{did_you_mean(name, known)}")
        wanted = {name: Decimal(value) if type(value) is int else value for name, value in (target or {}).items()}
        for name, value in wanted.items():
            if isinstance(value, float):
                message = f"`{name}` of the target is a binary float ({value!r}), which has no exact value"
                report.add("change.target", message, help="give a decimal")
        report.raise_if_any()
        typed = self.facts.read(facts)
        asked = wanted if target is not None else None
        try:
            return self.body.nearest(Question(self.facts, typed, at, known_at, asked, kept, most, steps))
        except InvalidError as error:
            raise InvalidError(self._located(problem) for problem in error.problems) from error

    def run_tests(self) -> tuple[CaseResult, ...]:
        """Run the file's own tests, in order; a failed one has its problems with places in the file."""
        return tuple(self._run(case) for case in self.tests)

    def coverage(self, results: Sequence[CaseResult] | None = None) -> Coverage:
        """Which rules the tests made fire; runs the tests if their results are not given."""
        given = self.run_tests() if results is None else results
        fired = {rule for result in given for rule in result.fired}
        ids = self.body.rule_ids
        return Coverage(tuple(rule for rule in ids if rule in fired), tuple(rule for rule in ids if rule not in fired))

    def describe(self) -> Description:
        """The readable form for the console and `rules show`."""
        zone = "" if self.head.zone_name == "UTC" else f", days in {self.head.zone_name}"
        tests = f"{len(self.tests)} test{'' if len(self.tests) == 1 else 's'}"
        summary = (
            f"{self.name}, version {self.version}, in force {self.effective}{zone}. Reads {self.facts.name}; {tests}."
        )
        return Description(self.title, summary, self.body.describe())

    def _run(self, case: Case) -> CaseResult:
        try:
            decision = self.decide(case.given, at=case.at, as_of=case.as_of)
            result = judge(case, decision)
        except BylawError as error:
            result = judge_error(case, error.problems)
        if not result.problems:
            return result
        located = tuple(self._located(problem) for problem in result.problems)
        return CaseResult(result.name, result.passed, located, result.fired)

    def _located(self, problem: Problem) -> Problem:
        """A problem of the rule file with its line; one of the facts stays at its path."""
        if not problem.place.line:
            return problem
        source = problem.place.source or self.source
        return problem.in_text(source, self.excerpts.get(source, self.text))
