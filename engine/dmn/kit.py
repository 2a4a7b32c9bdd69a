"""The public DMN Technology Compatibility Kit: its test files, and whether a model gives what they expect."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from engine.dmn.decisions import Model
from engine.dmn.xml_tree import XSI, Element, read_xml
from engine.feel.standard import temporal
from engine.feel.standard.operations import equal, kind_of
from engine.feel.standard.text import shown
from engine.feel.values import Fault
from engine.problems import BylawError, InvalidError, Place, Problem

NAMESPACE: Final = "http://www.omg.org/spec/DMN/20160719/testcase"
TOLERANCE: Final = Decimal("0.00000001")
"""How far a number may be from the expected one, which the kit writes with few digits; the kit's own runner's."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one decision must give. `is_error`: null or an error of any kind."""

    name: str
    value: Any
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class KitCase:
    """A test case: inputs by (namespace, name)."""

    id: str
    invocable: str
    """The service or knowledge model that is called; empty where the decisions themselves are asked."""
    inputs: Mapping[tuple[str, str], Any]
    expectations: tuple[Expectation, ...]


@dataclass(frozen=True, slots=True)
class KitFile:
    """A test file."""

    model_name: str
    cases: tuple[KitCase, ...]


@dataclass(frozen=True, slots=True)
class KitResult:
    """How a case went; `detail` says why it failed."""

    case: str
    passed: bool
    detail: str = ""


def is_test_file(document: bytes) -> bool:
    """Whether a file is one of the kit's, without reading all of it."""
    return b"<testCases" in document[:10_000] or b":testCases" in document[:10_000]


def read_kit_file(document: bytes, source: str = "") -> KitFile:
    """A test file. Raises `InvalidError`."""
    root = read_xml(document, source)
    if root.name != "testCases" or root.namespace != NAMESPACE:
        raise InvalidError(Problem("dmn.not_test_cases", "the file holds no test cases", Place(source)))
    return KitFile(root.text_of("modelName").strip(), tuple(_case(each) for each in root.all("testCase")))


def _case(element: Element) -> KitCase:
    inputs = {(each.get("namespace"), each.get("name")): _value(each) for each in element.all("inputNode")}
    expectations = []
    for each in element.all("resultNode"):
        expected = each.first("expected") or each.first("computed")
        value = None if expected is None else _value(expected)
        expectations.append(Expectation(each.get("name"), value, each.get("errorResult") == "true"))
    invocable = "" if element.get("type") in {"", "decision"} else element.get("invocableName")
    return KitCase(element.get("id"), invocable, inputs, tuple(expectations))


def _value(element: Element) -> Any:
    """The value of a node: a list, a context of components, or a simple one."""
    items = element.first("list")
    if items is not None:
        if items.get(f"{{{XSI}}}nil") == "true":
            return None
        return tuple(_value(each) for each in items.all("item"))
    components = list(element.all("component"))
    if components:
        return {each.get("name"): _value(each) for each in components}
    value = element.first("value")
    if value is None or value.get(f"{{{XSI}}}nil") == "true":
        return None
    return _simple(value.text, value.get(f"{{{XSI}}}type").rpartition(":")[2])


def _simple(text: str, kind: str) -> Any:
    try:
        match kind:
            case "decimal" | "double" | "integer" | "float":
                return Decimal(text.strip())
            case "boolean":
                return text.strip() == "true"
            case "date":
                return temporal.date_from(text.strip())
            case "time":
                return temporal.time_from(text.strip())
            case "dateTime":
                return temporal.date_time_from(text.strip())
            case "duration":
                return temporal.duration_from(text.strip())
    except (Fault, InvalidOperation):
        return text
    return text


def run_case(model: Model, case: KitCase, at: dt.datetime) -> KitResult:
    """Ask for everything that a case expects something of; `at` is what `now()` means."""
    for expectation in case.expectations:
        try:
            outcome = model.evaluate(case.invocable or expectation.name, case.inputs, at=at)
        except BylawError as error:
            if expectation.is_error:
                continue
            return KitResult(case.id, passed=False, detail=f"{expectation.name}: {error}")
        value = outcome.value
        if case.invocable and model.has_several_outputs(case.invocable) and isinstance(value, Mapping):
            value = value.get(expectation.name)
        if not _as_expected(value, expectation.value):
            notes = "; ".join(f"{note.message} `{note.text}`" for note in outcome.notes[:3])
            found, wanted = _shown(value), _shown(expectation.value)
            detail = f"{expectation.name}: expected {wanted}, found {found}{f' ({notes})' if notes else ''}"
            return KitResult(case.id, passed=False, detail=detail)
    return KitResult(case.id, passed=True)


def _shown(value: Any) -> str:
    return shown(value)[:300]


def _as_expected(found: Any, wanted: Any) -> bool:
    if isinstance(found, Decimal) and isinstance(wanted, Decimal):
        return abs(found - wanted) <= TOLERANCE
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        return found.keys() == wanted.keys() and all(_as_expected(found[key], wanted[key]) for key in wanted)
    if isinstance(found, list | tuple) and isinstance(wanted, list | tuple):
        return len(found) == len(wanted) and all(_as_expected(a, b) for a, b in zip(found, wanted, strict=True))
    return kind_of(found) == kind_of(wanted) and equal(found, wanted) is True
