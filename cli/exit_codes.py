"""What the command's exit code says to programs; documented in docs/command-line.md."""

from __future__ import annotations

from engine.problems import BylawError, DeniedError, NotFoundError, UnavailableError

OK = 0
PROBLEMS = 1
"""Something given is wrong, a test failed, or the state does not allow it."""
USAGE = 2
"""The command line or a setting cannot be understood."""
NOT_FOUND = 3
DENIED = 4
UNAVAILABLE = 5
INTERRUPTED = 130


def exit_code(error: BylawError) -> int:
    """The exit code for one of our errors."""
    if isinstance(error, NotFoundError):
        return NOT_FOUND
    if isinstance(error, DeniedError):
        return DENIED
    if isinstance(error, UnavailableError):
        return UNAVAILABLE
    if all(problem.code.startswith("settings.") for problem in error.problems):
        return USAGE
    return PROBLEMS
