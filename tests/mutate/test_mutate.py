"""The machine that breaks the program: every break is a program that differs, and what is noticed is noticed."""

from __future__ import annotations

import ast
import random
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from . import ledger
from .__main__ import BEGIN, CAMPAIGN, END, LATE, LIVED, NOTICED, UNREACHED, Found, chosen_by, judged, table, tried
from .breaks import PACKAGE, ROOT, Break, breaks_in, breaks_of, drawn, packages, parses
from .reached import Reached, copied, is_compiled, lines_now, marked
from .warm import Answer, Asked, Warm, functions_of, put_in

FILES = sorted(PACKAGE.rglob("*.py"))
KERNELS = PACKAGE / "engine" / "runtime" / "kernels.py"
"""Of a function there that has no decorator no text tells that it becomes machine code with one that has."""


@cache
def _some() -> list[Break]:
    rng = random.Random(20261129)
    found = [one for path in rng.sample(FILES, 8) for one in breaks_of(path)]
    return [one for one in rng.sample(found, 20) if parses(one)]


@cache
def _dumped(source: str) -> str:
    return ast.dump(ast.parse(source))


def test_a_break_is_another_program_on_the_line_that_it_names() -> None:
    for one in _some():
        source = (ROOT / one.path).read_text("utf-8")
        assert source[: one.start].count("\n") + 1 == one.line, one
        assert ast.dump(ast.parse(one.broken(source))) != _dumped(source), one
        assert ledger.of(one, {}).stands(), one


def test_what_only_says_or_types_is_left_alone() -> None:
    source = '"""Two."""\nx: tuple[1, 2]\ndef f(a: 3 = 4) -> 5:\n    """Six."""\n    assert a < 7\n    return f"{8}"\n'
    assert [(one.old, one.new) for one in breaks_in(source, "lstm_tui/x/y.py")] == [("4", "5")]


@pytest.mark.parametrize(
    ("line", "broken"),
    [
        ("y = a <= b", "y = a < b"),
        ("y = a not  in b", "y = a in b"),
        ("y = a is not b", "y = a is b"),
        ("y = é + b - 1", "y = é - b - 1"),
        ("y = a and b", "y = a or b"),
        ("y = not a", "y = a"),
        ("y = min(a, b)", "y = max(a, b)"),
        ("y = a if b else c", "y = a if not (b) else c"),
        ("y.z = a", "pass"),
        ("y += a", "pass"),
        ("f(a)", "pass"),
        ("y = True", "y = False"),
        ("y = 2.5", "y = 5.0"),
    ],
)
def test_each_kind_by_example(line: str, broken: str) -> None:
    assert broken in [one.broken(line) for one in breaks_in(line, "lstm_tui/x/y.py")]


def test_what_a_seed_chooses_of_a_line_no_other_line_changes() -> None:
    order, of = random.Random(3).sample(FILES, len(FILES)), "lstm_tui/x/y.py"
    path = next(one for one in order if len(breaks_of(one)) > 40)
    source = path.read_text("utf-8")
    first, *_, last = (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef))
    assert first is not last
    lines = source.splitlines(keepends=True)
    changed = "x = 1 + 2\n".join(("".join(lines[: last.lineno - 1]), "".join(lines[last.lineno - 1 :])))
    before = [(one.text, one.change) for one in drawn(5, breaks_in(source, of))]
    after = [(one.text, one.change) for one in drawn(5, breaks_in(changed, of))]
    assert [one for one in after if one[0] != "x = 1 + 2"] == before != after
    assert before != [(one.text, one.change) for one in drawn(6, breaks_in(source, of))]


def test_the_packages_are_those_on_the_disk() -> None:
    assert {Path(one.path).parts[1] for one in _some()} <= {*packages(), "__init__.py", "__main__.py", "version.py"}


def test_the_ledger_is_of_lines_that_are_there_and_each_verdict_says_why() -> None:
    entries = ledger.read().values()
    assert [one for one in entries if not one.stands()] == []
    assert {one.verdict for one in entries} <= set(ledger.VERDICTS)
    assert [one for one in entries if one.verdict in ("equivalent", "cosmetic") and not one.why] == []


