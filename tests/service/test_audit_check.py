"""The log where it is kept: whatever is done to the database behind the product's back is found and named."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from world import NOW, ORGANISATION, as_person, deal, insert, lead, make_ports, make_world, platform, staff

from adapters.signing import is_signed_by, signer_of
from adapters.stores import open_store
from engine.audit.leaf import leaf_bytes
from engine.audit.merkle import Frontier, leaf_hash
from engine.ports import Ports
from engine.predicate import Compare
from engine.problems import ConflictError, DeniedError, InvalidError
from engine.service.audit_check import LogCheck, check_log
from engine.service.audit_export import export_audit
from engine.service.checkpoints import take_checkpoint
from engine.service.erasure import erase_subject
from engine.service.records import update_record

SIGNER = signer_of("01" * 32)
MINE = Compare("organisation_id", "=", ORGANISATION)
ENTRIES = 12


def write_log(ports: Ports) -> None:
    """Twelve entries, with checkpoints at 4 and 8."""
    insert(ports, deal("d-rep", staff()["rep"]), lead("lead-1", staff()["rep"]))
    for number in range(ENTRIES):
        kind, record_id = ("deal", "d-rep") if number % 2 else ("lead", "lead-1")
        seen = ports.store.get(kind, record_id, MINE)
        changes = {"next_step": f"step {number}"} if number % 2 else {"name": f"Eve {number}"}
        caller = as_person(ports, "rep", NOW + timedelta(minutes=number))
        update_record(ports, caller, kind, record_id, changes, revision=seen.revision)
        if number in {3, 7}:
            take_checkpoint(ports, SIGNER, ORGANISATION, NOW)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the log, closed."""
    file = tmp_path_factory.mktemp("log") / "records.db"
    with closing(open_store(f"sqlite:///{file}")) as store:
        write_log(make_world(store=store))
    return file


@pytest.fixture
def file(written: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copy(written, tmp_path / "records.db"))


def raw(file: Path, *statements: str) -> int:
    """What somebody does who has the file and knows SQL: no guard stands in the way. How many rows were changed."""
    with closing(sqlite3.connect(file)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f'DROP TRIGGER "{name}"')
        changed = sum(connection.execute(statement).rowcount for statement in statements)
        for _, sql in triggers:
            connection.execute(sql)
        connection.commit()
    return changed


def checked(file: Path) -> LogCheck:
    """What the check finds in the file."""
    with closing(open_store(f"sqlite:///{file}")) as store:
        return check_log(make_ports(store), platform(), SIGNER, is_signed_by)


def found(file: Path) -> tuple[str | None, int | None]:
    """Code and number."""
    check = checked(file)
    return (check.problem.code if check.problem else None), check.number


def test_a_log_that_nobody_touched(file: Path) -> None:
    """An untouched log is good, with its entries and checkpoints counted."""
    assert checked(file) == LogCheck(ENTRIES, 2)


NOT_LOGGED = {"revision", "actor_name"}
"""Columns that nobody reads: an entry is never written twice, and the name that is shown is the sealed one."""


def test_every_column_of_every_entry(file: Path, tmp_path: Path, counted: Callable[[str], None]) -> None:
    """Whatever column of whatever entry is changed, the check names the entry."""
    with closing(sqlite3.connect(file)) as connection:
        columns = [(row[1], row[2]) for row in connection.execute("PRAGMA table_info(audit_entry)")]
    tried = 0
    for name, kind in columns:
        other = "99" if kind == "INTEGER" else "'tampered'"
        for number, value in ((1, other), (ENTRIES, other), (6, "NULL")):
            copy = Path(shutil.copy(file, tmp_path / "copy.db"))
            where = f'sequence = {number} AND "{name}" IS NOT {value}'
            try:
                if not raw(copy, f'UPDATE audit_entry SET "{name}" = {value} WHERE {where}'):
                    continue
            except sqlite3.IntegrityError:  # the table itself does not take it
                continue
            code, named = found(copy)
            assert (code is None) == (name in NOT_LOGGED), (name, number, value)
            # Of two entries that do not follow on each other the earlier is named: the later one vouches for it.
            right = {None} if name in NOT_LOGGED else {number, *([number - 1] if name == "previous_hash" else [])}
            assert named in right, (name, number, value, code)
            tried += code is not None
    counted(f"{tried} values of a log in SQLite changed behind the product's back, all found")


@pytest.mark.parametrize("number", range(1, ENTRIES + 1))
def test_a_deleted_entry(file: Path, number: int) -> None:
    """An entry that was deleted is named, the last one too."""
    raw(file, f"DELETE FROM audit_entry WHERE sequence = {number}")
    assert ("audit.entry_missing", number) == found(file)


