"""The environment's texts as values, each by the reader of its setting; all problems at once."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from adapters.settings.declared import SETTINGS
from adapters.settings.readers import RefusedValueError
from engine.problems import Place, Report

PREFIX = "BYLAW_"

TESTS_ONLY = ("BYLAW_SHARED",)
"""Names that only the project's own tests read; so are all that start with `BYLAW_TEST_`."""


def refuse_unknown(environ: Mapping[str, str], report: Report) -> None:
    """Report every name that starts like a setting and is none: one that silently does nothing is worse."""
    names = [setting.name for setting in SETTINGS]
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in names or name in TESTS_ONLY or name.startswith("BYLAW_TEST_"):
            continue
        near = get_close_matches(name.removeprefix(PREFIX), [known.removeprefix(PREFIX) for known in names], n=1)
        suggestion = f"did you mean `{PREFIX}{near[0]}`?" if near else "docs/operations.md lists the settings"
        report.add("settings.unknown", f"there is no setting `{name}`", Place("environment", path=name), suggestion)


def read(environ: Mapping[str, str], report: Report) -> dict[str, Any]:
    """The values that are set, by the fields of `Settings`; what cannot be read is reported and left out."""
    values: dict[str, Any] = {}
    said: dict[str, str] = {}
    for setting in SETTINGS:
        text = environ.get(setting.name, "")
        if not text:
            continue
        place = Place("environment", path=setting.name)
        if setting.field in said:
            report.add(
                "settings.invalid",
                f"`{said[setting.field]}` and `{setting.name}` are both set",
                place,
                "set one of them",
            )
            continue
        said[setting.field] = setting.name
        try:
            values[setting.field] = setting.read(text)
        except RefusedValueError as refused:
            report.add("settings.invalid", f"`{setting.name}`: {refused}", place, setting.about)
    return values


def written(value: object) -> str:
    """A value as the text that its reader makes it from."""
    match value:
        case bool():
            return "true" if value else "false"
        case tuple():
            return " ".join(f"{one[0]}={one[1]}" if isinstance(one, tuple) else one for one in value)
        case _:
            return str(value)
