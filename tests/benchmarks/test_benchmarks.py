"""The benchmark itself: every workload runs, ours is right, no engine is left out silently, verdicts are computed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.apart import Apart
from benchmarks.contest import CannotError, Entrant, Work, contest, entered
from benchmarks.families import FAMILIES
from benchmarks.generated import BANDS, HALF_CENT, LARGE, amounts, commission, payout
from benchmarks.peers.family import Family
from benchmarks.results import OURS, Line, Section, Tally
from benchmarks.targets import TARGETS, verdicts
from benchmarks.workloads import TINY, WORKLOADS, run

SERVER = "over http"


@pytest.fixture(scope="module")
def sections() -> Sequence[Section]:
    """Everything but the server, once, with few inputs."""
    return [section for name, _ in WORKLOADS if name != SERVER for section in run(TINY, name)]


def test_ours_answers_everything_right(sections: Sequence[Section]):
    """Every line of ours has answers that were compared, and none is wrong."""
    ours = [line for section in sections for line in section.lines if line.engine == OURS]
    assert len(ours) >= len(WORKLOADS)
    assert [(line.form, line.right) for line in ours if line.wrong or not line.answers] == []


def test_no_engine_is_left_out_silently(sections: Sequence[Section]):
    """In every contest each engine has a line, or is named with the reason why it has none."""
    for key in ("scoring", "table 60", "compile 60", "commission", "cold load"):
        section = next(one for one in sections if one.key == key)
        shown = [line.engine for line in section.lines] + [absence.engine for absence in section.absences]
        assert [family.name for family in FAMILIES if not any(one.startswith(family.name) for one in shown)] == [], key
        assert all(absence.reason for absence in section.absences)


def test_exact_peers_are_asked_in_their_exact_form(sections: Sequence[Section]):
    """What is said to be exact is: plain Decimal, and zen-engine with texts where it is installed, miss no cent."""
    section = next(one for one in sections if one.key == "commission")
    exact = [section.line("plain Python", "a loop with Decimal"), section.line("zen-engine", "expression, text")]
    assert [line.form for line in exact if line is not None and line.wrong] == []


def test_the_server_is_measured():
    """Evaluation over HTTP is measured beside the empty view, and answers right."""
    (section,) = run(replace(TINY, http_rounds=1), SERVER)
    assert [line.wrong for line in section.lines] == [0, 0, 0]
    assert all((line.speed or 0) > 0 for line in section.lines)


def test_the_amounts_are_what_they_are_called():
    """A half-cent amount's payout lies between two cents; a large amount has 17 or 18 digits."""
    drawn = list(zip(*amounts(50, 10), strict=True))
    assert len(drawn) == 70
    assert {payout(amount) % Decimal("0.01") for amount, sort in drawn if sort == HALF_CENT} == {Decimal("0.005")}
    digits = {len(str(int(amount * 100))) for amount, sort in drawn if sort == LARGE}
    assert digits <= {17, 18}


def test_the_reference_commission():
    """The reference is what the bands say: 2 % of the first 10,000, 3 % of the next 15,000, and so on."""
    assert [commission(Decimal(start)) for start, _ in BANDS] == [
        Decimal(text) for text in ("0.00", "200.00", "650.00", "2225.00", "5825.00", "16225.00")
    ]
    assert commission(Decimal("0.25")) == Decimal("0.01")


def section_of(key: str, *lines: tuple[str, str, float, int]) -> Section:
    """A section with one call a line: engine, form, microseconds, wrong answers."""
    made = [Line(engine, form, [int(us * 1000)], {"": Tally(10, wrong)}) for engine, form, us, wrong in lines]
    return Section(key, key, "us", made)


@pytest.mark.parametrize(
    ("theirs", "wrong", "met"), [(60.0, 0, True), (59.0, 0, False), (60.0, 1, False)], ids=["fast", "slow", "wrong"]
)
def test_a_target_is_judged_by_the_run(theirs: float, wrong: int, met):
    """A target is met by what was measured alone, and never with a wrong answer."""
    section = section_of("scoring", (OURS, "bits", 10.0, wrong), ("zen-engine 9", "table, trace on", theirs, 0))
    verdict = next(one for one in verdicts([section]) if one.work.startswith("50 scoring"))
    assert verdict.met is met


def test_what_was_not_measured_is_not_met():
    """A target whose peer is missing is neither met nor missed, and says who is missing."""
    found = verdicts([section_of("scoring", (OURS, "bits", 10.0, 0))])
    assert len(found) == len(TARGETS)
    assert {verdict.met for verdict in found} == {None}
    assert "zen-engine was not measured" in found[0].measured


class Absent(Family):
    """A peer that nobody has installed."""

    name = "nobody"
    package = "a_package_that_nobody_has"
    distribution = "a-package-that-nobody-has"


def test_a_peer_that_is_not_installed_is_named():
    """A package that cannot be imported becomes an absence with the reason."""
    entrants, absences = entered([Absent()], lambda family: family.commission())
    assert entrants == []
    assert [absence.engine for absence in absences] == ["nobody"]
    assert absences[0].reason.startswith("not installed")


def failing() -> object:
    raise ValueError("it cannot\nand more")


def test_a_peer_that_fails_is_named():
    """An entrant that raises, here or in its own process, is an absence with the first line of its reason."""
    work = Work("w", "w", [1, 2, 3], [1, 2, 3])
    entrants = [Entrant("here", "f", failing), Entrant("there", "f", failing, apart=True)]
    section = contest(work, entrants)
    assert section.lines == []
    assert [(one.engine, one.reason) for one in section.absences] == [
        ("here, f", "ValueError: it cannot"),
        ("there, f", "ValueError: it cannot"),
    ]


def double() -> object:
    return (2).__mul__


def test_a_process_of_its_own_answers_the_same():
    """An entrant apart gives the answers that it gives here, and a dead process is a reason."""
    runner = Apart(Entrant("there", "f", double), [1, 2, 3])
    taken, answers = runner.round(3)
    assert (answers, len(taken)) == ([2, 4, 6], 3)
    runner._process.kill()
    runner._process.join()
    with pytest.raises((CannotError, BrokenPipeError)):
        runner.round(1)
    runner.close()


def test_a_wrong_answer_is_counted():
    """Answers that differ from the oracle's are counted by their sort."""
    work = Work("w", "w", [1, 2, 3], [2, 4, 7], ["a", "a", "b"])
    section = contest(work, [Entrant(OURS, "f", double)])
    assert section.lines[0].right == {"a": Tally(2, 0), "b": Tally(1, 1)}


def test_the_page_keeps_its_words(tmp_path: Path):
    """Writing the page replaces what stands between its markers and nothing else."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- measured -->\nold\n<!-- end -->\nafter\n")
    section = section_of("scoring", (OURS, "a | b", 10.0, 0), ("zen-engine 9", "table, trace on", 70.0, 0))
    report.write(report.markdown([section], verdicts([section])), page)
    text = page.read_text()
    assert text.startswith("before\n<!-- measured -->\n")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "old" not in text
    assert "| Bylaw | a \\| b | 10.0 | 10.0 | 1.00 | 0 of 10 |" in text
    assert re.search(r"\| 50 scoring rules.*\| 7\.0 times .* \| met \|", text)
