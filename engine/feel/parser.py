"""Tokens to the untyped tree: the whole grammar of FEEL 1.5, by recursive descent with operator precedence.

Names of several words (`date and time`, `starts with`) are read by longest match against the names that are known:
those of the built-ins and those of the scope. There is no backtracking, so time is linear in the text; depth is
checked while reading, so no text can exhaust the stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from engine.feel import habits, syntax
from engine.feel.lexer import Kind, Token, tokens_of, words_of
from engine.feel.limits import MAX_DEPTH
from engine.feel.places import TextPlaces
from engine.feel.suggest import closest
from engine.feel.syntax import COMPARISONS, Node
from engine.problems import InvalidError, Problem

OR, AND, COMPARISON, ADDITIVE, MULTIPLICATIVE, POWER = range(1, 7)
_PRECEDENCE: Final = {"+": ADDITIVE, "-": ADDITIVE, "*": MULTIPLICATIVE, "/": MULTIPLICATIVE, "**": POWER}
_PRECEDENCE_OF_COMPARISON: Final = dict.fromkeys(COMPARISONS, COMPARISON)
KEYWORDS: Final = frozenset(
    [
        "and",
        "or",
        "if",
        "then",
        "else",
        "for",
        "in",
        "return",
        "some",
        "every",
        "satisfies",
        "between",
        "instance",
        "of",
        "function",
        "external",
        "true",
        "false",
        "null",
    ]
)
"""Words with a meaning of their own. `of`, `external` are words only where the grammar expects them."""
_RESERVED: Final = KEYWORDS - {"of", "external", "function"}
_WORD_OPERATORS: Final = ("and", "or", "in", "between")
_CONSTANTS: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "null": None}

_SIGNS_AND_WORDS: Final = frozenset({Kind.OP, Kind.NAME})

N = TypeVar("N", bound=Node)


class Names:
    """The names of several words that are known where an expression stands."""

    __slots__ = ("_by_first", "_is_shared")

    def __init__(self, names: Iterable[str] = (), base: Names | None = None) -> None:
        """`base` holds names that many expressions share."""
        self._by_first: dict[str, list[tuple[tuple[str, ...], str]]] = base._by_first if base else {}  # noqa: SLF001  # its own kind
        self._is_shared = base is not None
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """Make a name known. Names of one word need not be."""
        words = words_of(name)
        if len(words) > 1:
            if self._is_shared:  # few expressions name something themselves
                self._by_first = {first: list(entries) for first, entries in self._by_first.items()}
                self._is_shared = False
            entries = self._by_first.setdefault(words[0], [])
            if (words, name) not in entries:
                entries.append((words, name))
                entries.sort(key=lambda entry: -len(entry[0]))

    def longest(self, tokens: list[Token], at: int) -> tuple[str, int] | None:
        """The longest known name at token `at`, with its number of tokens."""
        for words, name in self._by_first.get(tokens[at].text, ()):
            if len(words) <= len(tokens) - at and all(tokens[at + i].text == word for i, word in enumerate(words)):
                return name, len(words)
        return None


def parse(
    places: TextPlaces,
    names: Names,
    functions: Names,
    *,
    standard: bool = False,
    noted: list[Problem] | None = None,
) -> Node:
    """The tree of an expression.

    `names` are the scope's names, `functions` those of the built-ins; `standard` reads numbers of any length, rounding
    them to the digits that are kept. Raises `InvalidError` with the slips whose meaning is certain (`==`, `AND`) and
    the first mistake whose meaning is not; a caller that gives `noted` finds the former there and gets the tree.
    """
    return _read(_Reader.whole, places, names, functions, standard=standard, noted=noted)


def parse_unary_tests(
    places: TextPlaces,
    names: Names,
    functions: Names,
    *,
    standard: bool = False,
    noted: list[Problem] | None = None,
) -> syntax.UnaryTests:
    """The tree of a decision table's cell. Raises `InvalidError` as `parse` does."""
    return _read(_Reader.unary_tests, places, names, functions, standard=standard, noted=noted)