@pytest.mark.parametrize("kept", [0, 3, 5, 7, 11])
def test_a_log_that_was_cut_with_its_head(file: Path, kept: int) -> None:
    """Whoever cuts the log and its head too is found by a checkpoint beyond the cut, kept here or elsewhere."""
    leaves = _leaves(file)[:kept]
    frontier, last = Frontier().extend(leaves).to_text(), f"'{leaves[-1].hex()}'" if leaves else "NULL"
    raw(
        file,
        f"DELETE FROM audit_entry WHERE sequence > {kept}",
        f"UPDATE audit_head SET last_sequence = {kept}, frontier = '{frontier}', last_leaf = {last}",
    )
    assert (("audit.entry_missing", kept + 1) if kept < 8 else (None, None)) == found(file)


def _leaves(file: Path) -> list[bytes]:
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT leaf_hash FROM audit_entry ORDER BY sequence").fetchall()
    return [bytes.fromhex(leaf) for (leaf,) in rows]


def later(file: Path, *steps: str) -> str:
    """The log goes on by some entries, and a checkpoint is signed and kept elsewhere: its note."""
    with closing(open_store(f"sqlite:///{file}")) as store:
        ports = make_ports(store)
        for step in steps:
            seen = ports.store.get("deal", "d-rep", MINE)
            update_record(ports, as_person(ports, "rep"), "deal", "d-rep", {"next_step": step}, revision=seen.revision)
        made = take_checkpoint(ports, SIGNER, ORGANISATION, NOW)
        assert made is not None
        return str(made["note"])


def since(file: Path, note: str) -> tuple[str | None, int | None, int | None]:
    """What is found against a checkpoint that was kept: the code, and the entries that it can be."""
    with closing(open_store(f"sqlite:///{file}")) as store:
        found = check_log(make_ports(store), platform(), SIGNER, is_signed_by, since=note)
    return found.problem.code if found.problem else None, found.number, found.last


def exported_since(file: Path, note: str) -> str | None:
    """The code of what an export against it stops at."""
    with closing(open_store(f"sqlite:///{file}")) as store:
        try:
            export_audit(make_ports(store), platform(), SIGNER, since=note)
        except ConflictError as error:
            return error.code
    return None


def test_a_backup_that_was_restored(file: Path, tmp_path: Path) -> None:
    """An older state of the database agrees with itself; a later checkpoint, kept elsewhere, shows what is gone."""
    backup = Path(shutil.copy(file, tmp_path / "backup.db"))
    note = later(file, "a", "b", "c")
    assert (None, None, None) == since(file, note)
    assert exported_since(file, note) is None
    assert (None, None) == found(backup)
    assert ("audit.entry_missing", ENTRIES + 1, None) == since(backup, note)
    assert "audit.history_changed" == exported_since(backup, note)


def test_a_restored_backup_that_went_on(file: Path, tmp_path: Path) -> None:
    """What was logged in the place of lost entries is another history, and the kept checkpoint says from where."""
    backup = Path(shutil.copy(file, tmp_path / "backup.db"))
    note = later(file, "a", "b", "c")
    again = later(backup, "a", "other", "things", "follow")
    assert (None, None, None) == since(backup, again)
    assert ("audit.history_changed", 9, ENTRIES + 3) == since(backup, note)
    assert "audit.history_changed" == exported_since(backup, note)


def test_a_kept_text_that_is_no_checkpoint(file: Path) -> None:
    """Only what this key has signed for this log is believed: another text would accuse a good log."""
    note = later(file, "a")
    for text in ("", note.replace("acme", "other"), note.replace(f"\n{ENTRIES + 1}\n", "\n999\n")):
        with pytest.raises(InvalidError):
            since(file, text)


def test_an_entry_behind_the_end(file: Path) -> None:
    """An entry that was put behind the log's end is found before anybody reads it as one."""
    with closing(sqlite3.connect(file)) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(audit_entry)")]
    values = {"id": "'audit-000000000013'", "sequence": "13"}
    columns = ", ".join(f'"{name}"' for name in names)
    taken = ", ".join(values.get(name, f'"{name}"') for name in names)
    raw(file, f"INSERT INTO audit_entry ({columns}) SELECT {taken} FROM audit_entry WHERE sequence = {ENTRIES}")
    assert ("audit.entry_misplaced", 13) == found(file)


@pytest.mark.parametrize(("one", "other"), [(1, 2), (3, 9), (11, 12)])
def test_two_entries_that_changed_places(file: Path, one: int, other: int) -> None:
    """Two entries with each other's numbers are found at the first of the two."""
    moves = ((one, 1_000), (other, one), (1_000, other))
    raw(
        file,
        *(
            f"UPDATE audit_entry SET sequence = {to}, id = printf('audit-%012d', {to}) WHERE sequence = {at}"
            for at, to in moves
        ),
    )
    assert ("audit.entry_changed", one) == found(file)


@pytest.mark.parametrize("number", [1, 5, 6, 12])
def test_an_entry_that_was_rewritten_with_its_hash(file: Path, number: int) -> None:
    """Whoever changes an entry and its hash is found by the next entry, and at the log's end by its root."""
    _rewrite(file, number)
    code, named = found(file)
    assert (("audit.chain_broken", number) if number < ENTRIES else ("audit.history_changed", 9)) == (code, named)


