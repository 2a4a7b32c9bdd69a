"""Houses of one or two organisations whose every answer follows from what they hold and what was asked.

Ids, secrets, salts and instants are drawn from a seed, so that the same requests of the same people get the same bytes:
whatever differs between two houses is due to what else is in one of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from doors import Foreign, Knock
from flask import Flask
from small_world import NOW, ORG, UNLIMITED, Clock, settings, token_of, world
from werkzeug.test import TestResponse

from adapters.sessions import MemorySessions
from adapters.wiring import Texts, Wiring, build_in_memory, session_limits
from engine.predicate import Compare
from engine.records import Record
from engine.service.api_keys import digest_of_token
from engine.service.auditing import record_attempt
from engine.service.checkpoints import take_checkpoint
from engine.service.directory import person_key_of
from engine.service.jobs import deliver_pending, run_job
from webapp.app import create_app
from webapp.identity import PROVIDER

RIVAL = "a-rival"
"""The other organisation; it comes first wherever somebody forgets to ask for one of them."""
MARK = "Zephyrine"
"""Stands in every text of the other organisation, and nowhere else."""
_MARKED = ("name", "company", "email", "title", "account_name", "payee_name", "note", "record_name", "message")


class Chance:
    """What draws ids and secrets: the same after the same seed."""

    def __init__(self) -> None:
        self.begin("")

    def begin(self, seed: str) -> None:
        """Draw from this seed from now on; new ids carry it, so that those of two seeds never meet."""
        self.seed, self.number, self.random = seed, 0, random.Random(seed)

    def new_id(self) -> str:
        self.number += 1
        return f"{self.seed or 'x'}{self.number:06d}"

    def text(self, size: int = 32) -> str:
        return f"{self.random.getrandbits(size * 8):0{size * 2}x}"[: size * 4 // 3 + 1]

    def one_of(self, texts: str) -> str:
        return self.random.choice(texts)

    def octets(self, size: int) -> bytes:
        return self.random.randbytes(size)


@dataclass
class House:
    """An application over a world, and what its people's requests are drawn with."""

    wiring: Wiring
    app: Flask
    chance: Chance

    def knock(self, knock: Knock, token: str, session: str) -> TestResponse:
        """Send one request as the person of this key and this session."""
        client = self.app.test_client()
        headers = {"X-Request-Id": "r-1", **knock.headers}
        data: Any = knock.body
        if knock.by_page:
            client.set_cookie("bylaw_session", session)
            found = self.wiring.sessions.read(session)
            if knock.form is not None:
                data = {**knock.form, "csrf_token": found.values["csrf"] if found else ""}
        else:
            headers["Authorization"] = f"Bearer {token}"
        return client.open(knock.path, method=knock.method, query_string=dict(knock.query), data=data, headers=headers)

    def begin_session(self, organisation: str, person: str) -> str:
        """A session as a provider's sign-in begins it: its id."""
        person_key = person_key_of(organisation, person)
        return self.wiring.sessions.begin({"csrf": self.chance.text(), "how": PROVIDER}, person_key=person_key).id

    def handle_of(self, session: str) -> str:
        """The name by which a session is ended."""
        found = self.wiring.sessions.read(session)
        assert found is not None
        return found.handle

    def work(self) -> None:
        """Do every job that waits."""
        deliver_pending(self.wiring.ports)
        while (message := self.wiring.ports.queue.take()) is not None:
            run_job(self.wiring.ports, message.payload["job_id"], clock=lambda: NOW, worker="w")

    def vouch(self, organisation: str) -> None:
        """A first entry in the organisation's log, and a checkpoint of it."""
        record_attempt(
            self.wiring.ports, at=NOW, action="session.begin", outcome="accepted", channel="console", request_id="r-0",
            subject=("session", "person-sales_rep"), organisation_id=organisation,
        )  # fmt: skip
        take_checkpoint(self.wiring.ports, self.wiring.signer, organisation, NOW)


@contextmanager
def house(home: Path, texts: Texts, records: Iterable[Record]) -> Iterator[House]:
    """A house that holds these records, on SQLite, without the sign-in by name.

    An organisation without anything lives there too: where there is only one, its log has what strangers tried.
    """
    chosen = settings(
        home, f"sqlite:///{home / 'bylaw.sqlite3'}", example_sign_in=False, rate_limits=UNLIMITED, audit_key="00" * 32
    )
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        chance = Chance()
        patch.setattr("adapters.sealing.os", SimpleNamespace(urandom=chance.octets))
        patch.setattr("secrets.token_urlsafe", chance.text)
        patch.setattr("secrets.token_hex", chance.text)
        patch.setattr("secrets.choice", chance.one_of)
        built = stack.enter_context(build_in_memory(chosen, texts=texts))
        wiring = replace(
            built,
            ports=replace(built.ports, new_id=chance.new_id),
            sessions=MemorySessions(session_limits(chosen), clock=NOW.timestamp),
        )
        with wiring.ports.store.transaction() as transaction:
            for record in (*records, Record("organisation", "org-z", "org-z", {"name": "Empty", "currency": "USD"})):
                transaction.insert(replace(record, revision=0))
        yield House(wiring, create_app(wiring, clock=Clock()), chance)


