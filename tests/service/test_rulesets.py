from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from world import INBOUND, NOW, as_person, audit, codes, make_world, platform, shipped, shipped_rules, version

from engine.caller import Caller
from engine.predicate import Always
from engine.problems import ConflictError, DeniedError, InvalidError, NotFoundError
from engine.service.evaluate import evaluate
from engine.service.library import CAPACITY, Library, digest_of_text
from engine.service.rulesets import (
    check_text,
    get_version,
    in_force_of_kind,
    list_rule_sets,
    list_versions,
    publish,
    release_digest,
    seed,
)

NAME = "lead-priority/inbound"


def put(ports, number: int, effective: str, at: datetime = NOW, **how: object):
    """Publish as the platform at an instant."""
    path = f"rules/lead-priority/small@{number}.yaml"
    return publish(ports, platform(now=at), version(number, effective, **how), path)


def test_seeding_again_does_nothing():
    """Shipped versions are published once, in order; a second seeding writes nothing."""
    ports = make_world()
    first = seed(ports, platform(), shipped_rules())
    before = ports.store.count("audit_entry", Always())
    again = seed(ports, platform(), shipped_rules())
    assert ((), ()) == (first.problems, again.problems)
    assert (tuple(sorted(first.published)), ()) == (again.present, again.published)
    assert before == ports.store.count("audit_entry", Always())
    assert {"1", "2", "3"} == {one.rpartition("@")[2] for one in first.published if one.startswith(NAME)}


def test_a_table_beside_its_file_is_published_within_its_text():
    """The stored text holds the rows, decides without the CSV, and has the digest of its own bytes."""
    ports = make_world()
    path = "rules/decision/discount-limits@1.yaml"
    beside = {"discount-limits@1.csv": shipped_rules()[path.replace(".yaml", ".csv")]}
    data = shipped_rules()[path]
    found = publish(ports, platform(), data, path, beside=beside)
    text = found.record["text"]
    assert "rows_csv: |  # discount-limits@1.csv\n  id,region," in text
    assert digest_of_text(text.encode()) == found.record["digest"] == found.rule_set.digest
    stored = get_version(ports, platform(), "decision/discount-limits", 1)
    assert all(result.passed for result in stored.rule_set.run_tests())
    assert ((), ("decision/discount-limits@1",)) == (
        (again := seed(ports, platform(), {path: data, path.replace(".yaml", ".csv"): beside.popitem()[1]})).published,
        again.present,
    )


def test_a_text_that_names_a_table_beside_it_and_comes_alone_is_refused():
    """Over the API nothing is beside a text: the problem says how its rows travel with it."""
    data = shipped_rules()["rules/decision/discount-limits@1.yaml"]
    (problem,) = check_text(make_world(), data, "body").problems
    assert ("rules.rows_file", 21) == (problem.code, problem.place.line)
    assert "rows_csv" in problem.help


def test_published_versions_win_over_files():
    """A file that differs from the version published under its number is reported and changes nothing."""
    ports = make_world()
    put(ports, 1, "from: 2026-01-01")
    path = "rules/lead-priority/small@1.yaml"
    report = seed(ports, platform(), {path: version(1, "from: 2026-02-01")})
    assert (["rule_set.different_text"], ()) == ([problem.code for problem in report.problems], report.published)


def test_the_interval_is_half_open():
    """A version holds from its first day on and no longer on the day it ends."""
    ports = make_world(shipped(*INBOUND))
    for at, expected in (
        (datetime(2026, 3, 31, 23, 59, tzinfo=UTC), 1),
        (datetime(2026, 4, 1, tzinfo=UTC), 2),
        (datetime(2026, 9, 30, 23, 59, tzinfo=UTC), 2),
        (datetime(2026, 10, 1, tzinfo=UTC), 3),
    ):
        assert expected == get_version(ports, as_person(ports, "rep"), NAME, at=at).record["version"]
    with pytest.raises(NotFoundError) as error:
        get_version(ports, as_person(ports, "rep"), NAME, at=datetime(2025, 12, 31, tzinfo=UTC))
    assert "rule_set.not_in_force" == error.value.code


def test_days_are_those_of_the_rule_sets_zone():
    """A version that begins on a day begins with that day in its own zone."""
    ports = make_world()
    put(ports, 1, "from: 2026-01-01", extra="zone: Asia/Tokyo\n")
    put(ports, 2, "from: 2026-06-01", extra="zone: Asia/Tokyo\n")
    begins = datetime(2026, 5, 31, 15, tzinfo=UTC)  # midnight in Tokyo
    found = [
        get_version(ports, platform(), "lead-priority/small", at=at).record["version"]
        for at in (begins - timedelta(seconds=1), begins)
    ]
    assert [1, 2] == found


