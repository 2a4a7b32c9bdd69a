"""docs/command-line.md: every command is shown, every example is right."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from command_runs import ROOT, Run

from cli import exit_codes, main
from cli.main import COMMANDS

PAGE = (ROOT / "docs" / "command-line.md").read_text()
EXAMPLES = [line.removeprefix("$ bylaw ") for line in PAGE.splitlines() if line.startswith("$ bylaw ")]
RUN = (
    "dmn import tests",
    "dmn export rules/decision/discount-approval@1.yaml --dmn",
    "check ",
    "authz matrix",
    "authz explain",
    "authz diff policies policies",
    "dmn run ",
    "tables embed ",
    "rules ",
    "version",
    "completion ",
    "evaluate ",
)
"""The examples that need nothing but the example organisation and are run as they stand."""


def leaves(
    command: click.Command, path: tuple[str, ...], context: click.Context
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with the words that call it."""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from leaves(found, (*path, name), context)
    else:
        yield path, command


LEAVES = dict(leaves(main.bylaw, (), click.Context(main.bylaw)))


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_is_understood(example: str) -> None:
    """The command takes the arguments and options of each example."""
    words = shlex.split(example)
    path = next(path for path in LEAVES if tuple(words[: len(path)]) == path)
    LEAVES[path].make_context(" ".join(path), words[len(path) :]).close()


def test_every_command_has_an_example() -> None:
    """Every command and subcommand is shown at least once."""
    called = {path for path in LEAVES for example in EXAMPLES if tuple(shlex.split(example)[: len(path)]) == path}
    assert set(LEAVES) == called


def test_every_option_is_shown() -> None:
    """Every option stands on the page, in an example or in a sentence."""
    options = {
        name
        for command in LEAVES.values()
        for option in command.params
        for name in option.opts
        if name.startswith("--")
    }
    assert set() == {name for name in options if name not in PAGE}


def test_every_section_is_a_command() -> None:
    """The sections after the exit codes are the commands, and no other."""
    headings = [line.removeprefix("## ") for line in PAGE.splitlines() if line.startswith("## ")]
    assert {name for name, _, _ in COMMANDS} == set(", ".join(headings[1:]).split(", "))


def test_exit_codes_are_documented() -> None:
    """The page's table lists the exit codes that the program has."""
    listed = {
        int(line.split("|")[1])
        for line in PAGE.splitlines()
        if line.startswith("| ") and line.split("|")[1].strip().isdigit()
    }
    assert {value for name, value in vars(exit_codes).items() if name.isupper()} == listed


@pytest.mark.parametrize("example", [one for one in EXAMPLES if one.startswith(RUN) and " - " not in one])
def test_example_runs(bylaw_in: Callable[..., Run], example: str) -> None:
    """Each example that needs no other data does what the page says: it ends with 0."""
    found = bylaw_in(*shlex.split(example))
    assert 0 == found.code, found.err


@pytest.fixture
def bylaw_in(bylaw: Callable[..., Run], example_home: Path) -> Callable[..., Run]:
    return lambda *arguments: bylaw(*arguments, home=example_home)
