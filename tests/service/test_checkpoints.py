"""Signed checkpoints: what is signed, when, and that nothing is signed that the entries do not bear out."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from world import NOW, ORGANISATION, as_person, deal, insert, make_world, platform, staff

from adapters.signing import is_signed_by, signer_of
from adapters.stores import open_store
from engine.audit.merkle import root_of
from engine.audit.note import Checkpoint, Note, open_checkpoint, sign_checkpoint
from engine.ports import Ports, Store
from engine.predicate import Compare
from engine.problems import ConflictError, InvalidError, UnavailableError
from engine.records import Record
from engine.service.audit_check import check_log
from engine.service.audit_export import export_audit
from engine.service.auditing import UNPLACED, record_attempt
from engine.service.checkpoints import Rhythm, last_checkpoint, log_name, take_checkpoint, take_due_checkpoints
from engine.service.records import list_records, update_record

SIGNER = signer_of("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
"""The first secret key of RFC 8032, section 7.1."""
MINE = Compare("organisation_id", "=", ORGANISATION)


@pytest.fixture
def ports(store: Store) -> Ports:
    return prepared(make_world(store=store))


def prepared(ports: Ports) -> Ports:
    insert(ports, deal("d1", staff()["rep"]))
    return ports


def change(ports: Ports, times: int = 1) -> None:
    for _ in range(times):
        seen = ports.store.get("deal", "d1", MINE)
        step = {"next_step": f"step {seen.revision}"}
        update_record(ports, as_person(ports, "rep"), "deal", "d1", step, revision=seen.revision)


def test_the_key_is_that_of_the_standard() -> None:
    """A seed gives the public key that RFC 8032 gives for it, and its signatures check."""
    assert SIGNER.public.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert is_signed_by(SIGNER.public, b"", SIGNER.sign(b""))
    assert not is_signed_by(SIGNER.public, b"x", SIGNER.sign(b""))
    assert not is_signed_by(b"short", b"", SIGNER.sign(b""))


def test_a_checkpoint_commits_to_the_whole_log(ports: Ports) -> None:
    """A checkpoint names the log, its size and root, and is a note that the public key opens and no other."""
    change(ports, 3)
    made = take_checkpoint(ports, SIGNER, ORGANISATION, NOW)
    assert made is not None
    opened = open_checkpoint(made["note"], SIGNER.key(ORGANISATION), is_signed_by)
    leaves = [bytes.fromhex(entry["leaf_hash"]) for entry in ports.store.scan("audit_entry", MINE)]
    assert (opened.origin, opened.size, opened.root) == ("bylaw.audit/acme", 3, root_of(leaves))
    assert (made["size"], made["root"]) == (3, root_of(leaves).hex())
    other = signer_of("00" * 32)
    with pytest.raises(InvalidError):
        open_checkpoint(made["note"], other.key(ORGANISATION), is_signed_by)
    with pytest.raises(InvalidError):
        Note.parse(made["note"].replace("\n3\n", "\n4\n")).check(SIGNER.key(ORGANISATION), is_signed_by)


def test_the_same_log_is_signed_once(ports: Ports) -> None:
    """Without a new entry the last checkpoint is given again; an empty log has none."""
    assert take_checkpoint(ports, SIGNER, ORGANISATION, NOW) is None
    change(ports)
    first = take_checkpoint(ports, SIGNER, ORGANISATION, NOW)
    again = take_checkpoint(ports, SIGNER, ORGANISATION, NOW + timedelta(days=1))
    assert first == again == last_checkpoint(ports, ORGANISATION)
    assert ports.store.count("checkpoint", MINE) == 1


def test_checkpoints_come_by_number_and_by_time(ports: Ports) -> None:
    """One is due after so many entries, or when the last is old and there is something new; not otherwise."""
    rhythm, hour = Rhythm(entries=5, age=timedelta(hours=1)), timedelta(hours=1)

    def sizes(after: timedelta) -> list[int]:
        return [made["size"] for made in take_due_checkpoints(ports, SIGNER, NOW + after, rhythm).checkpoints]

    assert sizes(hour) == []
    change(ports)
    assert sizes(hour) == [1]  # the first at once
    change(ports, 4)
    assert sizes(1.5 * hour) == []
    change(ports)
    assert sizes(1.5 * hour) == [6]
    assert sizes(9 * hour) == []
    change(ports)
    assert sizes(9 * hour) == [7]


def test_members_read_checkpoints(ports: Ports) -> None:
    """Everybody of the organisation may keep its checkpoints: whoever has one outside is a witness."""
    change(ports)
    take_checkpoint(ports, SIGNER, ORGANISATION, NOW)
    assert [1] == [one["size"] for one in list_records(ports, as_person(ports, "rep"), "checkpoint").records]


DAMAGED = ("", "[]", "null", "{}", '{"nodes":["' + "00" * 32 + '"],"size":4}', '{"nodes":[], "size":2}')


@pytest.mark.parametrize("frontier", DAMAGED)
def test_a_damaged_edge_is_told_and_nothing_is_signed(ports: Ports, frontier: str) -> None:
    """The tree's edge is kept beside a checkpoint to go on from: one that is not that of its root is told, by code."""
    change(ports, 2)
    head = ports.store.log_head(ORGANISATION)
    note = sign_checkpoint(
        Checkpoint(log_name(ORGANISATION), head.size, head.root), SIGNER.key(ORGANISATION), SIGNER.sign
    )
    fields = {"size": head.size, "root": head.root.hex(), "frontier": frontier, "note": note, "at": NOW}
    insert(ports, Record("checkpoint", "checkpoint-000000000002", ORGANISATION, fields))
    change(ports)
    with pytest.raises(UnavailableError) as refused:
        take_checkpoint(ports, SIGNER, ORGANISATION, NOW)
    assert refused.value.code == "audit.edge_damaged"
    found = check_log(ports, platform(), SIGNER, is_signed_by)
    assert found.problem is not None
    assert (found.problem.code, found.entries) == ("audit.edge_damaged", 2)
    with pytest.raises(UnavailableError):
        export_audit(ports, platform(), SIGNER)
    assert (ports.store.count("checkpoint", MINE), ports.store.log_head(ORGANISATION).size) == (1, 3)


