"""The 318 files of nst/JSONTestSuite, each sent as the body of a real operation and read by the real parser."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from flask import Flask
from small_world import Api, as_person, value

EVALUATE = "/evaluate/lead-priority/inbound"
COUNTS = {"y": 95, "n": 188, "i": 35}

REFUSED_THOUGH_ALLOWED = {
    "y_object_duplicated_key.json": "json.duplicate_key",
    "y_object_duplicated_key_and_value.json": "json.duplicate_key",
}
"""A key that stands twice is legal JSON with two meanings: one of them would be chosen silently, so none is."""

EITHER = {
    "i_number_double_huge_neg_exp.json": "read",  # 123.456e-789 is a decimal, kept exactly
    "i_number_too_big_neg_int.json": "read",
    "i_number_too_big_pos_int.json": "read",
    "i_number_huge_exp.json": "json.number_too_long",
    "i_number_neg_int_huge_exp.json": "json.number_too_long",
    "i_number_pos_double_huge_exp.json": "json.number_too_long",
    "i_number_real_neg_overflow.json": "json.number_too_long",
    "i_number_real_pos_overflow.json": "json.number_too_long",
    "i_number_real_underflow.json": "json.number_too_long",
    "i_number_very_big_negative_int.json": "json.number_too_long",
    "i_structure_500_nested_arrays.json": "json.too_deep",
    "i_structure_UTF-8_BOM_empty_object.json": "json.malformed",
}
"""What is ours to choose. Every other file of these holds text that is no Unicode, which is refused as such."""


def corpus(shared: Path) -> list[Path]:
    """The files, counted by what the suite wants of a parser."""
    files = sorted((shared / "data" / "hostile" / "json").glob("*.json"))
    assert COUNTS == Counter(file.name[0] for file in files)
    return files


def sent(client: Api, file: Path) -> tuple[int, dict[str, Any]]:
    """Status and document of the answer to the file as a body."""
    answer = client.send("POST", EVALUATE, raw=file.read_bytes())
    return answer.status_code, value(answer)


def test_what_is_json_is_read(app_in_memory: Flask, shared: Path) -> None:
    """Each of the 95 valid texts reaches the reading of members, but for the two that name a key twice."""
    client = as_person(app_in_memory, "person-sales_rep")
    found = {file.name: sent(client, file) for file in corpus(shared) if file.name.startswith("y_")}
    refused = {name: told["code"] for name, (_, told) in found.items() if told["code"].startswith("json.")}
    assert REFUSED_THOUGH_ALLOWED == refused
    # They are JSON and no request: objects without the members asked for, or no objects at all.
    read = {(status, told["code"]) for name, (status, told) in found.items() if name not in refused}
    assert read <= {(422, "field.wrong_kind"), (422, "field.unknown"), (422, "field.missing")}


def test_what_is_no_json_is_refused_with_its_place(app_in_memory: Flask, shared: Path) -> None:
    """Each of the 188 invalid texts is refused with 400 and the line and column where it stops being JSON."""
    client = as_person(app_in_memory, "person-sales_rep")
    wrong = {}
    for file in corpus(shared):
        if not file.name.startswith("n_"):
            continue
        status, told = sent(client, file)
        first = told["problems"][0]
        if (status, told["code"].split(".")[0]) != (400, "json") or not (first.get("line") and first.get("column")):
            wrong[file.name] = told
    assert {} == wrong


def test_what_may_be_either_is_as_declared(app_in_memory: Flask, shared: Path) -> None:
    """Each of the 35 texts that a parser may read or refuse is treated as declared, and none fails the server."""
    client = as_person(app_in_memory, "person-sales_rep")
    found = {}
    for file in corpus(shared):
        if file.name.startswith("i_"):
            status, told = sent(client, file)
            assert status in {400, 422}, file.name
            found[file.name] = told["code"] if told["code"].startswith("json.") else "read"
    assert {name: EITHER.get(name, "json.encoding") for name in found} == found
