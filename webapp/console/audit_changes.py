"""What an audit entry says was changed, taken apart into the single values that differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

DEEPEST = 4
"""Documents are taken apart to here; what lies deeper is shown whole."""
MOST = 200
"""Lines on a page; an entry's JSON has them all."""
BRIEF = 40
"""Characters of a text that stands in a list; a longer one stands on the entry's page."""
LARGEST = 16
"""Single values of a document that stand in a table of before and after; a larger one is folded up below it."""

_SIDES = {"before", "after"}
_MONEY = {"amount", "currency"}


@dataclass(frozen=True, slots=True)
class Line:
    """One value that differs: `path` names the field and where in it, such as `("facts", "employees")`."""

    path: tuple[str, ...]
    how: Literal["set", "removed", "changed", "noted"]
    before: Any = None
    after: Any = None


def is_brief(line: Line) -> bool:
    """Whether the values fit into a list: single ones, of a few words."""
    values = [value for value in (line.before, line.after) if value is not None]
    single = all(_parts(value) is None and not isinstance(value, list | tuple) for value in values)
    return single and all(len(value) <= BRIEF for value in values if isinstance(value, str))


def is_large(line: Line) -> bool:
    """Whether a value is a document of so many parts that it would bury the lines around it."""
    return max(_size(line.before), _size(line.after)) > LARGEST


def lines_of(changes: Mapping[str, Any] | None) -> tuple[Line, ...]:
    """The lines of an entry's `changes`, by field, large documents last.

    What is no pair of before and after is noted as it is.
    """
    found: list[Line] = []
    for name, change in (changes or {}).items():
        if isinstance(change, Mapping) and change and set(change) <= _SIDES:
            found.extend(_differences((name,), change.get("before"), change.get("after")))
        elif isinstance(change, Mapping) and set(change) != _MONEY:
            found.extend(Line((name, str(part)), "noted", after=value) for part, value in change.items())
        else:
            found.append(Line((name,), "noted", after=change))
    return tuple(sorted(found, key=is_large))


def _differences(path: tuple[str, ...], before: Any, after: Any) -> Iterator[Line]:
    if before == after:
        return
    old, new = _parts(before), _parts(after)
    if len(path) < DEEPEST and old is not None and new is not None and _comparable(old, new):
        for name in (*old, *(name for name in new if name not in old)):
            yield from _differences((*path, name), old.get(name), new.get(name))
    else:
        how: Literal["set", "removed", "changed"] = (
            "set" if before is None else "removed" if after is None else "changed"
        )
        yield Line(path, how, before, after)


def _comparable(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two documents are read member by member: they share one, or the only one of them is small."""
    if old and new:
        return not old.keys().isdisjoint(new)
    return 0 < _size(old or new) <= LARGEST


def _size(value: Any) -> int:
    """The single values in a document or list; an amount of money is one."""
    if isinstance(value, Mapping) and set(value) != _MONEY:
        return sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list | tuple) else 1


def _parts(value: Any) -> Mapping[str, Any] | None:
    """The members of a document, none for nothing at all; None for a single value, which an amount of money is too."""
    if value is None:
        return {}
    return value if isinstance(value, Mapping) and set(value) != _MONEY else None
