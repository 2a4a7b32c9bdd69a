"""What is fuzzed: each target takes any bytes and either works, refuses them with problems of ours, or has a fault.

A target asserts what holds for every input: that two executors agree, that what was written reads back. It says nothing
about what an input should mean. `test_found_inputs.py` runs the inputs of faults that were found and repaired through
the same targets, without a fuzzer.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from engine import exact_json
from engine.dmn import load_model
from engine.dmn.json_values import to_json
from engine.feel import Expression, Field, Scope, YearMonthDuration, check, check_unary_tests, types
from engine.feel.standard import Environment, Session, compile_expression, compile_unary_tests
from engine.feel.standard.temporal import Date
from engine.feel.standard.text import literal
from engine.feel.values import Fault
from engine.importing.csv_text import ENCODINGS, read_csv
from engine.kinds import load
from engine.problems import InvalidError
from engine.rulefile import SchemaSource

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CASES = ROOT / "tests" / "cases"
AT = dt.datetime(2026, 11, 2, 20, 30, tzinfo=dt.UTC)
LIMITS = {"feel.step_limit", "feel.call_depth"}

_ITEM = types.ContextType({"kind": Field(types.STRING), "n": Field(types.NUMBER, optional=True)})
SCOPE = Scope(
    {
        "a": Field(types.NUMBER),
        "b": Field(types.NUMBER, optional=True),
        "s": Field(types.STRING),
        "t": Field(types.STRING, optional=True),
        "e": Field(types.STRING, optional=True, enum=("retail", "logistics", "software")),
        "p": Field(types.BOOLEAN),
        "q": Field(types.BOOLEAN, optional=True),
        "d": Field(types.DATE),
        "dt": Field(types.DATE_TIME, optional=True),
        "u": Field(types.YEARS_MONTHS_DURATION),
        "w": Field(types.DAYS_TIME_DURATION, optional=True),
        "xs": Field(types.ListType(types.NUMBER)),
        "items": Field(types.ListType(_ITEM)),
        "c": Field(types.ContextType({"n": Field(types.NUMBER), "m": Field(types.STRING, optional=True)})),
    }
)
RECORDS: tuple[dict[str, Any], ...] = (
    {
        "a": Decimal(2), "b": None, "s": "ab", "t": None, "e": None, "p": True, "q": None, "d": dt.date(2026, 1, 31),
        "dt": None, "u": YearMonthDuration(13), "w": None, "xs": [], "items": [], "c": {"n": Decimal(1), "m": None},
    },
    {
        "a": Decimal("-0.5"), "b": Decimal("1e6100"), "s": "", "t": "Ä😀", "e": "retail", "p": False, "q": True,
        "d": dt.date(9999, 12, 31), "dt": dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC), "u": YearMonthDuration(0),
        "w": dt.timedelta(days=-3, seconds=7), "xs": [Decimal(3), Decimal("0.10"), Decimal(0)],
        "items": [{"kind": "call", "n": None}, {"kind": "", "n": Decimal(4)}], "c": {"n": Decimal(0), "m": "x"},
    },
)  # fmt: skip
"""One record with everything absent that may be, one with everything there and near an edge."""

VARIABLES: dict[str, Any] = {
    "a": Decimal(2), "b": None, "s": "ab", "p": True, "d": Date(2026, 1, 31), "xs": (Decimal(3), Decimal(1)),
    "items": ({"kind": "call", "n": Decimal(4)},), "full name": "x", "?": Decimal(5),
}  # fmt: skip
"""What standard expressions may name."""


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode()


def _told(error: InvalidError, text: str) -> None:
    """Problems can be shown, and their places lie within the text."""
    lines = len(re.split("\r\n|\r|\n", text))
    for problem in error.problems:
        assert problem.message
        assert problem.render()
        assert problem.to_json()["code"] == problem.code
        assert problem.place.line <= lines + 1, f"line {problem.place.line} of {lines}"


def _outcome(compute: Callable[[], Any]) -> Any:
    try:
        return compute()
    except InvalidError as error:
        return error.problems


def _strict(read: Callable[[], Expression], again: Callable[[str], Expression], text: str) -> None:
    try:
        expression = read()
    except InvalidError as error:
        _told(error, text)
        return
    for record in RECORDS:
        facts = {**record, "?": record["a"]}
        by_tree = _outcome(lambda facts=facts: expression.interpret(facts, at=AT))
        by_code = _outcome(lambda facts=facts: expression.evaluate(facts, at=AT))
        assert type(by_tree) is type(by_code)
        if not callable(by_tree):
            assert by_tree == by_code
    written = expression.to_text()
    try:
        read_back = again(written)
    except InvalidError as error:
        # What is written may be longer than what was read, never anything else.
        assert {problem.code for problem in error.problems} <= {"feel.too_long"}, written
        return
    assert expression.tree == read_back.tree, written


def expression(data: bytes) -> None:
    """A strict expression: read, checked, computed by both executors, written and read back."""
    text = _text(data)
    _strict(lambda: check(text, SCOPE), lambda written: check(written, SCOPE), text)


def cell(data: bytes) -> None:
    """A strict table's cell over a column of numbers."""
    text = _text(data)
    field = Field(types.NUMBER, optional=True)
    _strict(
        lambda: check_unary_tests(text, field, SCOPE), lambda written: check_unary_tests(written, field, SCOPE), text
    )