def _read(
    rule: Callable[[_Reader], N],
    places: TextPlaces,
    names: Names,
    functions: Names,
    *,
    standard: bool,
    noted: list[Problem] | None,
) -> N:
    slips: list[Problem] = [] if noted is None else noted
    try:
        tree = rule(_Reader(places, names, functions, slips, standard=standard))
    except InvalidError as error:
        raise InvalidError([*slips, *error.problems]) from None
    if slips and noted is None:
        raise InvalidError(slips)
    return tree


class _Reader:
    """One pass over one text's tokens."""

    def __init__(
        self, places: TextPlaces, names: Names, functions: Names, noted: list[Problem], *, standard: bool
    ) -> None:
        self.places = places
        self.standard = standard
        self.noted = noted
        self.tokens = tokens_of(places, noted, standard=standard)
        self.at = 0
        self.level = 0
        self.names = Names(base=names)
        self.functions = functions

    def whole(self) -> Node:
        tree = self.expression()
        self.finish()
        return tree

    # -- tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def ahead(self, distance: int = 1) -> Token:
        return self.tokens[min(self.at + distance, len(self.tokens) - 1)]

    def is_op(self, *texts: str) -> bool:
        token = self.tokens[self.at]
        return token.text in texts and token.kind is Kind.OP

    def is_word(self, *texts: str) -> bool:
        token = self.tokens[self.at]
        return token.text in texts and token.kind is Kind.NAME

    def take(self) -> Token:
        token = self.tokens[self.at]
        if token.kind is not Kind.END:
            self.at += 1
        return token

    def accept(self, text: str) -> bool:
        token = self.tokens[self.at]
        if token.text == text and token.kind in _SIGNS_AND_WORDS:
            self.at += 1
            return True
        return False

    def expect(self, text: str, why: str, help: str = "", *, opened: int | None = None) -> Token:
        """Take a token that must stand here. `opened` is where the bracket starts that it closes."""
        if self.token.text == text and self.token.kind in _SIGNS_AND_WORDS:
            return self.take()
        if opened is not None and not help:
            help = f"the `{self.places.text[opened]}` in {self.where(opened)} is still open"
        raise self.unexpected(f"expected `{text}` {why}", help)

    def where(self, at: int) -> str:
        """A place in words: of this line by its column, of another by its line."""
        place, here = self.places.place((at, at + 1)), self.places.place(self.token.span)
        return f"column {place.column}" if place.line == here.line else f"line {place.line}, column {place.column}"

    def unexpected(self, what: str, help: str = "") -> Exception:
        token = self.token
        if token.kind is Kind.END:
            message = (
                f"{what}, but the expression ends here"
                if self.tokens[0].kind is not Kind.END
                else "the expression is empty"
            )
            return self.places.error("feel.syntax", message, (max(0, token.start - 1), token.start), help)
        return self.places.error("feel.syntax", f"{what}, found `{token.text[:60]}`", token.span, help)

    def no_value(self) -> Exception:
        """What stands here begins no value."""
        before = self.tokens[self.at - 1].text if self.at else ""
        return self.unexpected("expected a value", habits.in_place_of_value(before[:60], self.token.text))

    def finish(self) -> None:
        token = self.token
        if token.kind is Kind.END:
            return
        before = self.tokens[self.at - 1]
        meant = _operator_meant(token.text) if token.kind is Kind.NAME else None
        if token.text in _WORD_OPERATORS:
            help_ = "two bounds are a range: `[5..10)`; a condition about a cell's value names it: `? >= 5 and ? < 10`"
        elif meant:
            help_ = f"did you mean `{meant}`?"
        else:
            help_ = habits.after_value(before.text, token.text, self.ahead().text)
        if not help_ and token.kind is Kind.NAME and before.kind is Kind.NAME:
            help_ = "names of facts are one word: `days_since_visit`; join conditions with `and` or `or`"
        raise self.unexpected("expected an operator or the end", help_)

    def note(self, message: str, span: syntax.Span, help: str) -> None:
        """Note a slip whose meaning is certain."""
        self.noted.append(self.places.problem("feel.syntax", message, span, help))

    # -- building

    def node(self, kind: type[N], start: int, children: Iterable[Node], *args: object, **named: object) -> N:
        depth = 1 + max((child.depth for child in children), default=0)
        if depth > MAX_DEPTH:
            raise self.too_deep(start)
        return kind(*args, span=(start, self.tokens[self.at - 1].end), depth=depth, **named)

    def too_deep(self, start: int) -> Exception:
        return self.places.error(
            "feel.too_deep",
            f"the expression is nested deeper than {MAX_DEPTH} levels",
            (start, start + 1),
            "split it: give parts a name, or use a list and `sum`, `any` or `all`",
        )

    # -- expressions

    def expression(self) -> Node:
        return self.binary(OR)

    def binary(self, lowest: int, left: Node | None = None) -> Node:
        """Operators of at least some precedence. Everything that nests goes through here, so depth is counted here."""
        self.level += 1
        if self.level > MAX_DEPTH:
            raise self.too_deep(self.token.start)
        tree = self.operators(lowest, left)
        self.level -= 1
        return tree

    def operators(self, lowest: int, left: Node | None) -> Node:
        if left is None:
            left = self.unary()
        start = left.span[0]
        while True:
            token = self.token
            text = token.text
            if token.kind is Kind.NAME:
                if text == "or" and lowest <= OR:
                    left = self.logic("or", AND, left, start)
                elif text == "and" and lowest <= AND:
                    left = self.logic("and", COMPARISON, left, start)
                elif text == "between" and lowest <= COMPARISON:
                    self.take()
                    low = self.binary(ADDITIVE)
                    self.expect("and", "between the two bounds of `between`", "write `x between 1 and 5`")
                    high = self.binary(ADDITIVE)
                    left = self.node(syntax.Between, start, (left, low, high), left, low, high)
                elif text == "in" and lowest <= COMPARISON:
                    self.take()
                    tests = self.tests_after_in()
                    left = self.node(syntax.In, start, (left, *tests), left, tests)
                elif text == "not" and self.ahead().text == "in" and lowest <= COMPARISON:
                    self.take()
                    self.take()
                    tests = self.tests_after_in()
                    left = self.node(syntax.In, start, (left, *tests), left, tests)
                    asked = self.places.text[left.span[0] : left.span[1]]
                    meant = f"not({asked.replace(' not ', ' ', 1)})"
                    self.note("`not in` is not an operator of this language", token.span, f"write `{meant[:80]}`")
                else:
                    return left
                continue
            precedence = _PRECEDENCE.get(text) or _PRECEDENCE_OF_COMPARISON.get(text, 0) if token.kind is Kind.OP else 0
            if not precedence or precedence < lowest:
                return left
            self.take()
            right = self.binary(precedence + 1)
            left = self.node(syntax.Binary, start, (left, right), text, left, right)

    def logic(self, word: str, operand: int, left: Node, start: int) -> Node:
        items = [left]
        while self.is_word(word):
            self.take()
            items.append(self.binary(operand))
        return self.node(syntax.Logic, start, items, word, tuple(items))

    def tests_after_in(self) -> tuple[Node, ...]:
        if not self.is_op("("):
            return (self.test(ADDITIVE),)
        start = self.take().start
        tests = [self.test(OR)]
        if self.is_op(".."):
            return (self.binary(ADDITIVE, self.postfix(self.interval(start, tests[0], low_closed=False))),)
        while self.accept(","):
            tests.append(self.test(OR))
        self.expect(")", "after the values of `in`", opened=start)
        if len(tests) == 1 and not isinstance(tests[0], syntax.Test):
            # `x in (a) + b`: what stood in brackets was only the beginning of an expression
            return (self.binary(ADDITIVE, self.postfix(tests[0])),)
        return tuple(tests)

    def test(self, lowest: int) -> Node:
        if self.is_op(*COMPARISONS):
            token = self.take()
            operand = self.binary(ADDITIVE)
            return self.node(syntax.Test, token.start, (operand,), token.text, operand)
        return self.expression() if lowest == OR else self.binary(lowest)

    def unary(self) -> Node:
        if not self.is_op("-"):
            return self.postfix(self.primary())
        start = self.take().start
        self.level += 1
        if self.level > MAX_DEPTH:
            raise self.too_deep(start)
        operand = self.unary()
        self.level -= 1
        return self.node(syntax.Negative, start, (operand,), operand)

    def postfix(self, tree: Node) -> Node:
        start = tree.span[0]
        while True:
            if self.is_op("."):
                self.take()
                name, span = self.member()
                tree = self.node(syntax.Path, start, (tree,), tree, name, name_span=span)
            elif self.is_op("[") and not self.closes_interval():
                bracket = self.take().start
                predicate = self.expression()
                self.expect("]", "after the filter", opened=bracket)
                tree = self.node(syntax.Filter, start, (tree, predicate), tree, predicate)
            elif self.is_op("("):
                tree = self.invocation(tree)
            elif self.is_word("instance") and self.ahead().text == "of":
                self.take()
                self.take()
                type_name = self.type_name()
                tree = self.node(syntax.InstanceOf, start, (tree,), tree, type_name)
            else:
                return tree

    def starts_value(self) -> bool:
        """Whether a value starts here, so that something between it and the one before is missing."""
        token = self.token
        return token.kind in {Kind.NUMBER, Kind.STRING} or (token.kind is Kind.NAME and token.text not in _RESERVED)

    def closes_interval(self) -> bool:
        """Whether `[` ends an interval, as in `]1..5[`: nothing that starts a value follows it."""
        after = self.ahead()
        if after.kind is Kind.END or (
            after.kind is Kind.NAME and after.text in _RESERVED and after.text not in _STARTERS
        ):
            return True
        return after.kind is Kind.OP and after.text in _NO_START

    def member(self) -> tuple[str, syntax.Span]:
        token = self.token
        if token.kind is not Kind.NAME:
            raise self.unexpected("expected the name of a field after `.`")
        known = self.names.longest(self.tokens, self.at)
        if known is None:
            self.take()
            return token.text, token.span
        self.at += known[1]
        return known[0], (token.start, self.tokens[self.at - 1].end)

    def invocation(self, callee: Node) -> Node:
        opened = self.take().start
        arguments: list[Node] = []
        names: list[str] = []
        if not self.accept(")"):
            while True:
                name = self.argument_name()
                if arguments and bool(name) != bool(names):
                    raise self.unexpected("arguments are either all named or all by position", "name each or none")
                if name:
                    names.append(name)
                arguments.append(self.test(OR))
                if not self.accept(","):
                    break
            help_ = "arguments are separated by commas" if self.starts_value() else ""
            self.expect(")", "or `,` after an argument", help_, opened=opened)
        return self.node(
            syntax.Invocation, callee.span[0], (callee, *arguments), callee, tuple(arguments), tuple(names)
        )

    def argument_name(self) -> str:
        """`start position:` before a named argument; empty when the argument has no name."""
        distance = 0
        while self.ahead(distance).kind is Kind.NAME:
            distance += 1
        if distance == 0 or self.ahead(distance).text != ":":
            return ""
        words = [self.take().text for _ in range(distance)]
        self.take()
        return " ".join(words)

    # -- primaries

    def primary(self) -> Node:
        token = self.token
        if token.kind in {Kind.NUMBER, Kind.STRING}:
            self.take()
            return self.node(syntax.Literal, token.start, (), token.value)
        if token.kind is Kind.NAME:
            return self.word()
        if token.kind is Kind.OP:
            if token.text == "(":
                return self.bracketed()
            if token.text == "[":
                return self.list_or_interval()
            if token.text == "]":
                self.take()
                low = self.expression()
                return self.interval(token.start, low, low_closed=False)
            if token.text == "{":
                return self.context()
            if token.text == "@":
                self.take()
                if self.token.kind is not Kind.STRING:
                    date = habits.bare_date(self.places.text[self.token.start :]) or '`@"2026-11-02"`'
                    raise self.unexpected("expected a text after `@`", f"write {date}")
                text = self.take().value
                return self.node(syntax.AtLiteral, token.start, (), text)
        raise self.no_value()

    def word(self) -> Node:
        token = self.token
        text = token.text
        if text in _CONSTANTS:
            self.take()
            return self.node(syntax.Literal, token.start, (), _CONSTANTS[text])
        known = self.names.longest(self.tokens, self.at)
        builtin = self.functions.longest(self.tokens, self.at)
        if builtin is not None and self.ahead(builtin[1]).text != "(":
            builtin = None
        best = max((k for k in (known, builtin) if k), key=lambda k: k[1], default=None)
        if best is not None:
            self.at += best[1]
            return self.node(syntax.Name, token.start, (), best[0])
        if text == "if":
            return self.conditional()
        if text == "for":
            return self.loop()
        if text in {"some", "every"} and self.ahead().kind is Kind.NAME:
            return self.quantified()
        if text == "function" and self.ahead().text == "(":
            return self.function()
        if text in _RESERVED:
            raise self.no_value()
        if text == "not" and not self.standard and self.ahead().kind in {Kind.NAME, Kind.NUMBER, Kind.STRING}:
            return self.bare_not()
        unknown = self.unknown_function()
        if unknown:
            return self.node(syntax.Name, token.start, (), unknown)
        self.take()
        return self.node(syntax.Name, token.start, (), text)

    def bare_not(self) -> Node:
        """`not a`, which is written `not(a)`: noted, and read as the call."""
        token = self.take()
        operand = self.binary(COMPARISON)
        asked = self.places.text[operand.span[0] : operand.span[1]]
        self.note("`not` is a function, so its condition stands in brackets", token.span, f"write `not({asked[:80]})`")
        callee = syntax.Name("not", span=token.span, depth=1)
        return self.node(syntax.Invocation, token.start, (callee, operand), callee, (operand,), ())

    def unknown_function(self) -> str:
        """Several plain words right before `(`: a misspelt function, read as one name so that it can be suggested."""
        if self.ahead().kind is not Kind.NAME:
            return ""
        distance = 0
        while self.ahead(distance).kind is Kind.NAME and self.ahead(distance).text not in _RESERVED:
            distance += 1
        if distance < 2 or self.ahead(distance).text != "(":  # one word needs no help
            return ""
        return " ".join(self.take().text for _ in range(distance))

    def bracketed(self) -> Node:
        start = self.take().start
        if self.is_op(*COMPARISONS):
            test = self.test(OR)
            self.expect(")", "after the comparison")
            return test
        tree = self.expression()
        if self.is_op(".."):
            return self.interval(start, tree, low_closed=False)
        end = self.expect(")", "to close the bracket", opened=start).end
        return replace(tree, span=(start, end))

    def list_or_interval(self) -> Node:
        start = self.take().start
        if self.accept("]"):
            return self.node(syntax.ListLiteral, start, (), ())
        items = [self.test(OR)]
        if self.is_op(".."):
            return self.interval(start, items[0], low_closed=True)
        while self.accept(","):
            if self.is_op("]") and self.closes_interval():
                raise self.no_value()
            items.append(self.test(OR))
        if self.starts_value():
            raise self.unexpected("expected `,` or `]` after an item of the list", "items are separated by commas")
        self.expect("]", "to close the list", opened=start)
        return self.node(syntax.ListLiteral, start, items, tuple(items))

    def interval(self, start: int, low: Node, *, low_closed: bool) -> Node:
        self.expect("..", "between the two bounds of an interval")
        high = self.expression()
        if not self.is_op("]", ")", "["):
            raise self.unexpected(
                "expected `]` or `)` at the end of the interval", "`]` includes the bound, `)` leaves it out"
            )
        closed = self.take().text == "]"
        return self.node(syntax.Interval, start, (low, high), low, high, low_closed, closed)

    def context(self) -> Node:
        start = self.take().start
        entries: list[syntax.Entry] = []
        while not self.accept("}"):
            if entries:
                help_ = "entries are separated by commas" if self.starts_value() else ""
                self.expect(",", "or `}` after an entry", help_, opened=start)
            entry_start = self.token.start
            key = self.key()
            value = self.expression()
            if any(entry.key == key for entry in entries):
                raise self.places.error(
                    "feel.syntax",
                    f"the context has two entries named `{key}`",
                    (entry_start, entry_start + len(key)),
                    "give each entry a name of its own",
                )
            entries.append(self.node(syntax.Entry, entry_start, (value,), key, value))
        return self.node(syntax.ContextLiteral, start, entries, tuple(entries))

    def key(self) -> str:
        if self.token.kind is Kind.STRING:
            key = str(self.take().value)
        else:
            first = self.token
            if first.kind is not Kind.NAME:
                raise self.unexpected("expected the name of an entry", _ENTRY)
            while self.token.kind is not Kind.END and not self.is_op(":", "{", "}", "(", ")", "[", "]", ","):
                self.take()
            key = " ".join(self.places.text[first.start : self.tokens[self.at - 1].end].split())
        self.names.add(key)  # however it is written, later entries may name it
        self.expect(":", "after the name of an entry", _ENTRY)
        return key

    def conditional(self) -> Node:
        start = self.take().start
        condition = self.expression()
        self.expect("then", "after the condition of `if`", _IF)
        yes = self.expression()
        self.expect("else", "after the first result of `if`", f"{_IF}; `else null` gives nothing")
        no = self.expression()
        return self.node(syntax.If, start, (condition, yes, no), condition, yes, no)

    def iterations(self) -> tuple[syntax.Iteration, ...]:
        found: list[syntax.Iteration] = []
        while True:
            start, begun = self.token.start, self.at
            words: list[str] = []
            while (
                self.token.kind is not Kind.END and not self.is_word("in") and not self.is_op(",", "(", ")", "[", "]")
            ):
                words.append(self.take().text)
            if not words:
                raise self.unexpected("expected the name of a variable", _LOOP)
            name = " ".join(words)
            self.names.add(name)
            if not self.is_word("in"):
                self.at = begun + 1
                raise self.unexpected(f"expected `in` after the variable `{words[0][:60]}`", _LOOP)
            self.take()
            domain = self.expression()
            end = None
            if self.accept(".."):
                end = self.expression()
            children = (domain,) if end is None else (domain, end)
            found.append(self.node(syntax.Iteration, start, children, name, domain, end))
            if not self.accept(","):
                return tuple(found)

    def loop(self) -> Node:
        start = self.take().start
        iterations = self.iterations()
        self.expect("return", "after the lists of `for`", _LOOP)
        result = self.expression()
        return self.node(syntax.For, start, (*iterations, result), iterations, result)

    def quantified(self) -> Node:
        kind = self.take()
        iterations = self.iterations()
        help_ = f"for instance `{kind.text} line in lines satisfies line.amount > 5`"
        self.expect("satisfies", f"after the lists of `{kind.text}`", help_)
        condition = self.expression()
        return self.node(syntax.Quantified, kind.start, (*iterations, condition), kind.text, iterations, condition)

    def function(self) -> Node:
        start = self.take().start
        self.take()
        parameters: list[syntax.Parameter] = []
        while not self.accept(")"):
            if parameters:
                self.expect(",", "or `)` after a parameter")
            at = self.token.start
            words = []
            while self.token.kind is not Kind.END and not self.is_op(":", ",", "(", ")"):
                words.append(self.take().text)
            if not words:
                raise self.unexpected("expected the name of a parameter")
            self.names.add(" ".join(words))
            type_name = self.type_name() if self.accept(":") else None
            parameters.append(self.node(syntax.Parameter, at, (), " ".join(words), type_name))
        external = self.accept("external")
        body = self.expression()
        return self.node(syntax.FunctionDefinition, start, (body,), tuple(parameters), body, external)

    # -- types

    def type_name(self) -> syntax.TypeName:
        self.level += 1
        if self.level > MAX_DEPTH:
            raise self.too_deep(self.token.start)
        start = self.token.start
        words: list[str] = []
        while self.token.kind is Kind.NAME and (not words or self.continues_type(words)):
            words.append(self.take().text)
            while self.is_op(".") and self.ahead().kind is Kind.NAME:
                words[-1] += self.take().text + self.take().text
        if not words:
            raise self.unexpected("expected a type", "for instance `number`, `string` or `list<date>`")
        name = " ".join(words)
        parts: list[syntax.TypeName] = []
        labels: list[str] = []
        if self.accept("<"):
            while not self.accept(">"):
                if parts:
                    self.expect(",", "or `>` in a type")
                if name == "context":
                    words = []
                    while self.token.kind is Kind.NAME:
                        words.append(self.take().text)
                    labels.append(" ".join(words))
                    self.expect(":", "after the name of a field")
                parts.append(self.type_name())
            if name == "function":
                self.expect("->", "before the function's result type")
                parts.append(self.type_name())
        self.level -= 1
        depth = 1 + max((part.depth for part in parts), default=0)
        end = self.tokens[self.at - 1].end
        return syntax.TypeName(name, tuple(parts), tuple(labels), span=(start, end), depth=depth)

    def continues_type(self, words: list[str]) -> bool:
        """Types of several words: `date and time`, `days and time duration`, `years and months duration`."""
        so_far = [*words, self.token.text]
        return any(full[: len(so_far)] == so_far and self.matches(full, len(words)) for full in _LONG_TYPES)

    def matches(self, full: list[str], done: int) -> bool:
        return all(self.ahead(i).text == word for i, word in enumerate(full[done:]))

    # -- unary tests

    def unary_tests(self) -> syntax.UnaryTests:
        if self.is_op("-") and self.ahead().kind is Kind.END:
            self.take()
            return syntax.UnaryTests((), span=(0, len(self.places.text)))
        if not self.standard:
            self.refuse_any_value()
            if self.is_word("not") and self.ahead().kind in {Kind.NUMBER, Kind.STRING}:
                return self.bare_negated_tests()
        if self.is_word("not") and self.ahead().text == "(":
            negated = self.negated_tests()
            if negated is not None:
                return negated
        tests = [self.test(OR)]
        while self.accept(","):
            tests.append(self.test(OR))
        self.finish()
        return self.node(syntax.UnaryTests, 0, tests, tuple(tests))

    def refuse_any_value(self) -> None:
        """A cell that is to match every value is written `-`, and never by leaving it empty."""
        if self.token.kind is Kind.END:
            raise self.unexpected("expected a test", "write `-` where any value fits")
        if self.token.text in {"*", "any", "all", "else"} and self.ahead().kind is Kind.END:
            raise self.places.error(
                "feel.syntax", f"`{self.token.text}` is not a test", self.token.span, "write `-` where any value fits"
            )

    def bare_negated_tests(self) -> syntax.UnaryTests:
        """`not "a", "b"`, which is written `not("a", "b")`: noted, and read as that."""
        token = self.take()
        tests = [self.test(OR)]
        while self.accept(","):
            tests.append(self.test(OR))
        self.finish()
        asked = self.places.text[tests[0].span[0] : tests[-1].span[1]]
        self.note("what `not` turns round stands in brackets", token.span, f"write `not({asked[:80]})`")
        return self.node(syntax.UnaryTests, 0, tests, tuple(tests), negated=True)

    def negated_tests(self) -> syntax.UnaryTests | None:
        """`not(tests)` when that is the whole cell; `not(a) or b` is an expression. Tried once, so still linear."""
        start, level, noted = self.at, self.level, len(self.noted)
        self.at += 2
        try:
            tests = [self.test(OR)]
            while self.accept(","):
                tests.append(self.test(OR))
            self.expect(")", "to close `not(`")
        except InvalidError:
            tests = []
        if tests and self.token.kind is Kind.END:
            return self.node(syntax.UnaryTests, 0, tests, tuple(tests), negated=True)
        self.at, self.level = start, level
        del self.noted[noted:]
        return None


_IF: Final = "write `if condition then a else b`"
_LOOP: Final = "for instance `for line in lines return line.amount`"
_ENTRY: Final = "an entry is `name: value`; a list stands in square brackets: `[1, 2]`"
_STARTERS: Final = frozenset({"if", "for", "some", "every", "true", "false", "null"})
_NO_START: Final = frozenset({")", "]", "}", ",", ".", "..", ":", "=", "!=", "<", "<=", ">", ">=", "+", "*", "/", "**"})
_LONG_TYPES: Final = (
    ["date", "and", "time"],
    ["days", "and", "time", "duration"],
    ["years", "and", "months", "duration"],
)


def _operator_meant(word: str) -> str | None:
    """The operator that a misspelt word was meant to be: `adn` is `and`. Two letters are near to too much to tell."""
    return closest(word, _WORD_OPERATORS) if len(word) > 2 else None
