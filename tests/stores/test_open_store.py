"""Addresses of databases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from adapters.stores import open_store
from adapters.stores.memory import MemoryStore
from adapters.stores.sqlite import SQLiteStore
from engine.predicate import Always
from engine.problems import InvalidError, UnavailableError
from engine.records import RECORD_TYPES


def test_each_address_opens_its_store(tmp_path: Path) -> None:
    """`memory:` and `sqlite:///path` open the store they name."""
    memory, sqlite = open_store("memory:"), open_store(f"sqlite:///{tmp_path}/records.db")
    assert (MemoryStore, SQLiteStore) == (type(memory), type(sqlite))
    memory.close()
    sqlite.close()
    with pytest.raises(UnavailableError):
        memory.ping()


@pytest.mark.parametrize("url", ["", "sqlite:", "sqlite:///", "sqlite://x", "mysql://ann:secret@host/x", "records.db"])
def test_other_addresses_are_refused_without_repeating_them(url: str) -> None:
    """Any other address is refused with the forms that there are; what may be a password is not repeated."""
    with pytest.raises(InvalidError) as refused:
        open_store(url)
    assert refused.value.code == "store.address"
    assert "secret" not in str(refused.value)
    assert "sqlite:///" in refused.value.problems[0].help


def test_only_the_named_driver_is_loaded() -> None:
    """Opening an embedded database loads no MongoDB driver."""
    script = (
        "import sys; from adapters.stores import open_store; open_store('memory:').ping();"
        "print(sorted({'pymongo', 'sqlite3', 'oso'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout == "[]\n"


def test_every_record_type_can_be_asked_for(tmp_path: Path) -> None:
    """Every record type has its table."""
    store = open_store(f"sqlite:///{tmp_path}/records.db")
    assert [0] * len(RECORD_TYPES) == [store.count(known.name, Always()) for known in RECORD_TYPES]
    store.close()