def test_a_log_that_was_rewritten_with_all_its_hashes(file: Path) -> None:
    """Whoever rewrites an entry and all hashes after it is found by the next checkpoint, with where it can be."""
    _rewrite(file, 6, through=True)
    check = checked(file)
    assert check.problem is not None
    assert ("audit.history_changed", 5, 8) == (check.problem.code, check.number, check.last)


def _rewrite(file: Path, number: int, *, through: bool = False) -> None:
    """Entry by another actor, with its own hash made again; `through`: those of all after it and the head too."""
    raw(file, f"UPDATE audit_entry SET actor_id = 'mallory' WHERE sequence = {number}")
    for at in range(number, ENTRIES + 1 if through else number + 1):
        with closing(open_store(f"sqlite:///{file}")) as store:
            entry = next(one for one in store.scan("audit_entry", MINE) if one["sequence"] == at)
        leaf = leaf_hash(leaf_bytes(entry)).hex()
        raw(
            file,
            f"UPDATE audit_entry SET leaf_hash = '{leaf}' WHERE sequence = {at}",
            *([f"UPDATE audit_entry SET previous_hash = '{leaf}' WHERE sequence = {at + 1}"] if through else []),
        )
    if through:
        leaves = _leaves(file)
        frontier = Frontier().extend(leaves).to_text()
        raw(file, f"UPDATE audit_head SET frontier = '{frontier}', last_leaf = '{leaves[-1].hex()}'")


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE checkpoint SET root = replace(root, substr(root, 1, 4), '0000') WHERE size = 4", "audit.signature"),
        ("UPDATE checkpoint SET note = replace(note, 'acme', 'other') WHERE size = 4", "audit.signature"),
        ("UPDATE checkpoint SET note = '' WHERE size = 4", "audit.signature"),
        ("UPDATE checkpoint SET size = 5 WHERE size = 4", "audit.signature"),
        ("UPDATE audit_key SET wrapped = zeroblob(60)", "audit.personal_changed"),
        ("UPDATE checkpoint SET frontier = replace(frontier, '[', '') WHERE size = 4", "audit.edge_damaged"),
        ("UPDATE checkpoint SET frontier = '' WHERE size = 8", "audit.edge_damaged"),
        (
            "UPDATE checkpoint SET frontier = (SELECT frontier FROM checkpoint WHERE size = 4) WHERE size = 8",
            "audit.edge_damaged",
        ),
        ("UPDATE audit_head SET frontier = (SELECT frontier FROM checkpoint WHERE size = 8)", "audit.edge_damaged"),
        ("UPDATE audit_head SET frontier = 'nothing'", "audit.edge_damaged"),
        ("UPDATE audit_head SET last_sequence = 8", "audit.edge_damaged"),
        ("UPDATE audit_head SET last_leaf = NULL", "audit.edge_damaged"),
        (
            "UPDATE audit_head SET last_sequence = 8, frontier = (SELECT frontier FROM checkpoint WHERE size = 8)",
            "audit.entry_misplaced",
        ),
    ],
)
def test_what_stands_beside_the_entries(file: Path, statement: str, code: str) -> None:
    """Checkpoints, keys and the head are found too if they were changed."""
    raw(file, statement)
    assert code == found(file)[0]


def test_an_erased_lead(file: Path) -> None:
    """An erasure is no tampering: the log stays good, with an entry more."""
    with closing(open_store(f"sqlite:///{file}")) as store:
        ports = make_ports(store)
        erase_subject(ports, as_person(ports, "admin"), "lead/lead-1", "request 17")
    assert LogCheck(ENTRIES + 1, 2) == checked(file)


@pytest.mark.parametrize("scheme", ["memory", "mongodb"])
def test_other_stores(request: pytest.FixtureRequest, scheme: str) -> None:
    """The check reads every store alike."""
    url = "memory:" if scheme == "memory" else request.getfixturevalue("mongodb_url") + "_check"
    with closing(open_store(url)) as store:
        ports = make_world(store=store)
        write_log(ports)
        assert check_log(ports, platform(), SIGNER, is_signed_by) == LogCheck(ENTRIES, 2)
        assert check_log(ports, platform(), signer_of("02" * 32), is_signed_by) == LogCheck(ENTRIES, 2)


def test_an_empty_log() -> None:
    """A log without entries is good."""
    assert check_log(make_world(), platform(), SIGNER, is_signed_by) == LogCheck(0, 0)


def test_who_may_not_read_it_all() -> None:
    """Only who may read every entry can check them all."""
    ports = make_world()
    write_log(ports)
    insert(ports, deal("d-far", staff()["far"]))
    update_record(ports, as_person(ports, "far"), "deal", "d-far", {"next_step": "x"}, revision=1)
    with pytest.raises(DeniedError):
        check_log(ports, as_person(ports, "rep"), SIGNER, is_signed_by)