def test_the_ledger_keeps_a_verdict_and_forgets_a_line_that_has_gone(tmp_path: Path) -> None:
    one = next(one for one in breaks_of(PACKAGE / "engine" / "whole_number.py") if parses(one))
    judged = replace(ledger.of(one, {}), verdict="cosmetic", why="a colour")
    gone = replace(judged, text="this line was never there")
    ledger.write({judged.key: judged, gone.key: gone}, tmp_path / "ledger.jsonl")
    kept = ledger.read(tmp_path / "ledger.jsonl")
    assert kept == {judged.key: judged}
    assert ledger.of(one, kept) == judged


def test_the_table_that_is_shown_is_that_of_a_campaign() -> None:
    shown = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split(BEGIN)[1].split(END)[0]
    assert shown.strip() == CAMPAIGN.read_text("utf-8").strip()


def test_the_table_counts_every_break_once() -> None:
    made = table({"engine": Counter(noticed=3, open=1), "tui": Counter(cosmetic=2)}, "command").splitlines()
    assert made[-3:] == [
        "| engine | 4 | 3 | 0 | 0 | 0 | 0 | 1 |",
        "| tui | 2 | 0 | 0 | 2 | 0 | 0 | 0 |",
        "| all | 6 | 3 | 0 | 2 | 0 | 0 | 1 |",
    ]


def test_a_default_is_tried_by_the_tests_of_the_body_and_any_other_line_by_its_own() -> None:
    path = "lstm_tui/formats/importers/torch/program_ops.py"
    one = next(one for one in breaks_of(ROOT / path) if one.scope == "_addmm" and "beta" in one.text and one.old == "1")
    source = (ROOT / path).read_text("utf-8")
    assert chosen_by(one, source) == (one.line + 1, one.line + 1)
    other = next(one for one in breaks_of(ROOT / path) if one.scope == "_slice" and one.old == "+")
    assert chosen_by(other, source) == (other.line, other.line)


@pytest.mark.parametrize(
    ("fails", "ended"),
    [
        ({}, LIVED),
        ({("broken", "b"): True}, NOTICED),
        ({("broken", "b"): True, ("whole", "b"): True}, LIVED),
        ({("broken", "a"): True, ("whole", "a"): True, ("broken", "b"): True}, NOTICED),
        ({("broken", "b"): "once"}, LIVED),
        ({("broken", "a"): "once", ("broken", "c"): True}, NOTICED),
        ({("broken", "c"): "late"}, LATE),
        ({("broken", "c"): "late", ("whole", "c"): "late"}, LIVED),
    ],
)
def test_a_break_is_noticed_by_what_fails_beside_it_each_time_and_not_without_it(
    fails: dict[tuple[str, str], bool | str], ended: str
) -> None:
    left = dict(fails)

    def run(text: str, names: list[str]) -> Answer:
        for name in names:
            found = left.pop((text, name)) if left.get((text, name)) == "once" else left.get((text, name))
            if found == "late":
                return Answer(late=True)
            if found:
                return Answer(failed=name, replaced=1)
        return Answer(replaced=1)

    assert judged(run, "whole", "broken", ["a", "b", "c"], "3 of 3")[0] == ended  # type: ignore[index]


def test_what_was_noticed_is_kept_from_run_to_run(tmp_path: Path) -> None:
    first, second = _some()[:2]
    found = Found(tmp_path / "noticed.jsonl")
    assert found.of(first) is None
    found.keep(first, NOTICED, "a test")
    again = Found(tmp_path / "noticed.jsonl")
    assert (again.of(first), again.of(second)) == ((NOTICED, "a test"), None)


SEEN = """'''Text.'''
from __future__ import annotations
def f(a):
    '''What it does.'''
    b = 0
    if a:
        b = 1
        for one in a:
            b += one
    else:
        b = 2
    try:
        b = 3 / b
    except ZeroDivisionError:
        b = 4
    def g():
        return b
    return g
"""


@pytest.mark.parametrize(
    ("a", "seen"),
    [
        ([], {5, 6, 11, 12, 13, 16, 18}),
        ([1], {5, 6, 7, 8, 9, 12, 13, 16, 18}),
        ([-1], {5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 18}),
    ],
)
def test_a_note_stands_before_every_block_that_runs(a: list[int], seen: set[int]) -> None:
    tree, blocks = marked(SEEN, 0)
    noted = bytearray(len(blocks))
    tree.body = [one for one in tree.body if isinstance(one, ast.FunctionDef)]
    names: dict[str, Any] = {"reached_blocks": noted}
    exec(compile(tree, "seen", "exec"), names)
    names["f"](a)
    heads = {10, 12, 14}  # `else:`, `try:` and `except` are counted to what stands before them
    assert {line for number, block in blocks.items() if noted[number] for line in block} - heads == seen - heads
    assert names["f"].__doc__ == "What it does."


