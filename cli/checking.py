"""What `bylaw check` finds: files sorted into rule files and policies, each with its problems and its own tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.files import RULE_FILES, fact_schemas_beside, is_folder, nothing_found, read, rows_beside, walk
from engine.problems import BylawError, InvalidError, Place, Problem

if TYPE_CHECKING:
    from engine.policy import Compiled, Policies, Release, Statement
    from engine.rulefile import RuleSet, SchemaSource

POLICY_FILES = (".polar",)


@dataclass(frozen=True, slots=True)
class TestRun:
    """One test that a file carries, and how it went."""

    source: str
    name: str
    passed: bool
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class Checked:
    """Everything found in everything checked."""

    rule_files: list[dict[str, Any]] = field(default_factory=list)
    policy_files: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    hints: list[Problem] = field(default_factory=list)
    rule_sets: dict[str, list[RuleSet]] = field(default_factory=dict)
    tests: list[TestRun] = field(default_factory=list)
    policy_tests: list[TestRun] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether there is no problem and every test passes; warnings and hints do not count."""
        return not self.problems and all(test.passed for test in (*self.tests, *self.policy_tests))

    @property
    def summary(self) -> str:
        """One line: `12 rule files, 87 tests passed, 0 failed; 2 policy files, ...; no problem`."""
        parts = []
        for files, one, tests in (
            (len(self.rule_files), "rule file", self.tests),
            (len(self.policy_files), "policy file", self.policy_tests),
        ):
            if files:
                failed = sum(not test.passed for test in tests)
                parts.append(f"{_count(files, one)}, {_count(len(tests) - failed, 'test')} passed, {failed:,} failed")
        problems = _count(len(self.problems), "problem") if self.problems else "no problem"
        warnings = f", {_count(len(self.warnings), 'warning')}" if self.warnings else ""
        hints = f", {_count(len(self.hints), 'hint')}" if self.hints else ""
        return "; ".join([*parts, problems + warnings + hints])


def check_paths(paths: Iterable[Path], progress: Callable[[int, int, str], None]) -> Checked:
    """Check everything below the paths; never stops at the first problem."""
    checked = Checked()
    rules: list[Path] = []
    policies: dict[Path, None] = {}
    for path in paths:
        try:
            _sort(path, rules, policies)
        except BylawError as error:
            checked.problems.extend(error.problems)
    for done, path in enumerate(dict.fromkeys(rules)):
        progress(done, len(rules), path.name)
        _check_rule_file(path, checked)
    _check_versions(checked)
    for folder in policies:
        _check_policies(folder, checked)
    return checked


def _sort(path: Path, rules: list[Path], policies: dict[Path, None]) -> None:
    """Put what a path names where it belongs. Raises `BylawError` for what is neither."""
    if path.suffix in POLICY_FILES:
        read(path)
        policies[path.parent] = None
    elif not is_folder(path):
        if path.suffix not in RULE_FILES:
            read(path)
            raise BylawError(nothing_neither(path))
        rules.append(path)
    else:
        files = walk(path)
        folders = {file.parent for file in files if file.suffix in POLICY_FILES}
        policies.update(dict.fromkeys(sorted(folders)))
        # YAML in or below a folder of policies holds the policies' tests.
        found = [
            file
            for file in files
            if file.suffix in RULE_FILES and not any(folder in file.parents for folder in folders)
        ]
        rules.extend(found)
        if not found and not folders:
            raise BylawError(nothing_found(path, "rule file (`.yaml`) or policy (`.polar`)"))


def nothing_neither(path: Path) -> Problem:
    """A problem for a file that is neither a rule file nor a policy."""
    return Problem("file.nothing_found", f"`{path}` is neither a rule file (`.yaml`) nor a policy (`.polar`)")


def _check_rule_file(path: Path, checked: Checked) -> None:
    from engine.kinds import load

    source = path.as_posix()
    entry: dict[str, Any] = {"source": source, "rule_set": None, "version": None, "digest": None}
    try:
        data = read(path)
        checked.rule_files.append(entry)
        rule_set = load(data, source=source, schemas=schemas_for(path), beside=rows_beside(path, data))
    except BylawError as error:
        checked.problems.extend(error.problems)
        return
    entry.update(rule_set=rule_set.name, version=rule_set.version, digest=rule_set.digest)
    checked.warnings.extend(rule_set.warnings)
    checked.hints.extend(rule_set.hints)
    checked.rule_sets.setdefault(rule_set.name, []).append(rule_set)
    checked.tests.extend(
        TestRun(source, result.name, result.passed, result.problems) for result in rule_set.run_tests()
    )


def _check_versions(checked: Checked) -> None:
    """What the versions of each rule set are beside each other; a version that is there twice is looked at once."""
    from engine.rulefile.versions import look_at_versions

    for versions in checked.rule_sets.values():
        numbered = {rule_set.version: rule_set for rule_set in versions}
        checked.warnings.extend(look_at_versions(list(numbered.values())))


