"""Where a text begins is found at a glance where it stands as it is, and is the same as following its characters."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.problems import InvalidError
from engine.rulefile import yaml_reader
from engine.rulefile.nodes import Node
from engine.rulefile.scalar_places import character_places

pieces = st.sampled_from(
    ["a", "b", " ", "'", "''", '\\"', "\\n", '"', "é", "\n    ", "x y", ":", "#", "> 5", "\n\n    "]
)
bodies = st.lists(pieces, min_size=1, max_size=6).map("".join)
styles = st.sampled_from(["'%s'", '"%s"', "%s", "|\n    %s", ">\n    %s"])


def scalars(node: Node) -> Iterator[Node]:
    if node.text:
        yield node
    for below in (*node.members.values(), *node.items):
        yield from scalars(below)


@settings(max_examples=500, deadline=None)
@given(bodies, styles)
def test_a_text_begins_where_its_first_character_stands(body: str, style: str) -> None:
    """Plain, quoted, escaped, folded and block texts: the place of the text and of each of its lines are exact."""
    try:
        tree = yaml_reader.read(f"k: [1]\nv:\n  w: {style % body}\n".encode())
    except InvalidError:
        return
    for node in scalars(tree):
        places = character_places(node.text, node.lines, node.style, node.place.line, node.place.column)
        starts = [0, *(at + 1 for at, character in enumerate(node.text) if character == "\n")]
        assert (node.text_place.line, node.text_place.column) == places[0]
        assert node.line_columns == tuple(places[min(start, len(places) - 1)] for start in starts)


def test_the_last_character_of_a_text_of_a_megabyte_has_its_place() -> None:
    """Following the characters of a long line takes time in proportion to them, whichever way it is written."""
    tree = yaml_reader.read(b"v: '" + b"a" * 1_000_000 + b"''b'\n")
    node = tree["v"]
    places = character_places(node.text, node.lines, node.style, node.place.line, node.place.column)
    assert places[-2:] == ((1, 1_000_005), (1, 1_000_007))
