"""What only SQLite promises: a file, several processes, guards in the database, indexes, one sentence a failure."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest
from log_checks import entries_agree
from record_samples import NOW, draft, lead, of

from adapters.stores import open_store
from adapters.stores.sqlite import connections, open_sqlite
from adapters.wiring import Shipped, load_policies
from engine.caller import Actor
from engine.ports import Message, Sort
from engine.predicate import Always, both
from engine.problems import ConflictError, NotFoundError, UnavailableError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


def test_records_outlive_the_process(file: Path) -> None:
    """What was committed is there when the file is opened again, with the log going on where it stood."""
    with closing(open_sqlite(str(file))) as store, store.transaction() as transaction:
        written = transaction.insert(lead("org"))
        transaction.append_audit(draft("org"))
    with closing(open_sqlite(str(file))) as store:
        assert written == store.get("lead", "lead-0001", of("org"))
        with store.transaction() as transaction:
            assert transaction.append_audit(draft("org")) == 2


def test_a_new_database_is_its_owners(file: Path) -> None:
    """The database and its log files can be read and written by their owner only: they hold personal data."""
    with closing(open_sqlite(str(file))) as store:
        with store.transaction() as transaction:
            transaction.insert(lead("org"))
        modes = {path.name: path.stat().st_mode & 0o777 for path in file.parent.iterdir()}
    assert set(modes) >= {"records.db", "records.db-wal"}
    assert set(modes.values()) == {0o600}


TAMPERING = [
    "UPDATE audit_entry SET actor_id = 'eve'",
    "DELETE FROM audit_entry",
    "INSERT OR REPLACE INTO audit_entry SELECT * FROM audit_entry",
    "REPLACE INTO audit_entry SELECT * FROM audit_entry",
    "INSERT INTO audit_entry SELECT * FROM audit_entry WHERE true ON CONFLICT DO UPDATE SET actor_id = 'eve'",
    "UPDATE rule_version SET text = 'x'",
    "UPDATE audit_head SET last_sequence = 2",
    "UPDATE audit_head SET last_leaf = 'x', last_sequence = 4",
    "DELETE FROM audit_head",
    "REPLACE INTO audit_head SELECT * FROM audit_head",
    "INSERT INTO audit_head VALUES ('other', 7, '', 'x')",
    "DELETE FROM audit_key",
    "UPDATE audit_key SET wrapped = x'00'",
    "REPLACE INTO audit_key SELECT * FROM audit_key",
]


@pytest.fixture
def with_log(file: Path) -> Path:
    from engine.records import Record

    with closing(open_sqlite(str(file))) as store, store.transaction() as transaction:
        for _ in range(3):
            transaction.append_audit(draft("org"))
        transaction.insert(
            Record(
                "rule_version",
                "v1",
                "org",
                {
                    "rule_set": "a/b",
                    "kind": "a",
                    "title": "t",
                    "digest": "d",
                    "text": "t",
                    "version": 1,
                    "effective_from": NOW.date(),
                    "published_at": NOW,
                },
            )
        )
    return file


@pytest.mark.parametrize("statement", TAMPERING)
def test_the_database_refuses_changes_to_the_log(with_log: Path, statement: str) -> None:
    """Triggers refuse every statement that would change or remove an append-only row, on a plain connection too."""
    with closing(sqlite3.connect(with_log)) as plain:
        plain.execute("PRAGMA recursive_triggers = ON")
        before = plain.execute("SELECT * FROM audit_entry").fetchall()
        with pytest.raises(sqlite3.IntegrityError):
            plain.execute(statement)
        plain.rollback()
        assert before == plain.execute("SELECT * FROM audit_entry").fetchall()


OUT_OF_ORDER = {
    "back-dated": {"sequence": "0"},
    "doubled": {"sequence": "3"},
    "after a gap": {"sequence": "5", "previous_hash": "leaf_hash"},
    "below zero": {"sequence": "-1"},
    "without a number": {"sequence": "NULL"},
    "not following on the last": {"sequence": "4", "previous_hash": "'00'"},
    "following on nothing": {"sequence": "4", "previous_hash": "NULL"},
    "without a leaf": {"sequence": "4", "previous_hash": "leaf_hash", "leaf_hash": "NULL"},
}


@pytest.mark.parametrize("own", [False, True], ids=["any program", "the program itself"])
@pytest.mark.parametrize("values", OUT_OF_ORDER.values(), ids=OUT_OF_ORDER.keys())
def test_the_database_refuses_entries_out_of_order(with_log: Path, values: dict[str, str], own: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """An entry that is back-dated, doubled, after a gap or not linked to the last is refused by the database itself."""
    with closing(open_sqlite(str(with_log))) as store, closing(sqlite3.connect(with_log)) as plain:
        columns = [row[1] for row in plain.execute("PRAGMA table_info(audit_entry)")]
        wanted = ", ".join({"id": "'forged'", **values}.get(column, f'"{column}"') for column in columns)
        statement = f"INSERT INTO audit_entry SELECT {wanted} FROM audit_entry WHERE sequence = 3"
        if own:
            with pytest.raises(ConflictError), store._connections.lent() as connection:
                connection.execute(statement)
        else:
            with pytest.raises(sqlite3.IntegrityError):
                plain.execute(statement)
        assert store.count("audit_entry", of("org")) == 3


@pytest.mark.parametrize(
    "statement",
    [
        *TAMPERING,
        "DROP TRIGGER audit_entry_no_update",
        "DROP TRIGGER audit_entry_in_order",
        "DROP TABLE audit_key",
        "CREATE TRIGGER audit_entry_mine INSTEAD OF INSERT ON audit_entry BEGIN SELECT 1; END",
        "CREATE TEMP TABLE audit_entry (id TEXT)",
        "UPDATE sqlite_schema SET sql = '' WHERE name = 'audit_entry_no_update'",
        "ALTER TABLE audit_entry DROP COLUMN leaf_hash",
        "DETACH main",
        "DROP TABLE audit_entry",
        "ALTER TABLE audit_entry RENAME TO gone",
        "PRAGMA writable_schema = ON",
        "PRAGMA recursive_triggers = OFF",
        "ATTACH ':memory:' AS other",
    ],
)
def test_the_programs_own_connections_cannot_take_the_guards_away(with_log: Path, statement: str) -> None:
    """The program's connections may not touch the log, its triggers or the settings that make them work."""
    with closing(open_sqlite(str(with_log))) as store:
        with pytest.raises((sqlite3.DatabaseError, ConflictError)), store._connections.lent() as connection:
            connection.execute(statement)
        assert store.count("audit_entry", of("org")) == 3
        with store.transaction() as transaction:
            assert transaction.append_audit(draft("org")) == 4


