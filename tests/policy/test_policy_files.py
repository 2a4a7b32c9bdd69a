"""The shipped policies: checked, tested by their own files, and equal to the role matrix that they are meant to be."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.caller import ACTIONS, ROLES, Actor
from engine.policy import (
    MatrixRow,
    Policies,
    check,
    compiled,
    compiled_name,
    compiled_text,
    digest_of,
    text_problems,
)
from engine.policy.vocabulary import ALL_ROLES
from engine.predicate import Never, Predicate
from engine.problems import InvalidError
from engine.records import RECORD_TYPES, Record

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "policies"

READ, WRITE, NO = ("read",), ("read", "write"), ()

WANTED = (
    MatrixRow("sales_rep", own=WRITE, team=NO, branch=NO, system=NO),
    MatrixRow("field_sales_rep", own=WRITE, team=NO, branch=NO, system=NO),
    MatrixRow("sales_manager", own=WRITE, team=WRITE, branch=READ, system=NO),
    MatrixRow("revops_analyst", own=READ, team=READ, branch=WRITE, system=NO),
    MatrixRow("platform_admin", own=WRITE, team=WRITE, branch=WRITE, system=WRITE),
)


def test_nothing_is_wrong_with_the_shipped_policies(policies: Policies) -> None:
    """Every cell becomes a predicate, every record type has a row, no role or action is misspelt."""
    assert text_problems(policies.files) == ()


def test_the_shipped_policies_are_kept_as_they_are(policies: Policies) -> None:
    """What is kept beside the shipped policies is what evaluating them gives; `bylaw policies compile` writes it."""
    kept = FOLDER / compiled_name(policies.digest)
    assert kept.read_text() == compiled_text(compiled(policies.files))


def test_the_policies_own_tests_pass(policies: Policies, policy_tests: dict[str, str]) -> None:
    """Every expectation in `policies/tests` holds for the predicates and for Oso itself."""
    results = check(policies, policy_tests)
    assert [] == [(result.name, [*map(str, result.problems)]) for result in results if not result.passed]
    assert len(results) > 50


def test_the_matrix_is_the_one_that_was_asked_for(policies: Policies) -> None:
    """What the policies grant on own, team and branch records and on system configuration is the agreed matrix."""
    assert policies.matrix() == WANTED


def test_the_documented_matrix_is_the_real_one(policies: Policies) -> None:
    """The table in docs/authorization.md says what the policies do."""
    rows = re.findall(r"^\| `?(\w+)`? \| ([^|]+)\| ([^|]+)\| ([^|]+)\| ([^|]+)\|$", _page(), re.MULTILINE)
    documented = {role: tuple(_cell(cell) for cell in cells) for role, *cells in rows if role in ROLES}
    assert documented == {row.role: (row.own, row.team, row.branch, row.system) for row in policies.matrix()}


def _page() -> str:
    return (ROOT / "docs" / "authorization.md").read_text()


def _cell(text: str) -> tuple[str, ...]:
    return () if text.strip() == "no" else tuple(part.strip() for part in text.split(","))


def test_every_action_and_type_is_documented() -> None:
    """docs/authorization.md has a word on every action and every record type."""
    page, types = _page(), [known.name for known in RECORD_TYPES]
    assert [] == [name for name in (*ACTIONS, *ALL_ROLES, *types) if f"`{name}`" not in page]


def test_the_digest_changes_with_the_files(policy_texts: dict[str, str], policies: Policies) -> None:
    """The digest is that of names and texts: any change of either changes it, their order does not."""
    assert policies.digest == digest_of(dict(reversed(policy_texts.items())))
    moved = {f"x{name}": text for name, text in policy_texts.items()}
    changed = {**policy_texts, "matrix.polar": policy_texts["matrix.polar"] + "\n"}
    assert 3 == len({policies.digest, digest_of(moved), digest_of(changed)})


def test_the_engine_does_not_load_oso() -> None:
    """Importing the engine and its use cases loads no Oso: only who asks for policies does."""
    script = "import sys, engine, engine.predicate, engine.ports, engine.service; print('oso' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "False\n"


def test_many_threads_ask_at_once(policy_texts: dict[str, str]) -> None:
    """Threads that ask a fresh set of policies at once get the same answers as one after the other."""
    fresh, answers = Policies.load(policy_texts), dict[int, list[Predicate]]()
    actors = [Actor(f"p{number}", "P", ROLES[number % 5], "acme", "north", "oslo", "red") for number in range(5)]

    def ask(number: int) -> None:
        answers[number] = [fresh.predicate(actor, "read", name) for actor in actors for name in ("lead", "job")]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 6 == len(answers)
    assert all(found == answers[0] for found in answers.values())


def test_many_threads_load_and_explain_at_once(few: dict[str, str], capfd: pytest.CaptureFixture[str]) -> None:
    """Threads that load policies, ask why and ask Oso at once get one answer, and leave standard output alone."""
    shared, record = Policies.load(few), Record("lead", "l1", "acme", {"region_id": "north", "team_id": "red"}, 1)
    actor = Actor("ann", "Ann", "sales_manager", "acme", "north", "oslo", "red")
    output, told = (sys.stdout, sys.stderr), list[tuple[object, ...]]()
    wrong = {**few, "more.polar": 'allow(user: User, "read", record: Laed) if same_organisation(user, record);'}

    def ask() -> None:
        with pytest.raises(InvalidError) as refused:
            Policies.load(wrong)
        own = Policies.load({**few, "own.polar": f"# {threading.get_ident()}"})
        told.append(
            (
                str(refused.value),
                own.predicate(actor, "read", "lead"),
                shared.explain(actor, "read", record),
                shared.reference_allows(actor, "read", record),
            )
        )

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 6 == len(told)
    assert all(one == told[0] for one in told)
    assert output == (sys.stdout, sys.stderr)
    assert ("", "") == capfd.readouterr()


def test_nobody_without_ids_reaches_anything(policies: Policies) -> None:
    """An actor whose ids are empty, or not even texts, reaches no record of any type, whatever the role."""
    for role in ALL_ROLES:
        empty = Actor("", "", role, "", "", "", "")
        odd = Actor(None, "", role, None, None, None, None)
        for actor in (empty, odd):
            for action in ("read", "write"):
                assert {Never()} == {policies.predicate(actor, action, known.name) for known in RECORD_TYPES}


def test_an_unknown_role_reaches_nothing(policies: Policies) -> None:
    """A role that the policies do not know is allowed nothing, not even to read the organisation's name."""
    actor = Actor("ann", "Ann", "Sales_Rep", "acme", "north", "oslo", "red", ("t1",))
    reached = {
        known.name: action
        for action in ACTIONS
        for known in RECORD_TYPES
        if policies.predicate(actor, action, known.name) != Never()
    }
    assert reached == {}


def test_a_person_cannot_act_as_the_service(policies: Policies) -> None:
    """No role that a person can have is the service's."""
    assert "service" not in ROLES
    everywhere = Record("lead", "l1", "acme", {"region_id": "south"})
    for role in ROLES:
        actor = Actor("service", "Service", role, "acme", "north", "oslo", "red", ("t1",))
        assert not policies.allows(actor, "read", everywhere)