def test_what_was_not_known_yet_does_not_count():
    """As of an instant before its publication a version is not in force, whatever interval it has."""
    ports = make_world()
    put(ports, 1, "from: 2026-01-01", at=NOW - timedelta(days=2))
    put(ports, 2, "from: 2026-01-01", at=NOW)
    seen = [
        get_version(ports, platform(), "lead-priority/small", at=NOW, as_of=as_of).record["version"]
        for as_of in (NOW - timedelta(days=1), NOW)
    ]
    assert [1, 2] == seen


def test_an_ended_version_gives_way_to_the_one_below():
    """After a version with an end, the highest version that still holds is in force again."""
    ports = make_world()
    put(ports, 1, "from: 2026-01-01")
    put(ports, 2, "from: 2026-03-01, to: 2026-04-01")
    seen = [
        get_version(ports, platform(), "lead-priority/small", at=datetime(2026, month, 15, tzinfo=UTC)).record[
            "version"
        ]
        for month in (2, 3, 4)
    ]
    assert [1, 2, 1] == seen


@pytest.mark.parametrize("number", [1, 3])
def test_numbers_leave_no_gap(number):
    """The next version's number is the live one plus one, no other."""
    ports = make_world()
    put(ports, 1, "from: 2026-01-01")
    with pytest.raises(ConflictError) as error:
        put(ports, number, "from: 2026-02-01")
    assert ("rule_set.wrong_number", "give the file version 2") == (error.value.code, error.value.problems[0].help)


def test_a_file_whose_tests_fail_is_not_published():
    """A version goes live only with all of its own tests passing; the attempt is in the log."""
    ports = make_world()
    with pytest.raises(InvalidError) as error:
        put(ports, 1, "from: 2026-01-01", points=21)
    assert "rule_set.tests_failed" == error.value.code
    assert 0 == ports.store.count("rule_version", Always())
    entries = list(ports.store.scan("audit_entry", Always()))
    assert [("publish", "failed", "rule_set.tests_failed")] == [
        (e["action"], e["outcome"], e["reason"]) for e in entries
    ]


@pytest.mark.parametrize("who", ["rep", "manager", "admin"])
def test_who_may_not_publish_is_denied(who):
    """Publishing is RevOps' own right."""
    ports = make_world()
    with pytest.raises(DeniedError):
        publish(ports, as_person(ports, who), version(1, "from: 2026-01-01"), "rules/lead-priority/small@1.yaml")
    found = publish(
        ports, as_person(ports, "analyst"), version(1, "from: 2026-01-01"), "rules/lead-priority/small@1.yaml"
    )
    assert ("analyst", NOW) == (found.record["published_by"], found.record["published_at"])


def test_a_text_is_checked_without_being_published():
    """Checking tells problems with places and runs the tests; nothing is stored."""
    ports = make_world()
    wrong = version(1, "from: 2026-01-01").replace(b"employees >= 500", b"employes >= 500")
    report = check_text(ports, wrong, "draft.yaml")
    assert (False, True) == (report.ok, report.problems[0].place.line > 0)
    right = check_text(ports, version(1, "from: 2026-01-01"), "draft.yaml")
    assert (True, ["a big company"]) == (right.ok, [case.name for case in right.tests])
    assert 0 == ports.store.count("rule_version", Always())


def test_the_list_says_what_is_in_force():
    """A list shows each rule set once, with the version in force, or that none is in force yet or any more."""
    ports = make_world(shipped(*INBOUND))
    put(ports, 1, "from: 2027-01-01")
    rows = {
        row.name: (row.version, row.live, row.versions, row.state) for row in list_rule_sets(ports, platform(), at=NOW)
    }
    assert {NAME: (3, 3, 3, "in force"), "lead-priority/small": (1, 1, 1, "not yet")} == rows
    assert () == list_rule_sets(ports, platform(), kind="incentive-plan", at=NOW)
    assert [3, 2, 1] == [one.record["version"] for one in list_versions(ports, platform(), NAME)]
    assert [NAME] == [
        one.rule_set.name for one in in_force_of_kind(ports, platform(), "lead-priority", at=NOW, as_of=NOW)
    ]