def test_what_becomes_machine_code_has_no_note() -> None:
    source = "def f(a):\n    return 1\n@overload(g)\ndef h(a):\n    return f\n@njit\ndef k(a):\n    return 2\n"
    assert marked(source, 0)[1] == {}


@pytest.mark.parametrize(
    "path", random.Random(20261129).sample([one for one in FILES if one != KERNELS], 20), ids=lambda path: path.stem
)
def test_each_line_of_a_function_that_can_be_broken_has_a_note(path: Path) -> None:
    """But for what becomes machine code, and what a lambda or a default at the top of a file says."""
    _, blocks = marked(path.read_text("utf-8"), 0)
    there = {line for lines in blocks.values() for line in lines}
    inside: dict[bool, set[int]] = {True: set(), False: set()}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef):
            lines = (range(one.lineno, (one.end_lineno or 0) + 1) for one in node.body)
            inside[is_compiled(node)].update(*lines)
    assert {one.line for one in breaks_of(path)} & (inside[False] - inside[True]) <= there


@pytest.mark.slow
def test_a_break_is_noticed_by_a_test_that_looks_and_lives_beside_one_that_does_not(tmp_path: Path) -> None:
    path, room = "lstm_tui/engine/number_text.py", "tests/engine"
    one = next(one for one in breaks_of(ROOT / path) if one.scope == "fixed" and one.old == "and")
    looks = f"{room}/test_number_text.py::test_the_styles_by_example[12.34-texts7]"
    does_not = f"{room}/test_whole_number.py::test_no_other_file_reads_whole_numbers_by_itself"

    def ends(*names: str, early: bool) -> str:
        place = path, one.line
        reached = Reached({place: frozenset(names)} if names else {}, {}, frozenset({place} if early else ()))
        return tried(one, warm, reached, 20.0)[0]

    with Warm(copied(tmp_path), [looks.partition("::")[0], does_not.partition("::")[0]]) as warm:
        for early in (True, False):  # by a pytest of its own, and by one that has collected the tests
            found = (ends(early=early), ends(does_not, early=early), ends(looks, does_not, early=early))
            assert found == (UNREACHED, LIVED, NOTICED), early
            assert (warm.copy / path).read_text("utf-8") == (ROOT / path).read_text("utf-8")


def test_a_record_of_earlier_lines_is_one_of_where_they_stand_now() -> None:
    assert lines_now("a\nb\nc\n", "a\nb\nc\n") == {1: 1, 2: 2, 3: 3}
    assert lines_now("a\nb\nc\nd\n", "new\na\nchanged\nc\nd\n") == {1: 2, 3: 4, 4: 5}
    assert lines_now("a\n", "") == {}


BODY = """def f(a):
    def g():
        return a + 1
    return g
class C:
    @property
    def f(self):
        return 3
"""


def test_the_code_of_a_function_is_replaced_wherever_it_was_imported_to(tmp_path: Path) -> None:
    file = str(tmp_path / "body.py")
    names: dict[str, Any] = {}
    exec(compile(BODY, file, "exec"), names)
    f, made, c = names["f"], names["f"](1), names["C"]()
    (tmp_path / "body.py").write_text(BODY)
    known = functions_of(tmp_path)[file]

    def broken(after: str) -> int:
        return put_in(Asked("body.py", BODY, after, [], 1.0), file, known)

    assert broken(BODY) == 0
    assert broken(BODY.replace("return 3", "return 4")) == 1
    assert (f(1)(), made(), c.f) == (2, 2, 4)
    assert broken(BODY.replace("a + 1", "a - 1")) == 2
    assert (f(1)(), made()) == (0, 0)
    assert broken(BODY.replace("return a + 1", "pass")) == 1, "what it closes over is another then, in what was made"
    assert f(1)() is None
    assert broken(BODY.replace("    return g", "    return lambda: 1")) == 0, "another function is none that is there"