FORCED = {
    "an update": "UPDATE audit_entry SET actor_id = 'eve' WHERE sequence = 2",
    "a deletion": "DELETE FROM audit_entry WHERE sequence = 2",
    "a truncation": "DELETE FROM audit_entry WHERE sequence = 3",
    "a value of the leaf": "UPDATE audit_entry SET leaf_hash = replace(leaf_hash, 'a', 'b') WHERE sequence = 2",
    "an exchange": "UPDATE audit_entry SET sequence = 5 - sequence WHERE sequence > 1",
}


@pytest.mark.parametrize("statement", FORCED.values(), ids=FORCED.keys())
def test_what_another_program_forces_is_evident(with_log: Path, statement: str) -> None:
    """A program that takes the guards away can change the file, but entries, leaves and head then disagree."""
    with closing(open_sqlite(str(with_log))) as store:
        assert entries_agree(store, "org") == 3
    with closing(sqlite3.connect(with_log)) as plain:
        for name in ("audit_entry_no_update", "audit_entry_no_delete"):
            plain.execute(f"DROP TRIGGER {name}")
        plain.execute("DROP INDEX audit_entry_one_per_sequence")
        plain.execute(statement)
        plain.commit()
    with closing(open_sqlite(str(with_log))) as store, pytest.raises(AssertionError):
        entries_agree(store, "org")


