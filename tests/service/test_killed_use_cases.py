"""Killing a process between every two writes of every use case: what is committed is whole, and the log adds up.

A use case is run once in peace, and what is stored is noted after each of its transactions. Then a child process runs
it over the same database and kills itself, with the signal that nothing can catch, before its n-th write; n grows until
the use case comes through. Whatever n, what is stored is one of the noted states; after whatever is done next, the log
adds up.
"""

from __future__ import annotations

import ast
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from world import (
    COMMISSION,
    DEAL_SYNC,
    INBOUND,
    NOW,
    ROOT,
    as_person,
    deal,
    deal_981,
    insert,
    lead,
    make_ports,
    make_world,
    platform,
    shipped,
    staff,
    usd,
)

from adapters.signing import is_signed_by, signer_of
from adapters.stores import open_store
from adapters.stores.sqlite import connections
from engine.ports import Ports, Store, VerifiedIdentity
from engine.predicate import Always, Compare
from engine.problems import BylawError
from engine.records import RECORD_TYPES
from engine.service import idempotency
from engine.service.api_keys import present_key
from engine.service.audit_check import check_log
from engine.service.auditing import record_attempt
from engine.service.checkpoints import take_checkpoint
from engine.service.conflicts import resolve_conflict
from engine.service.erasure import erase_subject
from engine.service.evaluate import evaluate
from engine.service.identities import link_identity, unlink_identity
from engine.service.importing import import_crm
from engine.service.incentives import start_run
from engine.service.jobs import cancel_job, deliver_pending, recover_abandoned, run_job
from engine.service.key_ring import create_api_key, revoke_api_key, rotate_api_key
from engine.service.leads import score_lead, start_scoring
from engine.service.records import create_record, update_record
from engine.service.rulesets import publish
from engine.service.sign_ins import person_for

SIGNER = signer_of("00" * 32)
TOKENS = [f"byl_{letter * 8}_{letter * 43}" for letter in "abcd"]
DISCOUNT = (ROOT / "rules" / "decision" / "discount-approval@1.yaml").read_bytes()
MAPPING = (ROOT / "tests" / "cases" / "importing" / "mappings" / "right.yaml").read_bytes()
FILES = {"people.csv": b"name,team\nAnn,North\nBen,\n", "deals.csv": b"id,owner,value\n1,Ann,5.10\n4,Ben,7.00\n"}
NEW, CHANGES = {"name": "New", "stage": "Engaging"}, {"next_step": "call"}
PROVED = VerifiedIdentity("https://id.test", "s9", "field@x.test")
WRITES = ("INSERT", "UPDATE", "DELETE", "COMMIT")


def counts_once(ports: Ports) -> None:
    """A creating request, as it is answered: its key is claimed, the work done, the answer kept."""
    rep = as_person(ports, "rep")
    claimed = idempotency.claim(ports, rep, "k1", "f1")
    if isinstance(claimed, idempotency.Claim):
        with suppress(BylawError):  # created before, by the attempt that died
            create_record(ports, rep, "deal", {"name": "Once", "stage": "Prospecting"}, f"deal-{claimed.new_id}")
        idempotency.settle(ports, claimed, idempotency.Answer(201, "{}", {}), NOW)


def given_back(ports: Ports) -> None:
    """A creating request that is refused gives its key back."""
    claimed = idempotency.claim(ports, as_person(ports, "rep"), "k2", "f2")
    assert isinstance(claimed, idempotency.Claim)
    idempotency.release(ports, claimed)


def tried(ports: Ports) -> None:
    """A refused change, which leaves its entry."""
    with suppress(BylawError):
        update_record(ports, as_person(ports, "rep"), "deal", "d1", {"stage": "Won"}, revision=1)


def noted(ports: Ports) -> None:
    """A sign-in's entry."""
    record_attempt(
        ports, at=NOW, action="session.begin", outcome="accepted", channel="console", request_id="r",
        subject=("session", "rep"), actor=as_person(ports, "rep").actor,
    )  # fmt: skip


def waiting(ports: Ports, kind: str, who: str = "analyst") -> str:
    """The job of this kind that somebody started before."""
    return next(job.id for job in ports.store.scan("job", Compare("kind", "=", kind)) if job["actor_id"] == who)


