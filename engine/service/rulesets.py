"""Rule sets in the store: which version is in force when, and how a version gets there.

Two time axes: a version holds on the days of its half-open interval `[from, to)` in the rule set's zone (`at`), and it
is known from the instant it was published (`as_of`). In force is the highest number that holds and is known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from engine import exact_json
from engine.caller import Caller
from engine.ports import Ports
from engine.predicate import Compare, both
from engine.problems import BylawError, ConflictError, DeniedError, InvalidError, NotFoundError, Place, Problem
from engine.records import Record
from engine.rulefile import require_instant
from engine.rulefile.beside import document, files_beside
from engine.service.actions import PUBLISH, READ
from engine.service.auditing import Attempt, accepted, audited
from engine.service.ids import derived_id
from engine.service.library import digest_of_text
from engine.service.published import EAST, WEST, Published
from engine.service.spelling import did_you_mean

if TYPE_CHECKING:
    from engine.rulefile import CheckReport, RuleSet

_NAMES_SHOWN, _PROBLEMS_SHOWN = 12, 3


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """A version as it is stored and as it decides."""

    record: Record
    rule_set: RuleSet


@dataclass(frozen=True, slots=True)
class RuleSetSummary:
    """One rule set in a list.

    `state` is `in force`, `not yet` or `ended`; `version` is the one in force (else the live one), `live` the highest
    published number, `versions` how many there are.
    """

    name: str
    kind: str
    title: str
    version: int
    live: int
    versions: int
    state: str
    digest: str
    effective_from: object
    effective_to: object
    published_at: datetime
    published_by: str | None


@dataclass(frozen=True, slots=True)
class SeedReport:
    """What seeding did: versions published now, versions there before, and files that contradict what is published."""

    published: tuple[str, ...]
    present: tuple[str, ...]
    problems: tuple[Problem, ...]


def published_versions(ports: Ports, organisation_id: str) -> Published:
    """Every published version of an organisation. Remembered while none is added: each call asks how many there are."""
    mine = Compare("organisation_id", "=", organisation_id)
    known = ports.library.published(organisation_id, ports.store, ports.store.count("rule_version", mine))
    if known is None:
        known = Published.of(ports.store.scan("rule_version", mine))
        ports.library.remember_published(organisation_id, ports.store, known)
    return known


def compiled(ports: Ports, record: Record) -> PublishedVersion:
    """The version with its compiled rule set."""
    source = source_of(record["rule_set"], record["version"])
    return PublishedVersion(record, ports.library.rule_set(record["digest"], record["text"], source))


def source_of(name: str, version: int) -> str:
    """The path that a version has in a repository: `rules/lead-priority/inbound@3.yaml`."""
    return f"rules/{name}@{version}.yaml"


def list_rule_sets(
    ports: Ports, caller: Caller, *, kind: str | None = None, at: datetime
) -> tuple[RuleSetSummary, ...]:
    """Every rule set that the caller may read, by name, with its version in force at `at`.

    Raises `InvalidError` (`rules.instant`) for an instant at the end of the calendar.
    """
    require_instant("at", at)
    found = []
    for name, records in _readable(ports, caller).items():
        live = records[-1]
        if kind is not None and live["kind"] != kind:
            continue
        in_force = _in_force(ports, records, at, None)
        shown = in_force or live
        found.append(
            RuleSetSummary(
                name=name,
                kind=shown["kind"],
                title=shown["title"],
                version=shown["version"],
                live=live["version"],
                versions=len(records),
                state=_state(ports, live, in_force, at),
                digest=shown["digest"],
                effective_from=shown["effective_from"],
                effective_to=shown["effective_to"],
                published_at=shown["published_at"],
                published_by=shown["published_by"],
            )
        )
    return tuple(found)


def get_version(
    ports: Ports,
    caller: Caller,
    name: str,
    version: int | None = None,
    *,
    at: datetime | None = None,
    as_of: datetime | None = None,
    published: Published | None = None,
) -> PublishedVersion:
    """One version; without a number the one in force at `at` (default: now) as known at `as_of` (default: now).

    `published` is what `published_versions` has just given, where more than this is asked of it.
    Raises `NotFoundError`: `rule_set.not_found`, `rule_set.version_not_found` or `rule_set.not_in_force`, and
    `InvalidError` (`rules.instant`) for an instant at the end of the calendar.
    """
    if at is not None:
        require_instant("at", at)
    known = published or published_versions(ports, caller.actor.organisation_id)
    instant = at or caller.now
    if version is None:
        found = _in_force(ports, known.by_name.get(name, ()), instant, as_of or caller.now, caller)
        if found is not None:
            return compiled(ports, found)
    records = _named(ports, caller, name, known)
    if version is not None:
        for record in records:
            if record["version"] == version:
                return compiled(ports, record)
        numbers = ", ".join(str(record["version"]) for record in records)
        raise NotFoundError(
            Problem(
                "rule_set.version_not_found",
                f"`{name}` has no version {version}",
                help=f"published versions: {numbers}",
            )
        )
    known_at = f", as known at {exact_json.instant_text(as_of)}" if as_of else ""
    raise NotFoundError(
        Problem(
            "rule_set.not_in_force",
            f"no version of `{name}` is in force at {exact_json.instant_text(instant)}{known_at}",
            help="; ".join(_interval(record) for record in records),
        )
    )


def list_versions(ports: Ports, caller: Caller, name: str) -> tuple[PublishedVersion, ...]:
    """All versions of a rule set, the newest first. Raises `NotFoundError` (`rule_set.not_found`)."""
    return tuple(compiled(ports, record) for record in reversed(_named(ports, caller, name)))


def in_force_of_kind(
    ports: Ports, caller: Caller, kind: str, *, at: datetime, as_of: datetime
) -> tuple[PublishedVersion, ...]:
    """The versions in force of every rule set of a kind that the caller may read, by name."""
    found = []
    for records in _readable(ports, caller).values():
        if records[-1]["kind"] == kind:
            version = _in_force(ports, records, at, as_of)
            if version is not None:
                found.append(compiled(ports, version))
    return tuple(found)


def check_text(ports: Ports, data: bytes, source: str, *, beside: Mapping[str, bytes] | None = None) -> CheckReport:
    """Everything that is wrong with a rule file's text, and how its own tests go. Changes nothing.

    `beside` are the CSV files in the file's folder, by name, of which one may hold a table's rows.
    """
    from engine.rulefile import CheckReport  # noqa: PLC0415  # reads YAML, which not every use case needs

    return CheckReport.of(lambda: _rule_set(ports, data, source, beside))


def publish(
    ports: Ports,
    caller: Caller,
    data: bytes,
    source: str,
    *,
    any_first: bool = False,
    beside: Mapping[str, bytes] | None = None,
) -> PublishedVersion:
    """Put a rule file's version in the store, from where its interval decides when it is in force.

    Rows in one of the CSV files `beside` it are stored within its text.
    Raises `InvalidError` for a text that is not right or whose tests fail, `DeniedError`, and `ConflictError` if its
    number is not the live one plus one (1 for the first, unless `any_first`), or if it changes the rule set's kind.
    """
    attempt = [Attempt("publish", "rule_version", source)]
    with audited(ports, caller, attempt):
        report = check_text(ports, data, source, beside=beside)
        if report.rule_set is None:
            raise InvalidError(report.problems)
        rule_set = report.rule_set
        record = _version_record(rule_set, data if not beside else rule_set.text.encode(), caller)
        attempt[0] = Attempt("publish", "rule_version", record.id, record, rule_set.name, rule_set.version)
        if not ports.authorizer.allows(caller.actor, PUBLISH, record):
            raise DeniedError(
                Problem(
                    "access.denied", f"the role `{caller.actor.role}` may not publish the rule set `{rule_set.name}`"
                )
            )
        failed = [case for case in report.tests if not case.passed]
        if failed:
            raise InvalidError(
                Problem(
                    "rule_set.tests_failed",
                    f"the file's own test `{case.name}` does not pass",
                    Place(source),
                    "; ".join(str(problem) for problem in case.problems[:_PROBLEMS_SHOWN]),
                )
                for case in failed
            )
        with ports.store.transaction() as transaction:
            mine = both(
                Compare("organisation_id", "=", caller.actor.organisation_id), Compare("rule_set", "=", rule_set.name)
            )
            existing = sorted(transaction.scan("rule_version", mine), key=lambda one: int(one["version"]))
            if existing or not any_first:
                _require_next(rule_set, existing, source)
            stored = transaction.insert(record)
            transaction.append_audit(
                accepted(
                    caller,
                    "publish",
                    after=stored,
                    rule_set=rule_set.name,
                    rule_version=rule_set.version,
                    changes={
                        "digest": {"before": existing[-1]["digest"] if existing else None, "after": rule_set.digest}
                    },
                )
            )
        return PublishedVersion(stored, rule_set)


def seed(ports: Ports, caller: Caller, files: Mapping[str, bytes], *, any_first: bool = False) -> SeedReport:
    """Publish the shipped versions that the store does not have yet, each rule set's in ascending order.

    Seeding twice does nothing the second time. A file that differs from the published version of its number, or whose
    number would leave a gap, is reported and left alone: published versions win. With `any_first` a rule set may begin
    with any number, as in a folder that holds a draft alone. Among the `files`, by path, may be CSV files that hold the
    rows of a table beside them.
    """
    existing = {
        (record["rule_set"], record["version"]): record
        for record in published_versions(ports, caller.actor.organisation_id).records
    }
    loaded: list[tuple[str, int, str, bytes, dict[str, bytes]]] = []
    published: list[str] = []
    present: list[str] = []
    problems: list[Problem] = []
    by_digest = {record["digest"]: record for record in existing.values()}
    for path, data in files.items():
        if path.endswith(".csv"):
            continue
        beside = files_beside(path, files)
        try:
            known = by_digest.get(digest_of_text(document(data, path, beside)))
            if known is not None:
                present.append(f"{known['rule_set']}@{known['version']}")
                continue
            rule_set = _rule_set(ports, data, path, beside)
        except InvalidError as error:
            problems.extend(error.problems)
            continue
        loaded.append((rule_set.name, rule_set.version, path, data, beside))
    for name, version, path, data, beside in sorted(loaded, key=lambda one: one[:3]):
        if (name, version) in existing:
            problems.append(
                Problem(
                    "rule_set.different_text",
                    f"`{name}` version {version} is published with another text than this file",
                    Place(path),
                    help="published versions never change; give the file the next number",
                )
            )
            continue
        try:
            publish(ports, caller, data, path, any_first=any_first, beside=beside)
        except BylawError as error:
            problems.extend(error.problems)
        else:
            published.append(f"{name}@{version}")
    return SeedReport(tuple(published), tuple(sorted(present)), tuple(problems))


def _rule_set(ports: Ports, data: bytes, source: str, beside: Mapping[str, bytes] | None) -> RuleSet:
    """The compiled rule set; one with rows beside it is compiled anew: the digest of its own text does not name it."""
    if beside and document(data, source, beside) is not data:
        return ports.library.load(data, source, beside)
    return ports.library.rule_set(digest_of_text(data), data, source)


def release_digest(
    ports: Ports, organisation_id: str, *, at: datetime, as_of: datetime, published: Published | None = None
) -> str:
    """SHA-256 that names everything in force; `published` as for `get_version`.

    Canonical JSON of `[[name, version, digest]..., policies digest]`, by name.
    """
    known = published or published_versions(ports, organisation_id)
    policies = ports.authorizer.digest
    moment = (policies, *known.moment(at, as_of, lambda record: compiled(ports, record).rule_set.zone))
    digest = known.releases.get(moment)
    if digest is None:
        in_force = ((name, _in_force(ports, records, at, as_of)) for name, records in known.by_name.items())
        versions = [[name, found["version"], found["digest"]] for name, found in in_force if found is not None]
        digest = sha256(exact_json.canonical([versions, policies])).hexdigest()
        known.remember(moment, digest)
    return digest


def _readable(ports: Ports, caller: Caller) -> dict[str, tuple[Record, ...]]:
    """The versions that the caller may read, by the rule set's name."""
    allows, actor = ports.authorizer.allows, caller.actor
    grouped = published_versions(ports, actor.organisation_id).by_name.items()
    readable = {name: tuple(one for one in records if allows(actor, READ, one)) for name, records in grouped}
    return {name: records for name, records in readable.items() if records}


