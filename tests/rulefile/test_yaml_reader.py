"""The reader of rule files: a strict part of YAML, with places, within limits."""

from __future__ import annotations

import string
from decimal import Decimal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.problems import InvalidError
from engine.rulefile import yaml_reader
from engine.rulefile.nodes import NodeKind
from engine.rulefile.yaml_reader import MAX_BYTES, MAX_DEPTH, MAX_NODES, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("", None),
        ("0", Decimal(0)),
        ("-12", Decimal(-12)),
        ("1.10", Decimal("1.10")),
        ("1e3", Decimal(1000)),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("True", "True"),
        ("~", "~"),
        ("12:30", "12:30"),
        ("12:30:45", "12:30:45"),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        (".5", ".5"),
        ("5.", "5."),
        ("+5", "+5"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("2026-10-01", "2026-10-01"),
        ("'5'", "5"),
        ('"true"', "true"),
        ('"\\u00e9"', "é"),
    ],
)
def test_only_json_scalars_have_a_type(text: str, value: object) -> None:
    """Truth values, null and JSON's numbers are typed; everything else is the text it looks like."""
    found = read(f"field: {text}\n".encode())["field"].value
    assert value == found
    assert type(value) is type(found) or isinstance(found, Decimal)


def test_a_number_keeps_its_text() -> None:
    """A label such as 1.10 loses no zero where a text is wanted."""
    node = read(b"label: 1.10\n")["label"]
    assert node.text == "1.10"
    assert node.to_value().text == "1.10"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings_change_nothing(ending: str) -> None:
    """Files from every editor have the same values at the same places."""
    text = ending.join(["a: 1", "b:", "  - x: 'one", "    two'", "  - |", "    three", "    four", ""])
    node = read(text.encode())
    assert {"a": 1, "b": [{"x": "one two"}, "three\nfour\n"]} == node.to_value()
    assert node["b"].items[0]["x"].place.line == 3
    assert node["b"].items[1].line_columns[1] == (7, 5)


def test_a_byte_order_mark_is_passed_over() -> None:
    """Windows editors write one; columns are counted without it."""
    node = read(b"\xef\xbb\xbfa: 1\n")
    assert {"a": 1} == node.to_value()
    assert node["a"].key_place.column == 1


def test_paths_lead_to_values() -> None:
    """Each value knows its path, its line and its column."""
    node = read(b"groups:\n  - id: fit\n    rules:\n      - {id: a, when: x > 1}\n")
    when = node["groups"].items[0]["rules"].items[0]["when"]
    assert when.place.path == "$.groups[0].rules[0].when"
    assert (when.place.line, when.place.column, when.place.length) == (4, 23, 5)
    assert (when.key_place.line, when.key_place.column) == (4, 17)


@pytest.mark.parametrize(
    ("written", "part"),
    [
        ("when: abc XYZ def", "XYZ"),
        ("when: 'it''s XYZ'", "XYZ"),
        ('when: "a \\"q\\" \\u00e9 XYZ"', "XYZ"),
        ("when: >-\n  one\n  two XYZ\n", "XYZ"),
        ("when: |\n    one\n\n    two XYZ\n", "XYZ"),
        ("when: >-\n  one\n\n  two\n    XYZ\n", "XYZ"),
        ("when: 'one\n\n\n  two XYZ'", "XYZ"),
        ("when: one\n  two\n  XYZ", "XYZ"),
        ('when: "one \\\n  two XYZ"', "XYZ"),
        ("when:   |2\n    one\n  XYZ\n", "XYZ"),
    ],
)
def test_a_part_of_a_text_is_found_in_the_file(written: str, part: str) -> None:
    """However a text is quoted, folded or escaped, the place of a part of it is the true one."""
    node = read(written.encode())["when"]
    row = next(index for index, line in enumerate(node.text.split("\n")) if part in line)
    line, column = node.line_columns[row]
    naive = type(node.place)("", line, column + node.text.split("\n")[row].index(part), len(part))
    lines = written.splitlines()
    expected_line = next(index for index, text in enumerate(lines, start=1) if part in text)
    exact = node.exact_place(naive)
    assert (expected_line, lines[expected_line - 1].index(part) + 1, 3) == (exact.line, exact.column, exact.length)


