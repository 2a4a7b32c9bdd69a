"""A decision for people: what came out, why, why not, and what it was decided with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cli.output import say, shown, table
from engine import exact_json
from engine.decision import Decision
from engine.nearest_change import NearestChange


def show_decision(decision: Decision, *, explain: bool) -> None:
    """The outcome in one table; with `explain` the reasons, why-not and the digests too."""
    say(f"{decision.rule_set}, version {decision.version}")
    simple = {name: value for name, value in decision.outcome.items() if not _is_list(value)}
    table(("outcome", ""), [(name, _value(value)) for name, value in simple.items()])
    for name, value in decision.outcome.items():
        if _is_list(value) and value:
            _list(name, value)
    if not explain:
        return
    contributions = any(reason.contribution is not None for reason in decision.reasons)
    if decision.reasons:
        table(
            ("rule", *(("adds",) if contributions else ()), "because"),
            [
                (reason.rule, *((reason.contribution,) if contributions else ()), reason.because)
                for reason in decision.reasons
            ],
            right=("adds",),
            title="Why",
        )
    if decision.why_not:
        table(
            ("rule", "not true", "seen"),
            [(why.rule, why.condition, _value(why.seen)) for why in decision.why_not],
            title="Why not",
        )
    if decision.missing:
        say(f"Missing facts: {', '.join(decision.missing)}")
    _show_digests(decision)


def show_change(change: NearestChange) -> None:
    """What would change the decision, in a sentence and how sure that is."""
    sure = "nothing is nearer" if change.found else "proved"
    sentence = change.sentence[:1].upper() + change.sentence[1:]
    say(f"{sentence} ({sure if change.exact else 'the best found; something nearer may exist'}).")


def _show_digests(decision: Decision) -> None:
    say(f"at       {exact_json.instant_text(decision.at)}")
    say(f"as of    {exact_json.instant_text(decision.as_of)}")
    say(f"digest   {decision.digest}")
    say(f"release  {decision.release}")
    say(f"input    {decision.input_digest}")


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, Mapping) for item in value)


def show_sync(decision: Decision) -> None:
    """A conflict's outcome, field by field, side by side; fields that nobody changed are only counted."""
    fields = decision.outcome["fields"]
    touched = [row for row in fields if row["winner"] != UNCHANGED]
    say(f"{decision.rule_set}, version {decision.version}")
    names = {reason.rule: reason.because for reason in decision.reasons}
    table(
        ("field", "before", "device", "server", "outcome", "winner", "rule", "because"),
        [
            (
                row["field"],
                *(_value(row[side]) for side in ("base", "client", "server", "value")),
                row["winner"],
                row["rule"],
                names.get(row["rule"], row["because"]),
            )
            for row in touched
        ],
    )
    say(f"{len(fields) - len(touched)} fields are the same on both sides")
    if decision.outcome["needs_person"]:
        say("A person has to choose: the rules keep both values.")
    _show_digests(decision)


UNCHANGED = "unchanged"


def _list(name: str, rows: Any) -> None:
    columns = tuple(
        column
        for column in dict.fromkeys(column for row in rows for column in row)
        if any(row.get(column) for row in rows)
    )
    table(columns, [tuple(_value(row.get(column)) for column in columns) for row in rows], title=name)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        if set(value) == {"amount", "currency"}:
            return f"{_value(value['amount'])} {value['currency']}"
        return ", ".join(f"{name}: {_value(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_value(item) for item in value)
    return "null" if value is None else shown(value)