def _named(ports: Ports, caller: Caller, name: str, published: Published | None = None) -> tuple[Record, ...]:
    allows, actor = ports.authorizer.allows, caller.actor
    known = published or published_versions(ports, actor.organisation_id)
    records = tuple(one for one in known.by_name.get(name, ()) if allows(actor, READ, one))
    if not records:
        names = {one["rule_set"] for one in known.records if allows(actor, READ, one)}
        raise NotFoundError(
            Problem("rule_set.not_found", f"there is no rule set `{name[:120]}`", help=_name_meant(name, names))
        )
    return records


def _name_meant(name: str, names: Collection[str]) -> str:
    """Help for an unknown name: a near one, or the same without its kind, or those that there are."""
    whole = sorted(one for one in names if one.partition("/")[2] == name)
    if whole:
        return f"a rule set's name starts with its kind: {' or '.join(f'`{one}`' for one in whole)}"
    return did_you_mean(name, names) or (f"there are: {', '.join(sorted(names)[:_NAMES_SHOWN])}" if names else "")


def _in_force(
    ports: Ports, records: tuple[Record, ...], at: datetime, as_of: datetime | None, caller: Caller | None = None
) -> Record | None:
    """The highest of the versions that holds and is known, and that the caller, where one is given, may read."""
    for record in reversed(records):
        if (
            (as_of is None or record["published_at"] <= as_of)
            and _holds(ports, record, at)
            and (caller is None or ports.authorizer.allows(caller.actor, READ, record))
        ):
            return record
    return None


