"""Characters to tokens, with positions. Every text gives either tokens or one located problem, in linear time."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import Enum
from typing import Final, NamedTuple

from engine.feel import habits
from engine.feel.limits import MAX_EXPONENT, MAX_SOURCE_CHARACTERS, MIN_EXPONENT, NUMBER_DIGITS
from engine.feel.places import TextPlaces
from engine.feel.syntax import Span
from engine.problems import Problem

_NAME_START = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u167f\u1681-\u180d\u180f-\u1fff\u200c-\u200d"
    "\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufefe\uff00-\ufffd\U00010000-\U000effff"
)
_NAME_PART = _NAME_START + "0-9\u00b7\u0300-\u036f\u203f-\u2040"
_SPACE = "\t\n\v\f\r \u0085\u00a0\u1680\u180e\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"

_TOKEN: Final = re.compile(
    rf"""(?P<space>[{_SPACE}]+|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)
    |(?P<comment>/\*)
    |(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+(?![{_NAME_START}]))?)
    |(?P<string>"(?:[^"\\\n\r]|\\[^\n\r])*")
    |(?P<name>[{_NAME_START}][{_NAME_PART}]*)
    |(?P<foreign>===|!==|==|=>|=<|=!|<>|&&|\|\||[≠≥≤×÷–—−^$€£]|!(?!=)
        |'[^'\n\r]*'|[“”„][^“”\n\r]*[“”]|[‘’‚][^‘’\n\r]*[‘’])
    |(?P<op>\*\*|\.\.|<=|>=|!=|->|[-+*/=<>()\[\]{{}},:.@?])
    """,
    re.VERBOSE | re.ASCII,
)
_ROUNDING: Final = Context(prec=NUMBER_DIGITS, rounding=ROUND_HALF_EVEN, Emin=MIN_EXPONENT, Emax=MAX_EXPONENT, traps=[])
_STANDARD_TOKEN: Final = re.compile(
    _TOKEN.pattern.replace("<>|", "").replace(r"|'[^'\n\r]*'", "").replace(":.@?]", ":.@?']"), _TOKEN.flags
)
"""As above, with the apostrophe that names may hold, and `<>` as the two brackets of an empty list of types."""
_ESCAPE: Final = re.compile(r'\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{6})|(["\'\\nrt/])|(.))')
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t"}
_INVISIBLE: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""What turns the direction of writing around, so that a person reads another rule than the engine."""
_REMAINDER: Final = re.compile(rf"%[{_SPACE}]*(?!(?:and|or|then|else|in)\b)[\w(\"@]", re.ASCII)


_LOOKED_AT: Final = frozenset({*habits.KEYWORDS, "null", "true", "false"})


class Kind(Enum):
    """What a token is."""

    NUMBER = "number"
    STRING = "string"
    NAME = "name"
    OP = "op"
    END = "end"


class Token(NamedTuple):
    """A piece of text. `value` is the number or the unescaped string."""

    kind: Kind
    text: str
    start: int
    end: int
    value: Decimal | str | None = None

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.start, self.end