USE_CASES: dict[str, Callable[[Ports], object]] = {
    "a new record": lambda ports: create_record(ports, as_person(ports, "rep"), "deal", NEW),
    "a change": lambda ports: update_record(ports, as_person(ports, "rep"), "deal", "d1", CHANGES, revision=1),
    "a refused change": tried,
    "a request that counts once": counts_once,
    "a key that is given back": given_back,
    "a kept decision": lambda ports: evaluate(
        ports, as_person(ports, "rep"), "lead-priority/inbound", {"employees": 3}, at=NOW, as_of=NOW, record=True
    ),
    "a scored lead": lambda ports: score_lead(ports, as_person(ports, "rep"), "l1", revision=1),
    "a settled conflict": lambda ports: resolve_conflict(ports, as_person(ports, "field"), "c-981", revision=1),
    "a published version": lambda ports: publish(ports, as_person(ports, "analyst"), DISCOUNT, "discount"),
    "a started job": lambda ports: start_scoring(ports, as_person(ports, "analyst")),
    "a cancelled job": lambda ports: cancel_job(ports, as_person(ports, "analyst"), waiting(ports, "score-leads")),
    "messages that are delivered": deliver_pending,
    "abandoned jobs": lambda ports: recover_abandoned(ports, now=NOW + timedelta(hours=1)),
    "a scoring run": lambda ports: run_job(ports, waiting(ports, "score-leads"), clock=lambda: NOW, worker="w"),
    "an incentive run": lambda ports: run_job(ports, waiting(ports, "incentive-run"), clock=lambda: NOW, worker="w"),
    "a run that fails": lambda ports: run_job(
        ports, waiting(ports, "score-leads", "manager"), clock=lambda: NOW, worker="w"
    ),
    "an import": lambda ports: import_crm(ports, platform("sample"), FILES, MAPPING),
    "a sign-in": noted,
    "a first sign-in": lambda ports: person_for(ports, PROVED, NOW, "r"),
    "a linked account": lambda ports: link_identity(ports, as_person(ports, "admin"), "field", "https://id.test", "s1"),
    "an unlinked account": lambda ports: unlink_identity(ports, as_person(ports, "admin"), "other"),
    "a key": lambda ports: create_api_key(ports, as_person(ports, "admin"), "rep", "nightly", TOKENS[2]),
    "a rotated key": lambda ports: rotate_api_key(ports, as_person(ports, "rep"), "k-old", TOKENS[3]),
    "a revoked key": lambda ports: revoke_api_key(ports, as_person(ports, "rep"), "k-old"),
    "a used key": lambda ports: present_key(ports, TOKENS[0], NOW),
    "an erasure": lambda ports: erase_subject(ports, as_person(ports, "admin"), "person/other", "request 1"),
    "a checkpoint": lambda ports: take_checkpoint(ports, SIGNER, "acme", NOW),
}  # fmt: skip
"""Everything that writes, each as one use case does it."""

SEVERAL = {
    "a request that counts once": 3,  # the key is claimed, the work is done, the answer is kept
    "a key that is given back": 2,
    "messages that are delivered": 3,  # one for each
    "abandoned jobs": 3,  # the same
    "a scoring run": 3,  # the job is taken, its records are counted, one chunk is done
    "an incentive run": 3,  # the same with a chunk of payees
    "a run that fails": 2,
    "an import": 4,  # the organisation, the people, the deals, and the batch that tells of them
}
"""Use cases that are more than one transaction, each of which leaves what can be gone on from; all others are one."""

BY_NOBODY = {"transaction"}
"""Functions that open transactions and are no use cases: the rehearsal's store, which takes back what it opens."""


class Watched:
    """A store that tells after each transaction, and remembers which function began it."""

    def __init__(self, store: Store, committed: Callable[[], None]) -> None:
        self._store, self._committed = store, committed
        self.begun: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def transaction(self) -> Any:
        self.begun.add(sys._getframe(1).f_code.co_name)
        return self._transaction()

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        with self._store.transaction() as transaction:
            yield transaction
        self._committed()

    def mark_delivered(self, message_id: str) -> None:
        self._store.mark_delivered(message_id)
        self._committed()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with something for every use case."""
    path = tmp_path_factory.mktemp("prepared") / "bylaw.sqlite3"
    store = open_store(f"sqlite:///{path}")
    ports = make_world(shipped(*INBOUND), shipped(*COMMISSION), shipped(*DEAL_SYNC), store=store)
    won = {"stage": "Won", "amount": usd("100"), "closed_on": NOW.date() - timedelta(days=90)}
    people = staff()
    insert(ports, deal("d1", people["rep"]), deal("d2", people["rep"], **won), *deal_981(people["field"]))
    insert(ports, *(lead(f"l{number}", people["rep"], employees=9) for number in (1, 2)))
    create_api_key(ports, as_person(ports, "rep"), "rep", "old", TOKENS[0], key_id="k-old")
    start_scoring(ports, as_person(ports, "analyst"))
    start_run(ports, as_person(ports, "analyst"), "sales-commission", "2026-Q3")
    start_scoring(ports, as_person(ports, "manager"))
    with store.transaction() as transaction:
        for who, fields in {
            "manager": {"active": False},
            "field": {"email": "field@x.test"},
            "other": {"identity_issuer": "https://id.test", "identity_subject": "s2"},
        }.items():
            person = transaction.get("person", who, Always())
            transaction.update(person.with_fields(**fields))
    store.close()
    return path


def ports_over(path: Path) -> Ports:
    """Ports over a database; new ids are the same each time."""
    numbers = count(1)
    return replace(make_ports(open_store(f"sqlite:///{path}")), new_id=lambda: f"new{next(numbers):04d}")


def stored(store: Store) -> dict[tuple[str, ...], Any]:
    """Everything that is stored, without what is drawn by chance: an entry's salts, and the hashes over them."""
    found: dict[tuple[str, ...], Any] = {("outbox",): [message.id for message in store.pending_messages(1_000)]}
    for known in RECORD_TYPES:
        for record in store.scan(known.name, Always()):
            fields = dict(record.fields)
            if known.name in {"audit_entry", "checkpoint"}:
                for name in ("leaf_hash", "previous_hash", "personal", "sealed", "root", "frontier", "note"):
                    fields.pop(name, None)
            found[known.name, record.organisation_id, record.id] = (record.revision, fields)
    return found