def _standard(compiling: Callable[..., Any], data: bytes) -> None:
    text = _text(data)
    try:
        compiled = compiling(text, VARIABLES)
    except InvalidError as error:
        _told(error, text)
        return
    session = Session(AT)
    try:
        value = compiled.evaluate(Environment(VARIABLES, session))
        assert isinstance(literal(value), str)
    except Fault as fault:
        assert fault.code in LIMITS | {"feel.size_limit"}, fault.code  # both may happen


def standard(data: bytes) -> None:
    """An expression with the standard's null semantics."""
    _standard(compile_expression, data)


def standard_cell(data: bytes) -> None:
    """A table's cell with the standard's null semantics."""
    _standard(compile_unary_tests, data)


SCHEMAS = SchemaSource(
    {p.relative_to(ROOT / "schemas").as_posix(): p.read_bytes() for p in (ROOT / "schemas").rglob("*.schema.json")}
)


def rule_file(data: bytes) -> None:
    """A rule file: read, checked, compiled, described, and its own tests run."""
    try:
        rule_set = load(data, source="fuzzed.yaml", schemas=SCHEMAS)
    except InvalidError as error:
        _told(error, data.decode("utf-8", "replace"))
        return
    rule_set.describe()
    rule_set.run_tests()


def dmn(data: bytes) -> None:
    """A `.dmn` file: loaded, and every decision computed without inputs."""
    try:
        model = load_model(data, source="fuzzed.dmn")
    except InvalidError as error:
        _told(error, data.decode("utf-8", "replace"))
        return
    for name in model.decisions:
        try:
            outcome = model.evaluate(name, {}, at=AT)
        except InvalidError as error:
            assert {problem.code for problem in error.problems} <= LIMITS | {"feel.size_limit"}, name
        else:
            exact_json.canonical(exact_json.plain(to_json(outcome.value)))


def json(data: bytes) -> None:
    """Exact JSON: what is written canonically reads back to what is written the same."""
    try:
        value = exact_json.parse(data)
    except InvalidError as error:
        _told(error, data.decode("utf-8", "replace"))
        return
    written = exact_json.canonical(value)
    assert written == exact_json.canonical(exact_json.parse(written))


def csv(data: bytes) -> None:
    """A CSV file in each encoding."""
    for encoding in ENCODINGS:
        try:
            rows = read_csv(data, "fuzzed.csv", ("id", "name", "amount"), encoding=encoding)
        except InvalidError as error:
            assert all(problem.render() for problem in error.problems)  # both may happen
        else:
            assert all(3 == len(row.fields) for row in rows)


