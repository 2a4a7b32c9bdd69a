"""From a question and a kind's conditions to a nearest change that is proved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from engine.feel.text import feel_text
from engine.nearest_change import FactChange, NearestChange
from engine.problems import InvalidError, Problem
from engine.rulefile.facts import FactSchema
from engine.rulefile.nearest import did_you_mean
from engine.rulefile.question import Question
from engine.whatif.axes import Axis, Facts, Subject, at_path, axis
from engine.whatif.reading import Reading
from engine.whatif.search import Box, Narrow, Options, search

Outcome = Mapping[str, Any]


class Judge(Protocol):
    """Decides about facts and says whether the outcome is what is wanted."""

    def __call__(self, facts: Facts, *, reference: bool = False) -> tuple[Outcome, bool]:
        """`reference`: decide through the reference interpreter."""


def axes_of(question: Question, reading: Reading) -> list[Axis]:
    """The facts that conditions read and that may change, in the order of the fact schema."""
    found: list[Axis] = []
    for name in _in_order(question.schema, reading.facts):
        subject = None if question.is_fixed(name) else _subject(question.schema, reading.facts[name].path)
        if subject is None:
            continue
        reads = reading.facts[name]
        made = axis(
            subject, question.facts, reads.constants, reads.signature if reads.opaque else None, _local(reading)
        )
        if made is not None and (made.candidates or not made.exact):
            found.append(made)
    return found


def nearest(
    question: Question,
    axes: Sequence[Axis],
    judge: Judge,
    *,
    compared: Callable[[Outcome, Outcome], tuple[str, ...]],
    narrow: Narrow | None = None,
) -> NearestChange:
    """The nearest change, proved by the reference interpreter.

    `compared` names the members of two outcomes (before, after) that people should look at. Raises `InvalidError` as
    the rule set's `decide` does for the facts as they are.
    """
    before, reached = judge(question.facts)
    if reached:
        return NearestChange((), before, before, exact=True, compared=compared(before, before), most=question.most)

    def reaches(facts: Facts) -> bool:
        try:
            return judge(facts)[1]
        except InvalidError:
            return False  # the rules cannot decide about these facts

    def everything(chosen: Sequence[int]) -> Iterable[Box]:
        yield box_of(axes, chosen)

    found = search(axes, question.facts, reaches, most=question.most, steps=question.steps, narrow=narrow or everything)
    exact = not found.cut and all(each.exact for each in axes)
    if not found.changes:
        return NearestChange((), before, None, exact, most=question.most, tried=found.tried)
    question.schema.read(found.facts)
    after, proved = judge(found.facts, reference=True)
    assert proved, "generated code and interpreter disagree about changed facts"
    names = dict.fromkeys(axes[index].name for index, _ in found.changes)
    changes = tuple(
        FactChange(name, at_path(question.facts, name.split(".")), at_path(found.facts, name.split(".")))
        for name in names
    )
    return NearestChange(changes, before, after, exact, compared(before, after), question.most, found.tried)


def box_of(axes: Sequence[Axis], chosen: Sequence[int]) -> Box:
    """All candidates of some axes."""
    return [Options(axes[index].candidates) for index in chosen]


def check_target(target: Mapping[str, Any], members: Sequence[str]) -> None:
    """Raise `InvalidError` (`change.target`) for a target that names what is no member of the outcome."""
    problems = [
        Problem(
            "change.target",
            f"`{name}` is not a member of the outcome{did_you_mean(name, members)}",
            help=f"one of: {', '.join(members)}",
        )
        for name in target
        if name not in members
    ]
    if not target:
        problems = [Problem("change.target", "the target names nothing", help=f"one of: {', '.join(members)}")]
    if problems:
        raise InvalidError(problems)


def meets(outcome: Outcome, target: Mapping[str, Any]) -> bool:
    """Whether an outcome has the target's values; a temporal value may be given as its text."""
    return all(_equal(outcome.get(name), wanted) for name, wanted in target.items())


def _equal(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) is not isinstance(wanted, bool):
        return False
    if isinstance(value, tuple | list) and isinstance(wanted, tuple | list):
        return len(value) == len(wanted) and all(_equal(a, b) for a, b in zip(value, wanted, strict=True))
    if isinstance(wanted, str) and value is not None and not isinstance(value, str):
        return feel_text(value) == wanted
    return bool(value == wanted)


def _local(reading: Reading) -> dt.datetime:
    return reading.at.astimezone(reading.zone)


def _in_order(schema: FactSchema, names: Mapping[str, object]) -> Iterator[str]:
    order = {field.name: at for at, field in enumerate(schema.fields)}
    yield from sorted(
        (name for name in names if name.split(".")[0] in order), key=lambda n: (order[n.split(".")[0]], n)
    )


def _subject(schema: FactSchema, path: tuple[str, ...]) -> Subject | None:
    """The fact at a path; None within a list, or where the schema says nothing."""
    for end in range(1, len(path)):
        above = schema.field(".".join(path[:end]))
        if above is None or above.item is not None:
            return None
    field = schema.field(".".join(path))
    if field is None or field.item is not None:
        return None
    return Subject(path, field.type, field.form == "integer", field.minimum, field.maximum, field.enum)
