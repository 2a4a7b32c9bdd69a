"""Small expressions that would take for ever, or all memory, and what each gives in both meanings of the language."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from engine.dmn.json_values import to_json
from engine.feel import Scope, check, operations
from engine.feel.operations import whole
from engine.feel.standard import Environment, Session, compile_expression, session
from engine.feel.values import Fault
from engine.problems import InvalidError

SIXTY_THOUSAND = "x" * 60_000
LONG_TEXT = f'{{a: "{SIXTY_THOUSAND}", b: a + a + a + a + a + a + a + a + a + a + a + a + a + a + a'
LONG_LIST = "{xs: for i in 1..100000 return i"
SHARED = "{a0: [1, 1]" + "".join(f", a{i}: [a{i - 1}, a{i - 1}]" for i in range(1, 60))
SHARED_TWICE = SHARED + ", b0: [1, 1]" + "".join(f", b{i}: [b{i - 1}, b{i - 1}]" for i in range(1, 60))
STEPS, SIZE, CALLS = "feel.step_limit", "feel.size_limit", "feel.call_depth"

BOMBS: dict[str, tuple[str, set[str]]] = {
    "texts joined in a loop": (f"{LONG_TEXT}, r: for i in 1..99999 return b + string(i)}}.r", {STEPS}),
    "texts joined in contexts in a loop": (
        f"{LONG_TEXT}, r: for i in 1..99999 return {{c: b + string(i)}}}}.r", {STEPS}
    ),
    "texts made in upper case in a loop": (f"{LONG_TEXT}, r: for i in 1..99999 return upper case(b)}}.r", {STEPS}),
    "a text replaced by itself": ('{a: "%s", r: replace(a, "x", a)}.r' % ("x" * 30_000), {SIZE}),
    "a text split between all characters": (
        f'{LONG_TEXT}, r: for i in 1..9999 return split(b, "x")}}.r', {SIZE, STEPS}
    ),
    "lists joined in a loop": (f"{LONG_LIST}, r: for i in 1..99999 return concatenate(xs, [i])}}.r", {SIZE, STEPS}),
    "lists reversed in a loop": (f"{LONG_LIST}, r: for i in 1..99999 return reverse(xs)}}.r", {STEPS}),
    "lists searched in a loop": (f"{LONG_LIST}, r: for i in 1..99999 return i in xs}}.r", {STEPS}),
    "lists compared in a loop": (f"{LONG_LIST}, ys: xs, r: for i in 1..99999 return xs = ys}}.r", {STEPS}),
    "a loop over a billion": ("for i in 1..1000000000 return i", {STEPS}),
    "a loop over numbers that do not grow": ("some i in 1e40..2e40 satisfies i < 0", {STEPS}),
    "a loop in a loop in a loop": (
        "some i in 1..999, j in 1..999, k in 1..999 satisfies i + j + k < 0", {STEPS}
    ),
    "a list that shares its parts, written": (f"{SHARED}, r: string(a59)}}.r", {SIZE}),
    "a list that shares its parts, as a result": (f"{SHARED}, r: a59}}.r", {SIZE}),
    "a list that shares its parts, flattened": (f"{SHARED}, r: flatten(a59)}}.r", {SIZE}),
    "lists that share their parts, compared": (f"{SHARED_TWICE}, r: a59 = b59}}.r", {SIZE, STEPS}),
    "empty lists in lists, flattened": ("flatten(for i in 1..60 return partial)", {SIZE}),
    "lists in lists, written": ("string(for i in 1..60 return partial)", {SIZE}),
    "a function that calls itself": ("{f: function(n) f(n + 1), r: f(1)}.r", {CALLS}),
    "a function that is given itself": ("(function(f) f(f))(function(f) f(f))", {CALLS}),
    "a function that calls itself twice": (
        "{f: function(n) if n = 0 then 0 else f(n - 1) + f(n - 1), r: f(40)}.r", {STEPS}
    ),
    "a power": ("2 ** 99999999", {"feel.number_range"}),
    "a tower of powers": ("9 ** 9 ** 9 ** 9", {"", "feel.number_range"}),
    "a quotient of twelve thousand digits": ("modulo(1e6144, 1e-6143)", {"feel.number_range"}),
    "a number of sixty thousand digits": ('number("%s")' % ("1" * 60_000), {"feel.bad_number"}),
    "an exponent of eleven digits": ('number("1e99999999999")', {"", "feel.bad_number", "feel.number_range"}),
    "the year 999999999": ('date("999999999-12-31")', {"", "feel.bad_date"}),
    "a duration of a thousand digits": ('duration("P%sD")' % ("9" * 1_000), {"feel.bad_duration", "feel.date_range"}),
    "a day moved out of the calendar": (
        'date("9999-12-31") + duration("P1D") * 1e30', {"", "feel.date_range"}
    ),
    "a pattern that backtracks": ('matches("%s!", "^(a+)+$")' % ("a" * 5_000), {"", "feel.bad_pattern"}),
    "a pattern of alternatives": ('matches("%s", "(a|aa)+b")' % ("a" * 5_000), {"", "feel.bad_pattern"}),
    "a pattern of repetitions of repetitions": (
        'matches("a", "((((a{100}){100}){100}){100}){100}")', {"", "feel.bad_pattern"}
    ),
    "a pattern of empty repetitions": ('matches("%s", "(a*)*b")' % ("a" * 5_000), {"", "feel.bad_pattern"}),
    "a pattern nested deep": ('matches("a", "%s")' % ("(" * 900), {"feel.bad_pattern"}),
    "a pattern that backtracks, in a loop": (
        'for i in 1..10000 return matches("aaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "^(a+)+$")', {"", "feel.step_limit"}
    ),
    "a pattern of many groups": (
        'matches("' + "a" * 5_000 + '", "(' + "(a)" * 300 + ')*b")', {"", "feel.bad_pattern"}
    ),
    "a pattern of many wildcards": ('matches("%s", "(.*)(.*)(.*)(.*)(.*)x")' % ("a" * 2_000), {"", "feel.bad_pattern"}),
}  # fmt: skip
"""By name: an expression and the codes of which it must give one; an empty code stands for a value."""


def strict(text: str) -> str:
    """The codes of an expression's problems in rule files, or nothing for a value."""
    try:
        check(text, Scope()).evaluate({})
    except InvalidError as error:
        return " ".join(problem.code for problem in error.problems)
    return ""


def standard(text: str) -> str:
    """The code of what makes an expression null in `.dmn` files, or nothing for a value."""
    run = Session()
    try:
        to_json(whole(compile_expression(text).evaluate(Environment({}, run))))
    except InvalidError as error:
        return " ".join(problem.code for problem in error.problems)
    except Fault as fault:
        return fault.code
    return run.notes[0].code if run.notes else ""


def prepare() -> None:
    """Give evaluations a part of their budget, so that bombs end soon: that it is a million has tests of its own."""
    operations.MAX_STEPS = session.MAX_STEPS = 300_000


CASES: dict[str, Callable[[], str]] = {
    f"{mode.__name__}: {name}": partial(mode, text) for name, (text, _) in BOMBS.items() for mode in (strict, standard)
}