@dataclass(frozen=True, slots=True)
class Target:
    """A function of bytes, the inputs it starts from, how its text falls into tokens and what may stand in between."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]
    token: re.Pattern[str]
    pieces: tuple[str, ...]
    max_bytes: int = 4_096


def _expressions() -> Iterator[bytes]:
    """Every expression of the case files, strict and standard."""
    for path in sorted((CASES / "feel").glob("*.yaml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")).get("cases", ()):
            yield case[0].encode()
    for path in sorted((CASES / "feel" / "mistakes").glob("*.txt")):
        yield path.read_bytes().split(b"\n---\n")[-2]
    for line in (CASES / "dmn" / "expressions.feel").read_text(encoding="utf-8").splitlines():
        yield re.split(r" +-> (?=[^>]*$)", line)[0].encode()
    yield from _found("expression", "cell", "standard", "standard_cell")


def _files(*patterns: str) -> Callable[[], Iterator[bytes]]:
    def read() -> Iterator[bytes]:
        for pattern in patterns:
            for path in sorted(ROOT.glob(pattern)):
                yield path.read_bytes()

    return read


def _found(*names: str) -> Iterator[bytes]:
    for name in names:
        for path in sorted((CASES / "fuzz" / name).glob("*")):
            yield path.read_bytes()


def _csv_seeds() -> Iterator[bytes]:
    yield b"id,name,amount\n1,a,2\n"
    yield b'\xef\xbb\xbfid,name,amount,\r\n1,"a ""b"",\r\n c",2.50,\r\n'
    yield b"id;name;amount\n1;a;2\n"
    yield b"id,name,amount\r1,\xe4,3"


def _pieces(*names: str) -> tuple[str, ...]:
    """What may stand between tokens: one piece a line, with Python's escapes."""
    lines = [line for name in names for line in (HERE / "pieces" / f"{name}.txt").read_text("ascii").splitlines()]
    return tuple(line.encode("ascii").decode("unicode_escape") for line in lines)


_FEEL_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\w+|\s+|[^\w\s]')
_YAML_TOKEN = re.compile(r"\n *|[\w./-]+|\s+|[^\w\s]")
_XML_TOKEN = re.compile(r"</?[\w:]+|/?>|<!--.*?-->|[\w:]+=|\"[^\"]*\"|\w+|\s+|[^\w\s]", re.DOTALL)
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[-+\w.]+|\s+|[^\w\s]')
_CSV_TOKEN = re.compile(r"[^,\"\r\n]+|[\s\S]")
_FEEL_PIECES = _pieces("feel")

TARGETS: dict[str, Target] = {
    "expression": Target(expression, _expressions, _FEEL_TOKEN, _FEEL_PIECES),
    "cell": Target(cell, _expressions, _FEEL_TOKEN, _FEEL_PIECES),
    "standard": Target(standard, _expressions, _FEEL_TOKEN, _FEEL_PIECES),
    "standard_cell": Target(standard_cell, _expressions, _FEEL_TOKEN, _FEEL_PIECES),
    "rule_file": Target(
        rule_file,
        _files("rules/**/*.yaml", "tests/cases/**/bad/*.yaml", "tests/cases/fuzz/rule_file/*"),
        _YAML_TOKEN,
        _pieces("yaml"),
        16_384,
    ),
    "dmn": Target(
        dmn, _files("tests/cases/dmn/**/*.dmn", "tests/cases/fuzz/dmn/*"), _XML_TOKEN, _pieces("xml", "feel"), 16_384
    ),
    "json": Target(json, _files("tests/cases/**/*.json", "tests/cases/fuzz/json/*"), _JSON_TOKEN, _pieces("json")),
    "csv": Target(csv, _csv_seeds, _CSV_TOKEN, _pieces("csv")),
}