def test_a_misspelt_name_is_suggested():
    """An unknown rule set is not found, with the nearest name; an unknown version with those there are."""
    ports = make_world(shipped(*INBOUND))
    with pytest.raises(NotFoundError) as error:
        get_version(ports, platform(), "lead-priority/inbond")
    assert ("rule_set.not_found", f"did you mean `{NAME}`?") == (error.value.code, error.value.problems[0].help)
    with pytest.raises(NotFoundError) as error:
        get_version(ports, platform(), NAME, 9)
    assert ("rule_set.version_not_found", "published versions: 1, 2, 3") == (
        error.value.code,
        error.value.problems[0].help,
    )


def test_another_organisation_has_its_own_versions():
    """What one organisation published is not there for another."""
    ports = make_world(shipped(*INBOUND))
    with pytest.raises(NotFoundError):
        get_version(ports, platform("globex"), NAME)
    assert 3 == len(seed(ports, platform("globex"), shipped(*INBOUND)).published)


def test_the_release_names_everything_in_force():
    """The release digest changes with a version coming into force and with nothing else."""
    ports = make_world()
    put(ports, 1, "from: 2026-01-01")
    before = release_digest(ports, "acme", at=NOW, as_of=NOW)
    put(ports, 2, "from: 2027-01-01")
    assert before == release_digest(ports, "acme", at=NOW, as_of=NOW)
    later = NOW + timedelta(days=60)
    assert before != release_digest(ports, "acme", at=later, as_of=later)
    assert 64 == len(before)


def test_a_remembered_release_is_the_one_made_anew():
    """At every hour around the days on which versions turn, a remembered release is what a fresh process finds."""
    ports = make_world()
    put(ports, 1, "from: 2026-01-01, to: 2026-12-01", extra="zone: Pacific/Auckland\n")
    assert release_digest(ports, "acme", at=NOW, as_of=NOW)  # remembered before the next version is published
    elsewhere = replace(ports, library=Library(ports.library.schemas, ports.library.kinds))
    put(elsewhere, 2, "from: 2026-12-03", at=NOW + timedelta(hours=1), extra="zone: America/Los_Angeles\n")
    for hours in range(0, 24 * 12, 5):
        at = datetime(2026, 11, 25, tzinfo=UTC) + timedelta(hours=hours)
        for as_of in (NOW, NOW + timedelta(hours=2)):
            fresh = replace(ports, library=Library(ports.library.schemas, ports.library.kinds))
            expected = release_digest(fresh, "acme", at=at, as_of=as_of)
            assert expected == release_digest(ports, "acme", at=at, as_of=as_of)


def test_more_rule_sets_than_the_library_holds_still_decide():
    """The library forgets the least recently used and compiles it again: the answer stays the same."""
    ports = make_world()
    put(ports, 1, "from: 2026-01-01")
    first = evaluate(ports, platform(), "lead-priority/small", {"employees": 800}, at=NOW, as_of=NOW)
    library = ports.library
    for number in range(CAPACITY + 1):
        library._compiled[(str(number), "")] = first  # stands for any other
        while len(library._compiled) > CAPACITY:
            library._compiled.popitem(last=False)
    again = evaluate(ports, platform(), "lead-priority/small", {"employees": 800}, at=NOW, as_of=NOW)
    library._compiled.clear()
    assert first.to_json() == again.to_json()


def test_publishing_is_in_the_log():
    """An accepted publication's entry names rule set and version, with the digests before and after."""
    ports = make_world()
    put(ports, 1, "from: 2026-01-01")
    caller = Caller(as_person(ports, "analyst").actor, NOW, "console", "r-9")
    publish(ports, caller, version(2, "from: 2026-02-01"), "rules/lead-priority/small@2.yaml")
    entry = max(ports.store.scan("audit_entry", Always()), key=lambda one: one["sequence"])
    assert ("lead-priority/small", 2, "accepted", "analyst") == (
        entry["rule_set"], entry["rule_version"], entry["outcome"], entry["actor_id"]
    )  # fmt: skip
    assert entry["changes"]["digest"]["before"] != entry["changes"]["digest"]["after"]
    assert [] == audit(ports)


def test_problem_codes_of_a_broken_file_are_kept():
    """Publishing a file that cannot be read raises all of its problems."""
    ports = make_world()
    with pytest.raises(InvalidError) as error:
        publish(ports, platform(), b"kind: lead-priority\nkind: decision\n", "rules/x.yaml")
    assert "rules.duplicate_key" in {code for code, _ in codes(error)}