def test_a_destroyed_key_is_nowhere_in_the_file(file: Path) -> None:
    """Erasing overwrites the key: neither the database nor its write-ahead log holds a byte of it afterwards."""
    with closing(open_sqlite(str(file))) as store:
        for number in range(40):
            with store.transaction() as transaction:
                changes = {"name": {"before": None, "after": "Eve"}}
                transaction.append_audit(draft("org", f"lead-{number}", changes=changes))
        with store._connections.lent() as connection:
            ((wrapped,),) = connection.execute("SELECT wrapped FROM audit_key WHERE subject = 'lead/lead-7'")
        assert any(wrapped in path.read_bytes() for path in file.parent.iterdir())
        with store.transaction() as transaction:
            transaction.erase_subject("org", "lead/lead-7")
        assert not any(wrapped in path.read_bytes() for path in file.parent.iterdir())


def test_a_reader_that_keeps_erased_values_is_told_of(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While a reader holds the write-ahead log it cannot be emptied: the erasure holds, and the log tells it."""
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.05)
    with closing(open_sqlite(str(file))) as store:
        with store.transaction() as transaction:
            transaction.append_audit(draft("org", "lead-1", changes={"name": {"before": None, "after": "Eve"}}))
        with closing(sqlite3.connect(file, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM audit_entry").fetchone()
            with store.transaction() as transaction:
                transaction.erase_subject("org", "lead/lead-1")
            assert [f"a reader keeps the write-ahead log of {file}: it still holds what was erased"] == caplog.messages
        caplog.clear()
        store._connections.empty_log()
        assert [] == caplog.messages
        assert 0 == file.with_name(f"{file.name}-wal").stat().st_size


def test_what_was_overwritten_is_nowhere_in_the_file(file: Path) -> None:
    """A name in a long document that became short leaves nothing in the pages that are free now, after an erasure."""
    with closing(open_sqlite(str(file))) as store:
        with store.transaction() as transaction:
            held = transaction.insert(lead("org", facts={"notes": ["Ursula Le Guin"] * 2_000}))
            transaction.append_audit(draft("org"))
        assert any(b"Ursula" in path.read_bytes() for path in file.parent.iterdir())
        with store.transaction() as transaction:
            transaction.update(held.with_fields(facts={}))
            transaction.erase_subject("org", "lead/lead-0001")
        assert not any(b"Ursula" in path.read_bytes() for path in file.parent.iterdir())


# -- failures, one sentence each


def refusal(file: Path | str) -> UnavailableError:
    with pytest.raises(UnavailableError) as refused:
        open_sqlite(str(file)).close()
    assert "\n" not in str(refused.value)
    return refused.value


def test_a_newer_format_is_refused(file: Path) -> None:
    """A database that a newer version wrote is refused with a sentence, and left as it is."""
    open_sqlite(str(file)).close()
    with closing(sqlite3.connect(file)) as plain:
        plain.execute("PRAGMA user_version = 99")
    assert refusal(file).code == "store.newer_schema"
    with closing(sqlite3.connect(file)) as plain:
        assert plain.execute("PRAGMA user_version").fetchone() == (99,)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """A database in a directory that is not there cannot be created, and the sentence says which file."""
    error = refusal(tmp_path / "nowhere" / "records.db")
    assert error.code == "store.not_writable"
    assert "`records.db`" in str(error)


def test_a_file_that_is_no_database_is_refused(file: Path) -> None:
    """A file of another kind is refused and not overwritten."""
    file.write_text("name,amount\n" * 1000)
    assert refusal(file).code == "store.damaged"
    assert file.read_text().startswith("name,amount")


NOBODY = 65534


def test_a_file_without_permission_is_refused() -> None:
    """A database in a folder where this user may only read can neither be opened for writing nor created."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for known in ("present.db", "present.db-wal", "present.db-shm"):
            if known == "present.db":
                open_sqlite(str(folder / known)).close()
            if (folder / known).exists():
                (folder / known).chmod(0o444)
        folder.chmod(0o555)
        for known in ("present.db", "absent.db"):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    if os.geteuid() == 0:  # the superuser may write everywhere
                        os.setuid(NOBODY)
                    code = 0 if refusal(folder / known).code == "store.not_writable" else 2
                finally:
                    os._exit(code)
            assert os.waitpid(child, 0)[1] == 0, known
        folder.chmod(0o755)


def test_a_directory_in_the_files_place_is_refused(tmp_path: Path) -> None:
    """A directory where the database should be is said to be unusable."""
    assert refusal(tmp_path).code == "store.not_writable"


def test_a_full_disk_says_so_and_loses_nothing(file: Path) -> None:
    """When the disk is full the change fails with a sentence; what was committed before stays, and reading goes on."""
    with closing(open_sqlite(str(file))) as store:
        with store.transaction() as transaction:
            transaction.insert(lead("org"))
        with store._connections.lent() as connection:
            # SQLite's own limit on the file's size fails as a full disk does.
            connection.set_authorizer(None)
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(UnavailableError) as refused, store.transaction() as transaction:  # noqa: PT012  # one of many
            for number in range(2, 400):
                transaction.insert(lead("org", number, company="x" * 500))
        assert refused.value.code == "store.full"
        assert store.count("lead", Always()) == 1


def test_a_locked_database_says_so(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that waits too long for another process gives up with a sentence."""
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.05)
    with closing(open_sqlite(str(file))) as store, closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError) as refused, store.transaction():
            pass
        assert refused.value.code == "store.locked"
        other.execute("COMMIT")
        with store.transaction() as transaction:
            transaction.insert(lead("org"))


def test_a_closed_store_says_so(file: Path) -> None:
    """A closed store does not answer, and says so."""
    store = open_sqlite(str(file))
    store.close()
    with pytest.raises(UnavailableError):
        store.ping()


# -- schema


def test_fields_that_were_added_later_are_added_to_the_tables(file: Path) -> None:
    """A database of an earlier version gets the columns and indexes of fields added since, and keeps its records."""
    with closing(open_sqlite(str(file))) as store, store.transaction() as transaction:
        transaction.insert(lead("org"))
    with closing(sqlite3.connect(file)) as plain:
        about_bands = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql LIKE '%band%'"
        for (index,) in plain.execute(about_bands).fetchall():
            plain.execute(f"DROP INDEX {index}")
        plain.execute("ALTER TABLE lead DROP COLUMN band")
        plain.execute("DROP TABLE product")
        plain.execute("UPDATE store_facts SET value = 'earlier'")
        plain.commit()
    with closing(open_sqlite(str(file))) as store:
        found = store.get("lead", "lead-0001", of("org"))
        with store.transaction() as transaction:
            transaction.update(found.with_fields(band="A"))
        assert ["lead-0001"] == [one.id for one in store.find("lead", of("org"), sort=[Sort("band")]).records]
        assert store.count("product", Always()) == 0


def test_indexes_that_have_changed_are_made_anew(file: Path) -> None:
    """An earlier version's indexes become the present ones, superfluous ones go, and somebody else's stay."""
    query = "SELECT name, sql FROM sqlite_schema WHERE tbl_name = 'lead' AND type = 'index' AND sql > '' ORDER BY name"
    open_sqlite(str(file)).close()
    with closing(sqlite3.connect(file)) as plain:
        present = plain.execute(query).fetchall()
        plain.execute("DROP INDEX lead_by_score")
        plain.execute('CREATE INDEX "lead_by_score" ON "lead" ("organisation_id", "score", "id")')
        plain.execute('CREATE INDEX "lead_by_company" ON "lead" ("organisation_id", "company", "id")')
        plain.execute("CREATE INDEX of_their_own ON lead (company)")
        plain.execute("UPDATE store_facts SET value = 'earlier'")
        plain.commit()
    open_sqlite(str(file)).close()
    with closing(sqlite3.connect(file)) as plain:
        found = plain.execute(query).fetchall()
    assert [*present, ("of_their_own", "CREATE INDEX of_their_own ON lead (company)")] == found


# -- processes


def test_a_forked_process_opens_its_own_connections(file: Path) -> None:
    """A process that was forked uses the store beside its parent, as workers do."""
    with closing(open_sqlite(str(file))) as store:
        with store.transaction() as transaction:
            transaction.insert(lead("org", 1))
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with store.transaction() as transaction:
                    transaction.insert(lead("org", 2))
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        with store.transaction() as transaction:
            transaction.insert(lead("org", 3))
        assert store.count("lead", of("org")) == 3


def _append(path: str, times: int) -> None:
    with closing(open_sqlite(path)) as store:
        for _ in range(times):
            with store.transaction() as transaction:
                transaction.append_audit(draft("org"))


def test_several_processes_write_one_log(file: Path) -> None:
    """Processes that open a new database at once and append leave one log without gaps."""
    context = multiprocessing.get_context("spawn")
    children = [context.Process(target=_append, args=(str(file), 10)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    with closing(open_sqlite(str(file))) as store:
        assert entries_agree(store, "org") == 30


WRITER = """
import sys
sys.path[:0] = sys.argv[2:]
from log_checks import entries_agree
from record_samples import NOW, draft, lead
from adapters.stores.sqlite import open_sqlite
from engine.ports import Message
store = open_sqlite(sys.argv[1])
number = store.count("lead", __import__("engine.predicate").predicate.Always())
while True:
    number += 1
    with store.transaction() as transaction:
        transaction.insert(lead("org", number))
        transaction.append_audit(draft("org", f"lead-{number:04d}"))
        transaction.enqueue(Message(f"message-{number}", "org", "job", {}, NOW))
        print("middle", number, flush=True)
    print("committed", number, flush=True)
"""


@pytest.mark.parametrize("word", ["middle", "committed"])
def test_a_killed_writer_leaves_everything_or_nothing(file: Path, word: str) -> None:
    """A writer killed at any moment leaves record, audit entry and outbox row together or not at all."""
    acknowledged = 0
    for stop_after in (3, 7):
        command = [sys.executable, "-c", WRITER, str(file), str(ROOT), str(Path(__file__).parent)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for line in writer.stdout:
                said, number = line.split()
                if said == "committed":
                    acknowledged = int(number)
                if said == word and int(number) >= stop_after:
                    writer.send_signal(signal.SIGKILL)
                    break
            rest = writer.stdout.read()
        acknowledged = max([acknowledged, *(int(line.split()[1]) for line in rest.splitlines() if "committed" in line)])
        with closing(open_sqlite(str(file))) as store:
            leads = [record.id for record in store.scan("lead", of("org"))]
            entries = list(store.scan("audit_entry", of("org")))
            messages = {one.id for one in store.pending_messages(10_000)}
        assert len(leads) >= acknowledged
        assert leads == [entry["record_id"] for entry in entries]
        assert list(range(1, len(leads) + 1)) == [entry["sequence"] for entry in entries]
        assert messages == {f"message-{number}" for number in range(1, len(leads) + 1)}


# -- indexes


@pytest.fixture(scope="module")
def many_leads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from decimal import Decimal

    file = tmp_path_factory.mktemp("many") / "records.db"
    with closing(open_sqlite(str(file))) as store, store.transaction() as transaction:
        for number in range(10_000):
            branch = number % 3
            place = {
                "region_id": "north",
                "branch_id": f"branch-{branch}",
                "team_id": f"team-{branch}-{number % 2}",
                "owner_id": f"person-{number % 60}",
                "territory_id": f"t{number % 4}",
            }
            score = Decimal(number % 101) if number % 10 else None
            transaction.insert(lead("org", number, score=score, band="ABC"[number % 3], **place))
    return file


ASKED = {
    "by score": [Sort("score", descending=True)],
    "by band and score": [Sort("band"), Sort("score", descending=True)],
    "by id": [],
}


@pytest.mark.parametrize("sort", ASKED.values(), ids=ASKED.keys())
@pytest.mark.parametrize("role", ["sales_rep", "sales_manager", "revops_analyst", "service"])
def test_lists_of_ten_thousand_leads_use_indexes(many_leads: Path, role: str, sort: list[Sort]) -> None:
    """With the real policies' predicates, pages, counts and tallies search an index; none reads the whole table."""
    policies = load_policies(Shipped.find())
    actor = Actor("person-7", "Ann", role, "org", "north", "branch-1", "team-1-1", ("t3", "t1"))
    predicate = policies.predicate(actor, "read", "lead")
    asked: list[str] = []
    with closing(open_store(f"sqlite:///{many_leads}")) as store:
        with store._connections.lent() as connection:
            connection.set_trace_callback(asked.append)
        page = store.find("lead", predicate, sort=sort, limit=50)
        while page.next_cursor is not None and len(asked) < 12:
            page = store.find("lead", predicate, sort=sort, limit=50, cursor=page.next_cursor)
        store.count("lead", predicate)
        store.tally("lead", "band", predicate)
    questions = [text for text in asked if text.startswith("SELECT")]
    assert len(questions) >= 4
    with closing(sqlite3.connect(many_leads)) as plain:
        for text in questions:
            plan = [row[3] for row in plain.execute(f"EXPLAIN QUERY PLAN {text}")]
            assert any("INDEX" in step for step in plan), (text, plan)
            assert not any(step.startswith("SCAN") and "(subquery" not in step for step in plan), (text, plan)


def test_the_predicate_function_is_ours(file: Path) -> None:
    """Letter case is folded as Python folds it, not as SQLite does, which knows ASCII only."""
    from engine.predicate import StartsWith

    with closing(open_sqlite(str(file))) as store:
        with store.transaction() as transaction:
            transaction.insert(lead("org", 1, name="Ørsted"))
            transaction.enqueue(Message("m", "org", "job", {}, NOW))
        assert store.count("lead", both(of("org"), StartsWith("name", "øR"))) == 1
        with pytest.raises(NotFoundError):
            store.get("lead", "lead-0001", StartsWith("name", "o"))


def test_waiting_writers_do_not_fail_each_other(file: Path) -> None:
    """A writer waits for another process's short transaction instead of failing."""
    with closing(open_sqlite(str(file))) as store:
        script = (
            "import sqlite3, sys, time\n"
            "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
            "c.execute('BEGIN IMMEDIATE'); print('held', flush=True); time.sleep(0.5); c.execute('COMMIT')\n"
        )
        with subprocess.Popen([sys.executable, "-c", script, str(file)], stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            before = time.monotonic()
            with store.transaction() as transaction:
                transaction.insert(lead("org"))
            assert time.monotonic() > before
        assert store.count("lead", of("org")) == 1


# -- databases of format 1


@pytest.fixture
def format_1(file: Path) -> Path:
    with closing(sqlite3.connect(file)) as plain:
        plain.executescript((ROOT / "tests/cases/stores/format-1.sql").read_text())
    return file


def test_a_database_without_leaves_gets_them_when_it_is_opened(format_1: Path) -> None:
    """Entries of format 1 get leaves as they stood, one entry of each log says so, and no name stays in clear."""
    for _ in range(2):
        with closing(open_sqlite(str(format_1))) as store:
            assert (entries_agree(store, "org"), entries_agree(store, "other")) == (4, 2)
            entries = list(store.scan("audit_entry", of("org")))
            assert [entry["changes"]["name"]["after"] for entry in entries[:3]] == ["Eve 1", "Eve 2", "Eve 3"]
            assert {entry["actor_name"] for entry in entries} == {"Ann", "Bylaw"}
            assert (entries[3]["action"], entries[3]["changes"]["entries"]["after"]) == ("seal", 3)
            assert store.count("lead", of("org")) == 3
    with closing(sqlite3.connect(format_1)) as plain:
        kept = repr(plain.execute("SELECT * FROM audit_entry").fetchall())
        # Base64 has no space and no quotes: what is sealed cannot hold the names by chance.
        assert "Eve " not in kept
        assert not re.search("""['"]Ann['"]""", kept)
        with pytest.raises(sqlite3.IntegrityError):
            plain.execute("UPDATE audit_entry SET actor_id = 'eve'")
    with closing(open_sqlite(str(format_1))) as store, store.transaction() as transaction:
        assert transaction.append_audit(draft("org")) == 5


def test_a_database_of_format_1_with_a_gap_is_refused(format_1: Path) -> None:
    """A log that misses an entry is not made to look whole: the database is refused, and stays as it was."""
    with closing(sqlite3.connect(format_1)) as plain:
        plain.execute("DROP TRIGGER audit_entry_no_delete")
        plain.execute("DELETE FROM audit_entry WHERE organisation_id = 'org' AND sequence = 2")
        plain.commit()
    error = refusal(format_1)
    assert (error.code, str(error)) == ("store.damaged", "the audit log of `org` goes from entry 1 to 3")
    with closing(sqlite3.connect(format_1)) as plain:
        assert plain.execute("PRAGMA user_version").fetchone() == (1,)
