"""The entry point: finds the command, runs it, and turns our errors into sentences and exit codes.

Commands are loaded when they are called, so that `bylaw --help` and completion need none of what they import.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import click

from cli import exit_codes
from engine.problems import BylawError

COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("up", "up", "Start the whole product on this machine."),
    ("check", "check", "Check rule files and policies, and run their own tests."),
    ("evaluate", "evaluate", "Ask a rule set about some facts."),
    ("tables", "tables", "Move decision tables between files and spreadsheets."),
    ("dmn", "dmn", "Run decision models of the DMN standard."),
    ("import", "importing", "Read a CRM's or a lead source's original files."),
    ("score", "score", "Score leads again."),
    ("incentives", "incentives", "Calculate what representatives earn."),
    ("sync", "sync", "See how a conflict between device and server would end."),
    ("rules", "rules", "See the rule sets and their versions."),
    ("authz", "authz", "See who may do what, why, and what other policies would change."),
    ("policies", "policies", "Keep policies compiled, and release versions of them."),
    ("audit", "audit", "See what was changed, by whom and why."),
    ("jobs", "jobs", "See and cancel background jobs."),
    ("keys", "keys", "Make and end keys with which programs use the API."),
    ("people", "people", "Link people and applications to an identity provider's accounts."),
    ("prepare", "prepare", "Make the database ready (`up` does it by itself)."),
    ("version", "version", "Say which version this is."),
    ("completion", "completion", "Print the completion script for a shell."),
)
"""Every command: its name, its module in `cli.commands`, and what `bylaw --help` says."""


class _Commands(click.Group):
    """The commands of `COMMANDS`, each loaded when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return [name for name, _, _ in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        for name, module, _ in COMMANDS:
            if name == cmd_name:
                found = import_module(f"cli.commands.{module}").command
                assert isinstance(found, click.Command)
                return found
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # as above
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, _, about in COMMANDS])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        found: list[Any] = [
            CompletionItem(name, help=about) for name, _, about in COMMANDS if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from engine.service.spelling import did_you_mean

            hint = did_you_mean(args[0], [name for name, _, _ in COMMANDS])
            raise click.UsageError(f"{error.message.rstrip('.')}{f': {hint}' if hint else ''}", ctx) from None


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def bylaw() -> None:
    """Rules and policies for revenue operations: exact, explained, versioned.

    Start with `bylaw up`, or with `bylaw check rules policies` in a checkout.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command and end the process with its exit code."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code; see docs/command-line.md."""
    arguments = sys.argv[1:] if arguments is None else arguments
    _open_what_is_closed()
    try:
        # Without its standalone mode click returns the code that a command has left with.
        code = bylaw.main(arguments, prog_name="bylaw", standalone_mode=False)
        _flush()
    except click.Abort:
        return _interrupted()
    except click.ClickException as error:
        error.show(sys.stderr)
        return exit_codes.USAGE
    except BylawError as error:
        if error.code == "cli.output":
            _let_go_of_output()
        _tell(error, as_json="--json" in arguments)
        return exit_codes.exit_code(error)
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        _let_go_of_output()  # whoever read us has seen enough (`| head`)
        return exit_codes.OK
    return code if isinstance(code, int) else exit_codes.OK


def _open_what_is_closed() -> None:
    """Python has no standard output or error where the caller closed it (`>&-`): what is said there goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123  # as long as we run


def _flush() -> None:
    """Write what is held back while there is still somebody to tell that it cannot be written."""
    from cli.output import writing

    with writing():
        sys.stdout.flush()


def _let_go_of_output() -> None:
    """Python would complain about an output that failed once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupted() -> int:
    sys.stderr.write("interrupted\n")
    return exit_codes.INTERRUPTED


def _tell(error: BylawError, *, as_json: bool) -> None:
    """The problems to standard error: as JSON for programs, as text for people."""
    if as_json:
        from engine import exact_json

        document = {"problems": [problem.to_json() for problem in error.problems]}
        sys.stderr.write(exact_json.canonical(document).decode() + "\n")
        return
    from cli.output import problem_text

    for problem in error.problems:
        sys.stderr.write(problem_text(problem, sys.stderr) + "\n")
