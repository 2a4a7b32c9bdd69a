"""Days and instants moved by a duration known at load: the quick form and the reference agree."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.exact_json import duration_text
from engine.feel import Field, Scope, check, types
from engine.problems import InvalidError

SCOPE = Scope(
    {"day": Field(types.DATE), "instant": Field(types.DATE_TIME), "maybe": Field(types.DATE_TIME, optional=True)}
)
ZONES = (dt.UTC, dt.timezone(dt.timedelta(hours=-9, minutes=-30)), ZoneInfo("Europe/Berlin"))
SUMS = ("now()", "today()", "instant", "day", "maybe")


def answer(ask):
    """A value, or the codes of the problems."""
    try:
        return ask()
    except InvalidError as error:
        return [problem.code for problem in error.problems]


@given(
    instant=st.datetimes(timezones=st.sampled_from(ZONES)),
    length=st.timedeltas(),
    op=st.sampled_from("+-"),
    zone=st.sampled_from(ZONES),
    absent=st.booleans(),
)
@example(dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC), dt.timedelta(hours=1), "+", ZONES[2], False)  # noqa: FBT003  # `absent`
@example(dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.timedelta.max, "-", dt.UTC, True)  # noqa: FBT003  # the same
@settings(max_examples=60, deadline=None)
def test_moving_by_a_constant(instant, length, op, zone, absent):
    """`now()`, a day or an instant plus or minus a constant is the same by generated code and by the interpreter."""
    facts = {"day": instant.date(), "instant": instant, "maybe": None if absent else instant}
    at = dt.datetime(2026, 3, 29, 0, 59, 59, tzinfo=dt.UTC)
    for moved in SUMS:
        expression = check(f'{moved} {op} duration("{duration_text(length)}")', SCOPE)
        found = answer(lambda expression=expression: expression.evaluate(facts, at=at, zone=zone))
        assert answer(lambda expression=expression: expression.interpret(facts, at=at, zone=zone)) == found
