"""Characters to tokens, with positions. Every text gives either tokens or one located problem, in linear time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import Enum
from typing import Final

from engine.feel.limits import MAX_EXPONENT, MAX_SOURCE_CHARACTERS, MIN_EXPONENT, NUMBER_DIGITS
from engine.feel.places import TextPlaces
from engine.feel.syntax import Span

_NAME_START = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u167f\u1681-\u180d\u180f-\u1fff\u200c-\u200d"
    "\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufefe\uff00-\ufffd\U00010000-\U000effff"
)
_NAME_PART = _NAME_START + "0-9\u00b7\u0300-\u036f\u203f-\u2040"
_SPACE = "\t\n\v\f\r \u0085\u00a0\u1680\u180e\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"

_TOKEN: Final = re.compile(
    rf"""(?P<space>[{_SPACE}]+|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)
    |(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+(?![{_NAME_START}]))?)
    |(?P<string>"(?:[^"\\\n\r]|\\[^\n\r])*")
    |(?P<name>[{_NAME_START}][{_NAME_PART}]*)
    |(?P<op>\*\*|\.\.|<=|>=|!=|->|==|<>|&&|\|\||[-+*/=<>()\[\]{{}},:.@?])
    """,
    re.VERBOSE | re.ASCII,
)
_ROUNDING: Final = Context(prec=NUMBER_DIGITS, rounding=ROUND_HALF_EVEN, Emin=MIN_EXPONENT, Emax=MAX_EXPONENT, traps=[])
_STANDARD_TOKEN: Final = re.compile(_TOKEN.pattern.replace("<>|", "").replace(":.@?]", ":.@?']"), _TOKEN.flags)
"""As above, with the apostrophe that names may hold, and `<>` as the two brackets of an empty list of types."""
_ESCAPE: Final = re.compile(r'\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{6})|(["\'\\nrt/])|(.))')
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t"}
_FOREIGN: Final = {
    "==": "write `=` for equal",
    "<>": "write `!=` for not equal",
    "&&": "write `and`",
    "||": "write `or`",
    "!": "write `not(...)`, or `!=` for not equal",
    "|": "write `or`",
    "&": "write `and`; texts are joined with `+`",
    "%": "write `modulo(a, b)` for a remainder, and `0.15` for 15 %",
    "'": 'texts stand in double quotes: `"text"`',
    "`": 'texts stand in double quotes: `"text"`',
    "“": 'texts stand in straight double quotes: `"text"`',
    "”": 'texts stand in straight double quotes: `"text"`',
    "$": "amounts are plain numbers: `12000`",
    "€": "amounts are plain numbers: `12000`",
    ";": "lists are separated by commas",
}


class Kind(Enum):
    """What a token is."""

    NUMBER = "number"
    STRING = "string"
    NAME = "name"
    OP = "op"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
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


def tokens_of(places: TextPlaces, *, standard: bool = False) -> list[Token]:
    """The tokens of a text, the last being END. Raises `InvalidError` at the first character that starts none.

    `standard`: as the DMN standard asks, a number longer than what is kept exactly is rounded, an unknown escape is
    kept as it is, and an apostrophe is a part of names, where the strict language refuses them.
    """
    text = places.text
    if len(text) > MAX_SOURCE_CHARACTERS:
        raise places.error(
            "feel.too_long",
            f"the expression has {len(text)} characters; at most {MAX_SOURCE_CHARACTERS} are read",
            (0, 1),
            "split it into several rules, or put the values into a table",
        )
    found: list[Token] = []
    at = 0
    token = _STANDARD_TOKEN if standard else _TOKEN
    while at < len(text):
        match = token.match(text, at)
        if match is None:
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
        elif piece in _FOREIGN and not (standard and piece == "'"):
            raise places.error(
                "feel.syntax", f"`{piece}` is not an operator of this language", (start, at), _FOREIGN[piece]
            )
        else:
            found.append(Token(Kind.NAME if piece == "?" else Kind.OP, piece, start, at))
    found.append(Token(Kind.END, "", len(text), len(text)))
    return found


def _unreadable(places: TextPlaces, at: int) -> Exception:
    text = places.text
    if text[at] == '"':
        return places.error(
            "feel.unclosed_text",
            "the text that starts here is not closed",
            (at, at + 1),
            'close it with `"` on the same line',
        )
    if text.startswith("/*", at):
        return places.error(
            "feel.syntax", "the comment that starts here is not closed", (at, at + 2), "close it with `*/`"
        )
    character = text[at]
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    return places.error(
        "feel.syntax", f"`{shown}` has no meaning here", (at, at + 1), _FOREIGN.get(character, "remove the character")
    )


def _number(places: TextPlaces, piece: str, start: int, *, standard: bool) -> Decimal:
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