@given(
    st.lists(st.text(string.ascii_letters + " '\"\\:#é", min_size=1, max_size=12), min_size=1, max_size=4),
    st.sampled_from(["'", '"', "|", ">"]),
)
def test_every_character_has_its_place(lines: list[str], style: str) -> None:
    """For any text in any style, every letter of the value stands at the place that is told for it."""
    text = "\n".join(lines)
    written = yaml.safe_dump({"when": text}, default_style=style, allow_unicode=True, width=20)
    node = read(written.encode())["when"]
    assert text == node.text
    source = written.split("\n")
    for character, (line, column) in zip(node.text, node._characters(), strict=True):
        if character.isalpha() and character.isascii():
            assert source[line - 1][column - 1] == character


def test_a_file_of_five_megabytes_is_refused_by_its_size() -> None:
    """Size is looked at before anything is read."""
    with pytest.raises(InvalidError) as refused:
        read(b"a: " + b"x" * 5_000_000, "big.yaml")
    assert [problem.code for problem in refused.value.problems] == ["rules.too_large"]
    assert "5,000,003 bytes" in str(refused.value)


def test_a_file_within_the_limit_is_read() -> None:
    """The limit itself is allowed: a large honest file is no attack."""
    line = b"- {id: a, when: x}\n"
    text = line * (MAX_NODES // 6)
    assert len(text) < MAX_BYTES
    assert len(text) // len(line) == len(read(text).items)


def test_too_many_values_are_refused() -> None:
    """The number of values is capped as well as the bytes."""
    with pytest.raises(InvalidError) as refused:
        read(b"[" + b"1," * MAX_NODES + b"1]")
    assert refused.value.code == "rules.too_large"


@pytest.mark.parametrize("text", ["[" * 500_000, "{a: " * 100_000, "- " * 300_000, "? " * 300_000])
def test_deep_nesting_is_refused_without_exhausting_the_stack(text: str) -> None:
    """Nesting is counted while reading, so no depth can bring the process down."""
    with pytest.raises(InvalidError) as refused:
        read(text.encode())
    assert refused.value.code in {"rules.too_deep", "rules.composite_key", "rules.syntax"}


def test_the_deepest_allowed_nesting_is_read() -> None:
    """The limit itself is allowed."""
    assert read(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH).kind is NodeKind.LIST


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    """Aliases are refused where they stand; nothing is ever copied."""
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
    )
    with pytest.raises(InvalidError) as refused:
        read(bomb.encode())
    assert {problem.code for problem in refused.value.problems} == {"rules.alias"}


def test_problems_of_one_stage_come_together() -> None:
    """An author sees all duplicate keys, tags and aliases of a file at once, in order."""
    with pytest.raises(InvalidError) as refused:
        read(b"a: 1\na: 2\nb: !x y\nc: &d e\n", "f.yaml")
    assert [("rules.duplicate_key", 2), ("rules.tag", 3), ("rules.alias", 4)] == [
        (problem.code, problem.place.line) for problem in refused.value.problems
    ]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    """Whatever the bytes are, there is a tree or a problem, never another error."""
    try:
        read(text)
    except InvalidError as error:
        assert all(problem.code.startswith("rules.") for problem in error.problems)


@given(st.text(alphabet="ab:-[]{}?,'\"|>&*!%#@\\ \n", max_size=120))
def test_any_yaml_like_text_is_read_or_refused(text: str) -> None:
    """The same for texts made of YAML's own characters."""
    try:
        read(text.encode())
    except InvalidError as error:
        assert all(problem.code.startswith("rules.") for problem in error.problems)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.text(
        string.printable.replace("\t", "").replace("\r", "").replace("\x0b", "").replace("\x0c", ""), max_size=20
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(string.ascii_letters, min_size=1, max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(values)
def test_what_json_writes_is_read_back(value: object) -> None:
    """YAML holds JSON: any JSON text within the limits is read to the same value."""
    import json

    assert value == read(json.dumps({"v": value}).encode())["v"].to_value()


@pytest.mark.parametrize("loader", [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)])
def test_both_parsers_agree(loader: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without the C library a file gives the same values at the same places."""
    monkeypatch.setattr(yaml_reader, "_Loader", loader)
    node = read("a: é 'x'\nb:\n  - c: \"d\\n\"\n    e: >\n      f\n      g\n".encode())
    assert {"a": "é 'x'", "b": [{"c": "d\n", "e": "f g\n"}]} == node.to_value()
    assert ((4, 8), (5, 7)) == (
        (node["b"].items[0]["e"].place.line, node["b"].items[0]["e"].place.column),
        node["b"].items[0]["e"].line_columns[0],
    )
    with pytest.raises(InvalidError) as refused:
        read(b"a: 1\nb: [1, 2\nc: 3\n")
    assert ("rules.syntax", 3) == (refused.value.code, refused.value.problems[0].place.line)