def tokens_of(places: TextPlaces, noted: list[Problem], *, standard: bool = False) -> list[Token]:
    """The tokens of a text, the last being END.

    What is written as in another language, but certain in its meaning, is added to `noted` and read as it was meant.
    Raises `InvalidError` at the first character that starts no token. `standard`: as the DMN standard asks, a number
    longer than what is kept exactly is rounded, an unknown escape is kept as it is, and an apostrophe is a part of
    names, where the strict language refuses them.
    """
    text = places.text
    if len(text) > MAX_SOURCE_CHARACTERS:
        raise places.error(
            "feel.too_long",
            f"the expression has {len(text):,} characters; at most {MAX_SOURCE_CHARACTERS:,} are read",
            (0, 1),
            "split it into several rules, or put the values into a table",
        )
    if not standard and (hidden := _INVISIBLE.search(text)):
        raise places.error(
            "feel.syntax",
            f"the character U+{ord(hidden.group()):04X} turns the direction of writing around",
            hidden.span(),
            "remove it: people would read another rule than the one that runs",
        )
    found: list[Token] = []
    at = 0
    token = _STANDARD_TOKEN if standard else _TOKEN
    while at < len(text):
        match = token.match(text, at)
        if match is None:
            if text[at] == "%" and found and found[-1].kind is Kind.NUMBER and not _REMAINDER.match(text, at):
                noted.append(_foreign(places, "%", (at, at + 1), habits.SIGNS["%"]))
                at += 1
                continue
            raise _unreadable(places, at)
        kind = match.lastgroup
        start, at = at, match.end()
        piece = match.group()
        if kind == "space":
            continue
        if kind == "number":
            found.append(Token(Kind.NUMBER, piece, start, at, _number(places, piece, start, standard=standard)))
        elif kind == "string":
            found.append(Token(Kind.STRING, piece, start, at, _unescaped(places, piece, start, standard=standard)))
        elif kind == "name":
            found.append(Token(Kind.NAME, piece, start, at))
        elif kind == "comment":
            raise places.error(
                "feel.syntax", "the comment that starts here is not closed", (start, at), "close it with `*/`"
            )
        elif kind == "foreign":
            found.extend(_as_meant(places, piece, start, noted))
        else:
            found.append(Token(Kind.NAME if piece == "?" else Kind.OP, piece, start, at))
    found.append(Token(Kind.END, "", len(text), len(text)))
    return found if standard else _with_keywords(places, found, noted)


def _foreign(places: TextPlaces, piece: str, span: Span, help_: str) -> Problem:
    return places.problem("feel.syntax", f"`{piece}` is not an operator of this language", span, help_)


def _as_meant(places: TextPlaces, piece: str, start: int, noted: list[Problem]) -> list[Token]:
    """The token that a piece in another language's notation stands for."""
    span = (start, start + len(piece))
    if piece in habits.OPERATORS:
        meant, help_ = habits.OPERATORS[piece]
        noted.append(_foreign(places, piece, span, help_))
        return [Token(Kind.NAME if meant.isalpha() else Kind.OP, meant, *span)]
    if piece in habits.DROPPED:
        noted.append(_foreign(places, piece, span, habits.DROPPED[piece]))
        return []
    inner = piece[1:-1]
    straight = "double" if piece[0] == "'" else "straight double"
    message = f"a text stands in {straight} quotes"
    noted.append(places.problem("feel.syntax", message, span, f"write `{quoted(inner[:60])}`"))
    return [Token(Kind.STRING, piece, *span, inner)]


def _with_keywords(places: TextPlaces, tokens: list[Token], noted: list[Problem]) -> list[Token]:
    """The tokens with `AND`, `IS NOT NULL` and the like as the words and operators that are meant."""
    if not any(token.text in _LOOKED_AT for token in tokens):
        return tokens
    found: list[Token] = []
    for at, token in enumerate(tokens):
        meant = habits.KEYWORDS.get(token.text) if token.kind is Kind.NAME else None
        if meant and tokens[at + 1].text != ":" and not (at and tokens[at - 1].text == "."):
            noted.append(
                places.problem(
                    "feel.syntax",
                    f"`{token.text}` is not a word of this language",
                    token.span,
                    _lower(token.text, meant),
                )
            )
            token = token._replace(text=meant)  # noqa: PLW2901  # what was meant
        found.append(token)
        if len(found) >= 2 and found[-1].text in {"null", "true", "false"}:
            _read_is(places, found, noted)
    return found


def _lower(written: str, meant: str) -> str:
    return f"write `{meant}`: keywords are lower case" if written.lower() == meant else f"write `{meant}`"


def _read_is(places: TextPlaces, found: list[Token], noted: list[Problem]) -> None:
    """Turn `is null` and `is not null` at the end of `found` into a comparison."""
    words = 2 if found[-2].text == "not" and len(found) >= 3 else 1
    first = found[-1 - words]
    if first.kind is not Kind.NAME or first.text.lower() != "is" or len(found) == 1 + words:
        return
    op = "!=" if words == 2 else "="
    span = (first.start, found[-2].end)
    written = " ".join(places.text[span[0] : span[1]].split())
    noted[:] = [problem for problem in noted if problem.place != places.place(found[-2].span)]
    noted.append(
        places.problem(
            "feel.syntax", f"`{written}` is not an operator of this language", span, f"write `{op} {found[-1].text}`"
        )
    )
    found[-1 - words : -1] = [Token(Kind.OP, op, *span)]