def ours(published: Iterable[Record]) -> list[Record]:
    """One organisation with something of every type."""
    small = [record for record in world() if record.organisation_id == ORG]
    owned = next(record for record in small if record.type == "account")
    place = {name: owned[name] for name in ("region_id", "branch_id", "team_id", "owner_id", "territory_id")}
    job = {
        "kind": "score-leads", "title": "Score leads", "state": "queued", "actor_id": "person-sales_rep",
        "parameters": {}, "message": "waits", "created_at": NOW, "done": 0,
    }  # fmt: skip
    decision = {
        "rule_set": "lead-priority/inbound", "digest": "0" * 64, "input_digest": "0" * 64, "subject_type": "lead",
        "subject_id": "lead-0", "version": 1, "at": NOW, "as_of": NOW, "decided_at": NOW, "document": {}, "facts": {},
    }  # fmt: skip
    paid = {
        "rule_set": "incentive-plan/sales-commission", "version": 1, "digest": "0" * 64, "release": "0" * 64,
        "at": "2026-10-01T00:00:00Z", "as_of": "2026-10-01T00:00:00Z", "input_digest": "0" * 64, "missing": [],
        "outcome": {"payout": "250.13", "credited": "5002.50", "excluded": "0.00", "currency": "USD"},
    }  # fmt: skip
    batch = {"source": "crm", "mapping": "m", "digest": "0" * 64, "counts": {}, "findings": [], "imported_at": NOW}
    return [
        *(record.with_fields(decision=paid) if record.type == "statement" else record for record in small),
        *published,
        *(Record("job", f"job-{number}", ORG, {**place, **job}) for number in (1, 2)),
        *(replace(record, id="conflict-2") for record in small if record.type == "conflict"),
        Record("decision", "decision-1", ORG, {**place, **decision}),
        Record("import_batch", "import-1", ORG, {**place, **batch}),
    ]


def marked(record: Record) -> Record:
    """The record with the mark in its texts."""
    return record.with_fields(**{name: f"{record[name]} {MARK}" for name in _MARKED if record[name]})


def token_in(organisation: str, name: str) -> str:
    """The text of a person's key: of another organisation it begins the same and goes on with another secret."""
    token = token_of(name)
    return token if organisation == ORG else f"{token[:13]}{digest_of_token(organisation + name)[:43]}"


def rivals(records: Iterable[Record]) -> list[Record]:
    """The same organisation once more, under the same ids and with more in it."""
    found = []
    for record in records:
        twin = marked(replace(record, organisation_id=RIVAL, id=RIVAL if record.type == "organisation" else record.id))
        if record.type == "api_key":
            token = token_in(RIVAL, record.id.removeprefix("key-"))
            twin = twin.with_fields(secret_digest=digest_of_token(token))
        found.append(twin)
    return [*found, *more_of(found)]


def more_of(records: Iterable[Record]) -> list[Record]:
    """One more record of each type, under an id that only this organisation has."""
    found: dict[str, Record] = {}
    for record in records:
        if record.type not in {"organisation", "rule_version", "api_key", *found}:
            period = {"period": "2026-Q2"} if record.type == "statement" else {}
            found[record.type] = replace(record, id=f"{record.id}-theirs").with_fields(**period)
    return list(found.values())


def foreign_of(records: Iterable[Record], session: str = "a-session-theirs") -> Foreign:
    """What the others alone have, as filters and ids."""
    ids = {record.type: record.id for record in records}
    ids |= {"audit-": "audit-000000000100", "checkpoint": "checkpoint-000000000100", "a-session": session}
    ids |= {"key-": "key-theirs", "check-in": ids["check_in"], "import": ids["import_batch"]}
    texts = {
        "owner_id": ids["person"], "actor_id": ids["person"], "person_id": ids["person"], "account_id": ids["account"],
        "record_id": ids["lead"], "subject_id": ids["lead"], "rule_set": "decision/greeting", "kind": "decision",
        "q": f"Lead 00 {MARK}", "company": f"Company 0 {MARK}", "product": f"Tea Chest {MARK}", "period": "2026-Q2",
        "request_id": "r-1", "team_id": "team-1", "branch_id": "branch-1",
    }  # fmt: skip
    return Foreign(ids, texts)


Answer = tuple[int, list[tuple[str, str]], bytes]


Knocks = Callable[[list[str]], Iterable[Knock]]
"""What somebody does, made of the handles of two spare sessions."""


@dataclass
class Visit:
    """What the people of an organisation were answered, knock by knock, and what they made."""

    answers: dict[tuple[str, int], tuple[Knock, Answer]] = field(default_factory=dict)

    def walk(self, door_of: House, organisation: str, role: str, knocks: Knocks, key: str = "") -> None:
        """Let one person knock everywhere."""
        person = f"person-{role}"
        session, *spare = (door_of.begin_session(organisation, person) for _ in range(3))
        for number, knock in enumerate(knocks([door_of.handle_of(one) for one in spare])):
            answer = door_of.knock(knock, token_in(organisation, person), session)
            told = (answer.status_code, sorted(answer.headers.items()), answer.get_data())
            self.answers[key + role, number] = (knock, told)

    @property
    def made(self) -> tuple[str, ...]:
        """The addresses of what they made."""
        found = [dict(headers).get("Location", "") for _, (_, headers, _) in self.answers.values()]
        return tuple(dict.fromkeys(one.partition("?")[0] for one in found if one.startswith(("/api/", "/jobs/"))))


def stored_of(wiring: Wiring, organisation: str) -> Mapping[tuple[str, str], Record]:
    """Everything that is stored of an organisation."""
    from engine.records import RECORD_TYPES

    mine = Compare("organisation_id", "=", organisation)
    return {
        (known.name, record.id): record
        for known in RECORD_TYPES
        for record in wiring.ports.store.scan(known.name, mine)
    }