def test_a_log_that_does_not_add_up_holds_up_no_other(tmp_path: Path) -> None:
    """Of several logs those that add up are signed, and what is wrong with another is told beside them."""
    file = tmp_path / "records.db"
    with closing(open_store(f"sqlite:///{file}")) as store:
        ports = prepared(make_world(store=store))
        change(ports)
        record_attempt(
            ports,
            at=NOW,
            action="sign_in",
            outcome="denied",
            channel="console",
            request_id="r",
            subject=("session", "x"),
            organisation_id=UNPLACED,
        )
        tamper(file, BROKEN["the head is unreadable"])
        taken = take_due_checkpoints(ports, SIGNER, NOW, Rhythm(entries=1, age=timedelta(hours=1)))
        assert [UNPLACED] == [made.organisation_id for made in taken.checkpoints]
        assert ["audit.edge_damaged"] == [problem.code for problem in taken.problems]


BROKEN = {
    "an entry was changed": "UPDATE audit_entry SET actor_id = 'eve' WHERE sequence = 3",
    "an entry is missing": "DELETE FROM audit_entry WHERE sequence = 3",
    "the last is missing": "DELETE FROM audit_entry WHERE sequence = 4",
    "a leaf was changed": "UPDATE audit_entry SET leaf_hash = '00' WHERE sequence = 3",
    "the head is unreadable": f"UPDATE audit_head SET frontier = 'x' WHERE organisation_id = '{ORGANISATION}'",
    "the head is of another log": 'UPDATE audit_head SET frontier = \'{"nodes":["' + "00" * 32 + '"],"size":4}\'',
}


def tamper(file: Path, statement: str) -> None:
    """What somebody does who has the file and takes the guards away."""
    with closing(sqlite3.connect(file)) as plain:
        for (name,) in plain.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            plain.execute(f'DROP TRIGGER "{name}"')
        plain.execute("DROP INDEX audit_entry_one_per_sequence")
        plain.execute(statement)
        plain.commit()


@pytest.mark.parametrize("name", BROKEN)
def test_a_log_that_does_not_add_up_is_not_signed(tmp_path: Path, name: str) -> None:
    """What was changed since the last checkpoint by a program that took the guards away is not vouched for."""
    file = tmp_path / "records.db"
    ports = prepared(make_world(store=open_store(f"sqlite:///{file}")))
    change(ports, 2)
    take_checkpoint(ports, SIGNER, ORGANISATION, NOW)
    change(ports, 2)
    tamper(file, BROKEN[name])
    with pytest.raises((ConflictError, UnavailableError)) as refused:
        take_checkpoint(ports, SIGNER, ORGANISATION, NOW)
    assert refused.value.code == ("audit.edge_damaged" if "unreadable" in name else "audit.broken")
    assert ports.store.count("checkpoint", MINE) == 1
    ports.store.close()