def adds_up(ports: Ports) -> None:
    """The logs are whole: every entry's hash, the chain, the root and the checkpoints."""
    for organisation in ("acme", "sample"):
        found = check_log(ports, platform(organisation), SIGNER, is_signed_by)
        assert found.problem is None, found.problem


def copied(prepared: Path, folder: Path) -> Path:
    """A copy of the prepared database."""
    path = folder / "bylaw.sqlite3"
    for file in prepared.parent.glob(f"{prepared.name}*"):
        shutil.copy(file, folder / file.name)
    return path


def is_killed(path: Path, use_case: str, number: int) -> bool:
    """Whether a child process that runs the use case was killed before its n-th write."""
    child = os.fork()
    if child == 0:
        try:
            left, armed = number, False

            def killer(statement: str) -> None:
                nonlocal left
                if armed and statement.lstrip().upper().startswith(WRITES):
                    left -= 1
                    if not left:
                        os.kill(os.getpid(), signal.SIGKILL)

            opened = connections._open

            def traced(address: str) -> Any:
                connection = opened(address)
                connection.set_trace_callback(killer)
                return connection

            connections._open = traced
            ports = ports_over(path)
            armed = True
            USE_CASES[use_case](ports)
            os._exit(0)
        except BaseException as error:  # noqa: BLE001  # a child of the test's process must not go on as a test
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL), use_case
    return os.waitstatus_to_exitcode(status) != 0


def in_peace(path: Path, use_case: str) -> tuple[list[dict[tuple[str, ...], Any]], set[str]]:
    """What is stored before the use case and after each of its transactions, and the functions that began them."""
    ports = ports_over(path)
    plain, states = ports.store, [stored(ports.store)]
    watched = Watched(plain, lambda: states.append(stored(plain)))
    USE_CASES[use_case](replace(ports, store=watched))
    adds_up(ports)
    plain.close()
    return states, watched.begun


@pytest.mark.parametrize("use_case", USE_CASES)
def test_killed_before_any_write_a_use_case_leaves_whole_transactions(
    prepared: Path,
    tmp_path: Path,
    use_case: str,
    proved: Callable[[str, Mapping[str, int]], None],
    real: Callable[[str], None],
) -> None:
    """Killed before any of its writes a use case has committed some of its transactions, each wholly, and no more."""
    (tmp_path / "peace").mkdir()
    states, _ = in_peace(copied(prepared, tmp_path / "peace"), use_case)
    assert len(states) - 1 == SEVERAL.get(use_case, 1), "a change is one transaction"
    for number in count(1):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = copied(prepared, folder)
        killed = is_killed(path, use_case, number)
        ports = ports_over(path)
        assert stored(ports.store) in states
        with suppress(BylawError):  # done again: some use cases refuse that
            USE_CASES[use_case](ports)
        adds_up(ports)
        ports.store.close()
        if not killed:
            break
    proved("Killed between two writes", {"use cases": 1, "kills": number - 1})
    assert number > len(states) - 1, "each transaction has a write before which it can be killed"
    real("SQLite")


def test_every_use_case_that_writes_is_killed(prepared: Path, tmp_path: Path) -> None:
    """Every function of the use cases that opens a transaction is among those that were killed."""
    declared = {
        function.name
        for path in (ROOT / "engine" / "service").glob("*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        and any(
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "transaction"
            for node in ast.walk(function)
        )
    }
    begun: set[str] = set()
    for number, use_case in enumerate(USE_CASES):
        folder = tmp_path / str(number)
        folder.mkdir()
        begun |= in_peace(copied(prepared, folder), use_case)[1]
    assert declared - BY_NOBODY == begun
