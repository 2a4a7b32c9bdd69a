from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.importing.mapping import InTurn, OwnedBy, read_mapping
from engine.problems import InvalidError
from engine.rulefile import SchemaSource

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "cases" / "importing" / "mappings"
SHIPPED = ROOT / "schemas" / "mappings"


RIGHT = (CASES / "right.yaml").read_text()
SCHEMAS = SchemaSource({"mapping.schema.json": (ROOT / "schemas" / "mapping.schema.json").read_text()})


@pytest.fixture(scope="module")
def schemas():
    return SCHEMAS


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_mistake_in_a_mapping_is_told_at_its_place(path, schemas):
    """Each case file has one mistake; its last line says which code stands at which line and column."""
    data = path.read_bytes()
    last = data.decode().splitlines()[-1]
    if not last.startswith("# expect: "):
        assert "sample" == read_mapping(data, path.name, schemas).name
        return
    with pytest.raises(InvalidError) as error:
        read_mapping(data, path.name, schemas)
    found = [f"# expect: {one.code} {one.place.line}:{one.place.column}" for one in error.value.problems]
    assert [last] == found
    assert all(one.excerpt for one in error.value.problems)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_mappings_are_right(path, schemas):
    """Every shipped mapping reads without a problem and is called what its file is called."""
    mapping = read_mapping(path.read_bytes(), path.name, schemas)
    assert path.stem == mapping.name
    owners = [part.owner for part in mapping.parts if part.owner is not None]
    assert owners
    assert all(isinstance(owner, OwnedBy | InTurn) for owner in owners)


def test_what_sales_writes_after_contact_is_no_fact(schemas):
    """The leads' mapping reads no column that is written after contact: a score of new leads must not know it."""
    mapping = read_mapping((SHIPPED / "xeducation-leads.yaml").read_bytes(), "x", schemas)
    unused = {column.name for column in mapping.files[0].columns if not column.used}
    assert {"Tags", "Lead Quality", "Lead Profile", "Last Notable Activity"} == unused


@given(st.integers(0, len(RIGHT) - 1), st.integers(0, 12), st.text("abc{}:'\"[]-_ \n.0", max_size=6))
def test_a_damaged_mapping_is_read_or_refused(start, length, put):
    """Any few characters taken out and others put in give a mapping or problems, never another error."""
    data = (RIGHT[:start] + put + RIGHT[start + length :]).encode()
    try:
        read_mapping(data, "damaged.yaml", SCHEMAS)
    except InvalidError as error:
        assert all(one.place.line or one.place.source for one in error.problems)
