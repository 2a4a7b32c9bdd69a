"""The public list of the engine: quick to import, safe in threads, picklable, without state of its own."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import pickle
import pkgutil
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import engine

ROOT = Path(__file__).resolve().parents[2]
AT = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
FILES = sorted((ROOT / "rules").rglob("*.yaml"))
EXPRESSION = (
    "kind: decision\nname: size\nversion: 1\ntitle: Size\neffective: {from: 2026-01-01}\nfacts: lead/2\n"
    'expression: \'if employees >= 500 then "large" else "small"\'\ntests:\n'
    "  - {name: large, at: 2026-11-02T09:00:00Z, given: {employees: 800}, expect: {result: large}}\n"
)


@pytest.fixture(scope="module")
def schemas() -> engine.SchemaSource:
    """The schemas that come with Bylaw."""
    folder = ROOT / "schemas"
    return engine.schemas({path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.json")})


def beside(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.glob("*.csv")}


@pytest.fixture(scope="module")
def fresh(schemas: engine.SchemaSource) -> Callable[[], dict[str, engine.RuleSet]]:
    """Makes every shipped rule set, and one that is an expression, never used before."""

    def made() -> dict[str, engine.RuleSet]:
        found = {
            path.name: engine.load(path.read_bytes(), source=str(path), schemas=schemas, beside=beside(path))
            for path in FILES
        }
        return found | {"an expression": engine.load(EXPRESSION, schemas=schemas)}

    return made


def documents(rules: engine.RuleSet) -> list[bytes]:
    """What the rule set decides about its own tests' facts, in bytes, explanations included."""
    return [
        engine.to_json(rules.decide(case.given, at=case.at, as_of=case.as_of).to_json())
        for case in rules.tests
        if case.expect_error is None
    ]


def everything(rules: Mapping[str, engine.RuleSet]) -> dict[str, list[bytes]]:
    return {name: documents(each) for name, each in rules.items()}


def test_the_import_is_light() -> None:
    """`import engine` loads nothing else of ours, and expressions need neither Oso, numpy, openpyxl nor a framework."""
    program = (
        "import sys, json; import engine; own = sorted(name for name in sys.modules if name.startswith('engine'));"
        "engine.expression('1 + 1').evaluate({}); engine.load; engine.check; engine.load_model;"
        "print(json.dumps([own, sorted(name.split('.')[0] for name in sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, cwd=ROOT, text=True)
    own, loaded = json.loads(done.stdout)
    assert ["engine"] == own
    heavy = {"oso", "polar", "numpy", "jsonschema", "openpyxl", "flask", "redis", "pymongo", "sqlite3", "adapters"}
    assert set() == heavy & set(loaded)


def test_the_public_list_is_complete_and_documented() -> None:
    """Every public name is there when asked for, listed by `dir`, and stands on the page; no other name is."""
    page = (ROOT / "docs" / "engine-api.md").read_text()
    assert sorted(engine.__all__) == dir(engine)
    assert all(getattr(engine, name) is not None for name in engine.__all__)
    assert [] == [name for name in engine.__all__ if not re.search(rf"\b{name}\b", page)]
    with pytest.raises(AttributeError, match="nothing"):
        _ = engine.nothing


def test_pickled_rule_sets_decide_the_same_bytes(fresh: Callable[[], dict[str, engine.RuleSet]]) -> None:
    """A rule set of any kind comes out of a pickle deciding the same bytes, however often it was used before."""
    rules = fresh()
    unused = {name: pickle.loads(pickle.dumps(each)) for name, each in rules.items()}
    expected = everything(rules)
    assert expected == everything(unused)
    assert expected == everything({name: pickle.loads(pickle.dumps(each)) for name, each in rules.items()})
    assert {"decision", "lead-priority", "incentive-plan", "sync-conflict"} == {each.kind for each in rules.values()}


def test_rule_sets_travel_to_a_started_process(fresh: Callable[[], dict[str, engine.RuleSet]]) -> None:
    """A process that was started anew, sharing no memory, decides the same bytes by the rule sets sent to it."""
    rules = fresh()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.map(pickle.loads, [pickle.dumps(each) for each in rules.values()])
        assert [each.digest for each in rules.values()] == [each.digest for each in found]
        decided = pool.map(_decide, [(each, each.tests[0].given, each.tests[0].at) for each in rules.values()])
    assert [
        engine.to_json(each.decide(each.tests[0].given, at=each.tests[0].at).to_json()) for each in found
    ] == decided


def _decide(sent: tuple[engine.RuleSet, Any, dt.datetime]) -> bytes:
    """In the other process."""
    rules, facts, at = sent
    return engine.to_json(rules.decide(facts, at=at).to_json())


def test_threads_share_a_rule_set(fresh: Callable[[], dict[str, engine.RuleSet]]) -> None:
    """Threads that begin to use a rule set at the same instant all decide the same bytes as one alone."""
    expected = everything(fresh())
    rules, workers = fresh(), 8
    ready = threading.Barrier(workers)

    def work(_: int) -> list[dict[str, list[bytes]]]:
        ready.wait()
        return [everything(rules) for _ in range(3)]

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # threads change places within a rule
    try:
        with ThreadPoolExecutor(workers) as pool:
            found = [each for made in pool.map(work, range(workers)) for each in made]
    finally:
        sys.setswitchinterval(before)
    assert [expected] * len(found) == found


def test_nothing_is_kept_in_modules(fresh: Callable[[], dict[str, engine.RuleSet]]) -> None:
    """Loading, deciding, explaining and asking for changes alters no list, dictionary or set of any module."""
    modules = [import_module(name) for _, name, _ in pkgutil.walk_packages(engine.__path__, "engine.")]

    def kept() -> dict[str, str]:
        return {
            f"{module.__name__}.{name}": repr(value)
            for module in modules
            for name, value in vars(module).items()
            if isinstance(value, dict | list | set | bytearray) and not name.startswith("__")
        }

    before = kept()
    rules = fresh()
    everything(rules)
    rules["inbound@3.yaml"].nearest({"employees": 480, "industry": "retail"}, at=AT)
    assert before == kept()


def test_schemas_are_made_of_dictionaries(schemas: engine.SchemaSource) -> None:
    """A fact schema may be a dictionary with whole numbers and decimals; a binary float in it is refused."""
    shape = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 0}}}
    text = EXPRESSION.replace("lead/2", "own/1").replace("employees", "n")
    made = engine.schemas(schemas.texts, facts={"own/1": shape})
    assert {"result": "large"} == engine.load(text, schemas=made).decide({"n": 500}, at=AT).outcome
    for wrong in (
        {"own": shape},
        {"own/1": {"type": "object", "properties": {"n": {"type": "number", "minimum": 0.5}}}},
    ):
        with pytest.raises(engine.InvalidError) as caught:
            engine.schemas(facts=wrong)
        assert "facts.schema" == caught.value.code


def test_an_expression_names_types() -> None:
    """The types of what an expression reads are given by name; a name that is none is refused with a suggestion."""
    assert 3 == engine.expression("sum(xs)", {"xs": "list<number>"}).evaluate({"xs": (1, 2)})
    with pytest.raises(engine.InvalidError) as caught:
        engine.expression("n", {"n": "nubmer"})
    assert "did you mean `number`?" in caught.value.problems[0].message
    with pytest.raises(engine.InvalidError) as caught:
        engine.expression("1 + 1", expect="boolean")
    assert caught.value.code.startswith("feel.")
