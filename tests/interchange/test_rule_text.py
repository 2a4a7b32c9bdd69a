"""A rule file as values, and back as text."""

from __future__ import annotations

from dataclasses import replace

import pytest
from generated import ROOT, SCHEMAS, documents, loaded
from hypothesis import given, settings

from engine.interchange.document import document_of
from engine.interchange.rule_text import rule_text, scalar
from engine.kinds import load
from engine.rulefile import yaml_reader


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


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "5",
        "true",
        "null",
        "no",
        "12:30",
        "a: b",
        "a #b",
        "it's",
        '"',
        "\\",
        "\n",
        "\r",
        "\u202e",
        "\x07",
        "- a",
        "[a",
        "-",
        "2026-01-01",
        "ü☃",
        "\t",
    ],
)
def test_every_text_is_written_so_that_it_is_read_as_itself(text: str) -> None:
    """Whatever a text looks like to YAML, within its scalar it is that text."""
    node = yaml_reader.read(f"a: {{b: {scalar(text)}}}\nc: {scalar(text)}\n".encode())
    assert [text, text] == [node["a"]["b"].value, node["c"].value]
