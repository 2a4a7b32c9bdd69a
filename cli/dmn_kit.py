"""Models and the compatibility kit's test cases from files."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cli.files import nothing_found, read, walk, why
from cli.output import Progress
from engine.dmn import Model, Outcome, load_model
from engine.dmn.json_values import from_json
from engine.dmn.kit import KitResult, is_test_file, read_kit_file, run_case
from engine.feel.suggest import closest
from engine.feel.types import ANY
from engine.feel.values import Fault
from engine.problems import BylawError, InvalidError, NotFoundError, Place, Problem


@dataclass(frozen=True, slots=True)
class FileResult:
    """How the cases of one test file went."""

    path: Path
    cases: tuple[KitResult, ...]


def load(path: Path) -> Model:
    """A model with those of its folder that it imports. Raises `InvalidError`, `NotFoundError`."""
    others = [] if str(path) == "-" else [other for other in sorted(path.parent.glob("*.dmn")) if other != path]
    return load_model(read(path), ((str(other), read(other)) for other in others), source=str(path))


def decide(model: Model, facts: dict[str, Any], names: Sequence[str], at: datetime | None) -> dict[str, Outcome]:
    """The outcomes of some decisions, or of all. Raises `InvalidError` for inputs that cannot be read."""
    types = dict(model.inputs)
    problems = []
    inputs: dict[str, Any] = {}
    known = model.input_names
    for name, value in facts.items():
        if name not in known:
            near = closest(name, known)
            help_ = f"did you mean `{near}`?" if near else f"known are {', '.join(known)}"
            problems.append(Problem("dmn.unknown_input", f"the model has no input `{name}`", Place("facts"), help_))
            continue
        try:
            inputs[name] = from_json(value, types.get(name, ANY))
        except Fault as fault:
            problems.append(Problem("dmn.bad_input", f"the input `{name}`: {fault.message}", Place("facts")))
    if problems:
        raise InvalidError(problems)
    instant = at or datetime.now(UTC)
    return {name: model.evaluate(name, inputs, at=instant) for name in names or model.decisions}


def run_folders(folders: Sequence[Path], at: datetime | None, advance: Progress) -> list[FileResult]:
    """Run every test file below some folders. Raises `NotFoundError` for a folder without any."""
    instant = at or datetime.now(UTC)
    files: list[tuple[Path, bytes]] = []
    for folder in folders:
        found = [(path, read(path)) for path in walk(folder) if path.suffix == ".xml"]
        tests = [(path, document) for path, document in found if is_test_file(document)]
        if not tests:
            raise NotFoundError(nothing_found(folder, "test file of the DMN compatibility kit (`.xml`)"))
        files.extend(tests)
    results = []
    for at_file, (path, document) in enumerate(files, 1):
        results.append(_run_file(path, document, instant))
        advance(at_file, len(files), path.parent.name)
    return results


def _run_file(path: Path, document: bytes, at: datetime) -> FileResult:
    kit = read_kit_file(document, str(path))
    if "/" in kit.model_name or not kit.model_name:
        model: Model | BylawError = InvalidError(Problem("dmn.not_test_cases", "the file names no model beside it"))
    else:
        try:
            model = load(path.parent / kit.model_name)
        except BylawError as error:
            model = error
    if isinstance(model, BylawError):
        return FileResult(path, tuple(KitResult(case.id, passed=False, detail=str(model)) for case in kit.cases))
    return FileResult(path, tuple(run_case(model, case, at) for case in kit.cases))


def csv_text(results: Sequence[FileResult]) -> str:
    """The kit's own result table: folder, test file, case, SUCCESS or ERROR, and why."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for result in results:
        folder = "/".join(result.path.parts[-3:-1])
        for case in result.cases:
            writer.writerow([folder, result.path.stem, case.case, "SUCCESS" if case.passed else "ERROR", case.detail])
    return out.getvalue()


def write(path: Path, text: str) -> None:
    """Write a file. Raises `NotFoundError` (`file.unreadable`) where that is not possible."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise NotFoundError(
            Problem("file.unreadable", f"`{path}` cannot be written: {why(error)}", Place(str(path)))
        ) from None
