"""The policies' own tests: YAML files beside them that say who may do what to which record.

```yaml
defaults: {organisation_id: acme, region_id: north, branch_id: oslo}   # of all people and records that do not say
people:
  ann: {role: sales_rep, team_id: red, territory_ids: [t1]}
records:
  own_lead: {type: lead, team_id: red, owner_id: ann, territory_id: t1}
tests:
  - {name: a rep reads and writes an own lead, actor: ann, record: own_lead, allow: [read, write], deny: [publish]}
```

Every expectation is held against both the predicate that requests are answered with and Oso's own check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from engine.caller import ACTIONS, Actor
from engine.policy.policies import Policies
from engine.policy.vocabulary import ALL_ROLES
from engine.problems import InvalidError, Problem, Report
from engine.records import RECORD_TYPES, FieldKind, Record, RecordType, record_type

if TYPE_CHECKING:
    from engine.rulefile import Node

_PERSON = tuple(one.name for one in fields(Actor))
_LISTS: Mapping[str, Callable[[Iterable[str]], Any]] = {"territory_ids": tuple, "scopes": frozenset}
_SECTIONS = ("defaults", "people", "records", "tests")
_CASE = ("name", "actor", "record", "allow", "deny")


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one test of a policy file came out; `problems` are empty when it passed."""

    source: str
    name: str
    problems: tuple[Problem, ...]

    @property
    def passed(self) -> bool:
        """Whether everything came out as expected."""
        return not self.problems


def check(policies: Policies, files: Mapping[str, str]) -> tuple[CaseResult, ...]:
    """Run the test files (name to text) against the policies.

    Raises `InvalidError` with `policy.test_malformed` (and `rules.*` for YAML that cannot be read), all files at once.
    """
    results: list[CaseResult] = []
    malformed: list[Problem] = []
    for source, text in sorted(files.items()):
        try:
            results.extend(_TestFile(source, text).run(policies))
        except InvalidError as error:
            malformed.extend(error.problems)
    if malformed:
        raise InvalidError(malformed)
    return tuple(results)


class _TestFile:
    """One file, read and checked."""

    def __init__(self, source: str, text: str) -> None:
        from engine.rulefile.yaml_reader import read  # noqa: PLC0415  # policies alone need no YAML

        self.source, self.text = source, text
        self.report = Report()
        self.tree = read(text.encode(), source)
        self._names(self.tree, _SECTIONS, "a section of a policy test file")
        self.defaults = self._section("defaults")
        self.people = {name: self._person(name, node) for name, node in self._section("people").items()}
        self.records = {name: self._record(name, node) for name, node in self._section("records").items()}
        tests = self.tree.list_of("tests")
        if not tests:
            self._refuse(self.tree, "the file has no tests")
        self.cases = [case for node in tests if (case := self._case(node)) is not None]
        if self.report:
            raise InvalidError(problem.in_text(source, text) for problem in self.report)

    def run(self, policies: Policies) -> list[CaseResult]:
        """Each test's outcome."""
        return [
            CaseResult(self.source, name, tuple(self._judge(policies, node, actor, record)))
            for name, node, actor, record in self.cases
        ]

    def _judge(self, policies: Policies, node: Node, actor: Actor, record: Record) -> list[Problem]:
        found: list[Problem] = []
        for section, expected in (("allow", True), ("deny", False)):
            for item in node.list_of(section):
                action = item.text
                answered = policies.allows(actor, action, record)
                reference = policies.reference_allows(actor, action, record)
                if answered is expected and reference is expected:
                    continue
                came_out, wanted = ("allowed", "denied") if answered else ("denied", "allowed")
                message = f"`{action}` by `{actor.id}` on `{record.id}` is {came_out}; the test expects {wanted}"
                if answered is not reference:
                    message = f"the predicate and Oso disagree about `{action}` by `{actor.id}` on `{record.id}`"
                found.append(Problem("policy.test_failed", message, item.place).in_text(self.source, self.text))
        return found

    # -- reading

    def _section(self, name: str) -> Mapping[str, Node]:
        node = self.tree.get(name)
        return {} if node is None else node.members

    def _person(self, name: str, node: Node) -> Actor | None:
        given = {key: child for key, child in self.defaults.items() if key in _PERSON} | dict(node.members)
        self._names(node, _PERSON, "something that a person has")
        role = node.text_of("role")
        if role not in ALL_ROLES:
            self._refuse(node.get("role") or node, f"`{role}` is no role", ALL_ROLES, role)
            return None
        values: dict[str, Any] = dict.fromkeys(("organisation_id", "region_id", "branch_id", "team_id"), "")
        values |= {"id": name, "name": name.capitalize(), "territory_ids": ()}
        for key, child in given.items():
            listed = _LISTS.get(key)
            values[key] = child.text if listed is None else listed(item.text for item in child.items)
        return Actor(**{key: value for key, value in values.items() if key in _PERSON})

    def _record(self, name: str, node: Node) -> Record | None:
        kind = node.text_of("type")
        types = [known.name for known in RECORD_TYPES]
        if kind not in types:
            self._refuse(node.get("type") or node, f"`{kind}` is no record type", types, kind)
            return None
        known = record_type(kind)
        declared = ["type", "id", "organisation_id", *(field.name for field in known.fields)]
        self._names(node, declared, f"a field of `{known.name}`")
        given = {key: child for key, child in self.defaults.items() if key in declared} | dict(node.members)
        values = {key: _value(known, key, child) for key, child in given.items() if key in declared and key != "type"}
        record_id, organisation = values.pop("id", name), values.pop("organisation_id", "")
        return Record(known.name, record_id, organisation, values, revision=1)

    def _case(self, node: Node) -> tuple[str, Node, Actor, Record] | None:
        self._names(node, _CASE, "a part of a test")
        name = node.text_of("name")
        if not name:
            self._refuse(node, "a test has a `name` that says the rule")
        actor, record = self._named(node, "actor", self.people), self._named(node, "record", self.records)
        items = [*node.list_of("allow"), *node.list_of("deny")]
        if not items:
            self._refuse(node, "a test lists actions under `allow` or `deny`")
        for item in items:
            if item.text not in ACTIONS:
                self._refuse(item, f"`{item.text}` is no action", ACTIONS, item.text)
        return None if actor is None or record is None else (name, node, actor, record)

    def _named(self, node: Node, part: str, known: Mapping[str, Any]) -> Any:
        found = node.get(part)
        if found is None or found.text not in known:
            said = found.text if found else ""
            self._refuse(found or node, f"there is no {part} `{said}` in this file", known, said)
            return None
        return known[found.text]

    def _names(self, node: Node, known: tuple[str, ...] | list[str], what: str) -> None:
        for name, child in node.members.items():
            if name not in known:
                place = child.key_place or child.place
                self.report.add("policy.test_malformed", f"`{name}` is not {what}{_meant(name, known)}", place)

    def _refuse(self, node: Node, message: str, known: Any = (), given: str = "") -> None:
        self.report.add("policy.test_malformed", message + _meant(given, known), node.place)


def _meant(given: str, known: Any) -> str:
    from engine.rulefile.nearest import did_you_mean  # noqa: PLC0415  # as above

    return did_you_mean(given, known) if given else ""


def _value(known: RecordType, name: str, node: Node) -> Any:
    """The value as written: what does not have the field's kind stays, so that a test can show that it denies."""
    field = known.field(name)
    value = node.to_value()
    if field is not None and field.kind is FieldKind.TEXT and node.text and not node.items and value is not None:
        return node.text
    if field is not None and field.kind is FieldKind.INTEGER and hasattr(value, "to_integral_value"):
        return int(value)
    return value
