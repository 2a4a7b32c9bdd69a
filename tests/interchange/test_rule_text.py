"""A rule file as values, and back as text."""

from __future__ import annotations

from dataclasses import replace

from generated import ROOT, SCHEMAS, documents, loaded
from hypothesis import given, settings

from engine.interchange.document import document_of
from engine.interchange.rule_text import rule_text
from engine.kinds import load


@settings(max_examples=60)
@given(documents())
def test_a_document_survives_as_text(document) -> None:
    """What is written is read back to the same document, and written to the same text again."""
    found = document_of(loaded(document))
    assert rule_text(document) == rule_text(found)
    assert replace(document, tests=()) == replace(found, tests=())


def test_the_shipped_tables_mean_the_same_in_our_layout() -> None:
    """Shipped files, with rows within or beside them, written anew describe and test themselves as before."""
    for file in sorted((ROOT / "rules" / "decision").glob("*.yaml")):
        beside = {path.name: path.read_bytes() for path in file.parent.glob("*.csv")}
        before = load(file.read_bytes(), source=file.name, schemas=SCHEMAS, beside=beside)
        after = load(rule_text(document_of(before)).encode(), source=file.name, schemas=SCHEMAS)
        assert (before.describe(), before.tests[0].name) == (after.describe(), after.tests[0].name)
        assert [result.passed for result in before.run_tests()] == [result.passed for result in after.run_tests()]
        assert document_of(before).note == document_of(after).note != ""