def _check_policies(folder: Path, checked: Checked) -> None:
    from engine.policy import Policies, text_problems

    try:
        files = policy_texts(folder)
    except BylawError as error:
        checked.problems.extend(error.problems)
        return
    checked.policy_files.extend(f"{folder.as_posix()}/{name}" for name in files)
    checked.problems.extend(text_problems(files))
    try:
        policies = Policies.load(files)
        checked.problems.extend(_kept_otherwise(folder, policies))
        checked.problems.extend(unstated_widenings(folder, policies))
        checked.policy_tests.extend(policy_tests(policies, folder))
    except BylawError as error:
        checked.problems.extend(error.problems)


def _kept_otherwise(folder: Path, policies: Policies) -> Iterator[Problem]:
    """A problem where the folder keeps its policies compiled, and not as they are."""
    from engine.policy import compiled_name, compiled_text

    if not (folder / compiled_name("")).parent.is_dir():
        return
    path = folder / compiled_name(policies.digest)
    if not path.is_file():
        message = f"`{folder.as_posix()}` keeps other policies compiled than it holds, so every process evaluates them"
    elif _text(path) != compiled_text(policies.compiled):
        message = f"`{path.as_posix()}` is not what evaluating the policies gives"
    else:
        return
    yield Problem("policy.compiled_stale", message, Place(path.as_posix()), f"run `bylaw policies compile {folder}`")


def unstated_widenings(folder: Path, policies: Policies) -> tuple[Problem, ...]:
    """What the policies grant beyond the last release in their folder without stating it; nothing without a release.

    Raises `BylawError` for a list of releases, or for statements, that cannot be read.
    """
    from engine.policy import release_problems

    releases = releases_in(folder)
    if not releases:
        return ()
    last = releases[-1]
    return release_problems(
        released_in(folder, last), last.version, policies.compiled, statements_in(folder), policies.files
    )


def releases_in(folder: Path) -> tuple[Release, ...]:
    """The releases that a folder of policies lists, the oldest first. Raises `BylawError` for a list that is none."""
    from engine.policy import RELEASES_FILE, read_releases

    path = folder / RELEASES_FILE
    return read_releases(_text(path), path.as_posix()) if path.is_file() else ()


def released_in(folder: Path, release: Release) -> Compiled:
    """What a release granted. Raises `InvalidError` where the folder does not keep it (any more)."""
    found = kept_in(folder, release.policies)
    if found is None:
        message = f"what {release.version} granted is not kept in `{folder.as_posix()}`, or in another format"
        raise InvalidError(Problem("policy.releases", message, help="take the file from the release's own checkout"))
    return found


def statements_in(folder: Path) -> tuple[Statement, ...]:
    """The widenings that a folder states. Raises `BylawError` for a file that cannot be read."""
    from engine.policy import WIDENINGS_FILE, read_statements

    path = folder / WIDENINGS_FILE
    return read_statements(_text(path), path.as_posix()) if path.is_file() else ()


def kept_in(folder: Path, digest: str) -> Compiled | None:
    """What a folder keeps of the policies with this digest. Raises `InvalidError` for a damaged file."""
    from engine.policy import compiled_name, read_compiled

    path = folder / compiled_name(digest)
    return read_compiled(_text(path), path.as_posix()) if path.is_file() else None


def policy_texts(folder: Path) -> dict[str, str]:
    """The policies of a folder, by their names. Raises `BylawError` for what cannot be read."""
    return {path.name: _text(path) for path in walk(folder) if path.suffix in POLICY_FILES and path.parent == folder}


def policy_tests(policies: Policies, folder: Path) -> tuple[TestRun, ...]:
    """The cases beside the policies, run. Raises `BylawError` for a file of cases that cannot be read."""
    from engine.policy import WIDENINGS_FILE, check

    texts = {
        path.relative_to(folder).as_posix(): _text(path)
        for path in walk(folder)
        if path.suffix in RULE_FILES and path != folder / WIDENINGS_FILE
    }
    return tuple(
        TestRun(f"{folder.as_posix()}/{result.source}", result.name, result.passed, tuple(result.problems))
        for result in check(policies, texts)
    )


def _text(path: Path) -> str:
    try:
        return read(path).decode("utf-8")
    except UnicodeDecodeError:
        problem = Problem("file.unreadable", f"`{path}` cannot be read: it is not UTF-8 text")
        raise BylawError(problem) from None


@cache
def schemas(rules: Path | None = None) -> SchemaSource:
    """The shipped schemas, read once; with a folder `rules`, fact schemas beside it too, which go before shipped ones.

    Raises `NotFoundError` (`file.unreadable`).
    """
    from adapters.wiring import Shipped
    from engine.rulefile import SchemaSource

    return SchemaSource({**Shipped.find().schemas(), **({} if rules is None else fact_schemas_beside(rules))})


def schemas_for(path: Path) -> SchemaSource:
    """The schemas for a rule file `rules/<kind>/<name>@<n>.yaml`, where its first line says they are."""
    return schemas(path.absolute().parent.parent)


def _count(number: int, one: str) -> str:
    return f"{number:,} {one}{'' if number == 1 else 's'}"