def _holds(ports: Ports, record: Record, at: datetime) -> bool:
    """Whether the version's interval contains `at`. The zone, which takes compiling, matters only near its ends."""

    def contains(local: datetime) -> bool:
        day, end = local.date(), record["effective_to"]
        return bool(record["effective_from"] <= day and (end is None or day < end))

    earliest, latest = contains(at + WEST), contains(at + EAST)
    if earliest == latest:
        return earliest
    return contains(at.astimezone(compiled(ports, record).rule_set.zone))


def _state(ports: Ports, live: Record, in_force: Record | None, at: datetime) -> str:
    if in_force is not None:
        return "in force"
    zone = compiled(ports, live).rule_set.zone
    return "not yet" if at.astimezone(zone).date() < live["effective_from"] else "ended"


def _interval(record: Record) -> str:
    end = f"until {record['effective_to']}" if record["effective_to"] else "without end"
    return f"version {record['version']} from {record['effective_from']} {end}"


def _require_next(rule_set: RuleSet, existing: list[Record], source: str) -> None:
    live = existing[-1] if existing else None
    expected = (live["version"] if live else 0) + 1
    if rule_set.version != expected:
        raise ConflictError(
            Problem(
                "rule_set.wrong_number",
                f"`{rule_set.name}` is at version {expected - 1}, so version {rule_set.version} cannot be published",
                Place(source),
                help=f"give the file version {expected}",
            )
        )
    if live is not None and live["kind"] != rule_set.kind:
        raise ConflictError(
            Problem("rule_set.wrong_kind", f"`{rule_set.name}` is of kind `{live['kind']}`, not `{rule_set.kind}`")
        )


def _version_record(rule_set: RuleSet, data: bytes, caller: Caller) -> Record:
    organisation_id = caller.actor.organisation_id
    return Record(
        "rule_version",
        derived_id("rule", organisation_id, rule_set.name, str(rule_set.version)),
        organisation_id,
        {
            "rule_set": rule_set.name,
            "kind": rule_set.kind,
            "title": rule_set.title,
            "digest": rule_set.digest,
            "text": data.decode("utf-8"),
            "published_by": caller.actor.id,
            "version": rule_set.version,
            "effective_from": rule_set.effective.from_,
            "effective_to": rule_set.effective.to,
            "published_at": caller.now,
        },
    )