def _unreadable(places: TextPlaces, at: int) -> Exception:
    text = places.text
    if text[at] == '"':
        return places.error(
            "feel.unclosed_text", "the text that starts here is not closed", (at, at + 1), habits.SIGNS['"']
        )
    character = text[at]
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    help_ = habits.SIGNS.get(character, "remove the character")
    if character == "#" and (date := habits.bare_date(text[at + 1 :])):
        help_ = f"write {date}"
    return places.error("feel.syntax", f"`{shown}` has no meaning here", (at, at + 1), help_)


def _number(places: TextPlaces, piece: str, start: int, *, standard: bool) -> Decimal:
    if not standard and len(piece) <= NUMBER_DIGITS and piece.isdecimal():
        return Decimal(piece)  # nearly always
    span = (start, start + len(piece))
    digits = re.split("[eE]", piece)[0].replace(".", "").lstrip("0")
    if not standard and len(digits) > NUMBER_DIGITS and len(digits.rstrip("0")) > NUMBER_DIGITS:
        raise places.error(
            "feel.number_too_long",
            f"the number has {len(digits)} digits; {NUMBER_DIGITS} are kept exactly",
            span,
            "shorten it: nothing is rounded silently",
        )
    exponent = re.split("[eE]", piece)[1:]
    if exponent and len(exponent[0].lstrip("+-0")) > 6:  # far beyond any exponent, and cheap to read
        raise _out_of_range(places, span)
    value = Decimal(piece)
    if value and not MIN_EXPONENT <= value.adjusted() <= MAX_EXPONENT:
        raise _out_of_range(places, span)
    return _ROUNDING.plus(value) if standard else value


def _out_of_range(places: TextPlaces, span: Span) -> Exception:
    return places.error(
        "feel.number_range", "the number is out of range", span, f"exponents go from {MIN_EXPONENT} to {MAX_EXPONENT}"
    )


def _unescaped(places: TextPlaces, piece: str, start: int, *, standard: bool) -> str:
    inner = piece[1:-1]
    if "\\" not in inner:
        return inner

    def character(match: re.Match[str]) -> str:
        short, long, plain, other = match.groups()
        if plain is not None:
            return _ESCAPED.get(plain, plain)
        if other is not None and standard:
            return match.group()  # as patterns need it: `"\d"`
        code = int(short or long or "110000", 16) if other is None else -1
        if 0 <= code <= 0x10FFFF:  # the last code point
            return chr(code)
        at = start + 1 + match.start()
        raise places.error(
            "feel.bad_escape",
            f"`{match.group()}` is not an escape",
            (at, at + len(match.group())),
            'write `\\\\` for a backslash; known are \\" \\\\ \\n \\r \\t \\u0041 \\U01F600',
        )

    out = _ESCAPE.sub(character, inner)
    # A pair of surrogate escapes is one character, as in JSON; a lone one is no text.
    try:
        return out.encode("utf-16", "surrogatepass").decode("utf-16") if re.search("[\ud800-\udfff]", out) else out
    except UnicodeDecodeError:
        raise places.error(
            "feel.bad_escape",
            "half of a surrogate pair is not a character",
            (start, start + len(piece)),
            "use \\U with six digits",
        ) from None


def quoted(text: str) -> str:
    """A text as a literal of the language."""
    out = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return f'"{out}"'


def words_of(name: str) -> tuple[str, ...]:
    """A name split into the tokens it would be read as; `()` for a text that is no name."""
    pieces: list[str] = []
    at = 0
    while at < len(name):
        match = _STANDARD_TOKEN.match(name, at)
        if match is None or match.lastgroup not in {"space", "name", "number", "op"}:
            return ()
        if match.lastgroup != "space":
            pieces.append(match.group())
        at = match.end()
    return tuple(pieces)


def is_plain_name(name: str) -> bool:
    """Whether a name is one word, so that it needs no scope to be read."""
    match = _TOKEN.match(name)
    return match is not None and match.lastgroup == "name" and match.end() == len(name)
