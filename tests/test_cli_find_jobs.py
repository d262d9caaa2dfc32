"""`lstm-tui find` by several processes and cut off half-way: the same index, bit for bit, and the same ranking."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from lstm_tui.cli import find, many_inputs
from lstm_tui.cli.main import main
from lstm_tui.debugger.corpus import run_corpus
from lstm_tui.debugger.source import Source
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.formats.importers.named import open_model
from lstm_tui.formats.inputs.inputs import read_input
from lstm_tui.formats.traces import state_index
from lstm_tui.formats.traces.state_index import StateWriter

WORDS = ("on", "off", "wait")
ASKED: dict[str, tuple[str, ...]] = {
    "like": ("--like", "c @ 0:2"), "where": ("--where", "c[0] > 0.1 and f[1] < 0.9"), "gates": ("--gates",),
    "follows": ("--follows", "on wait", "--permutations", "19"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(3)
    made = tmp_path / "texts"
    made.mkdir()
    for name in ("a", "b"):
        lines = (" ".join(random.choice(WORDS, random.integers(1, 12))) for _ in range(40))
        (made / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return made


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts and blocks of few steps, so that there are many of them."""
    monkeypatch.setattr(many_inputs, "PART_LINES", 7)
    monkeypatch.setattr(state_index, "BLOCK", 32)


def asked(folder: Path, name: str, *more: object) -> list[str]:
    return ["find", str(folder), "--model", "tiny", "--json", *ASKED[name], *map(str, more)]


def files_of(index: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in sorted(index.iterdir())}


def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have parts handed out as to other processes, and done by this one."""

    def done(jobs: int, work: Callable[..., object], options: Namespace, files: list[str], parts: object, _: object):  # type: ignore[no-untyped-def]
        assert jobs == 2
        return (many_inputs.answer_part(work, options, files[part.file], part) for part in parts)  # type: ignore[attr-defined]

    monkeypatch.setattr(many_inputs, "_by_processes", done)


@pytest.mark.parametrize("name", ASKED)
def test_parts_come_to_the_same_answer_and_the_same_index(
    name: str,
    folder: Path,
    tmp_path: Path,
    small: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(asked(folder, name, "--jobs", 1, "--index", tmp_path / "one")) == 0
    alone = capsys.readouterr().out
    in_this_process(monkeypatch)
    assert main(asked(folder, name, "--jobs", 2, "--index", tmp_path / "two")) == 0
    assert capsys.readouterr().out == alone
    assert main(asked(folder, name, "--jobs", 2)) == 0
    assert capsys.readouterr().out == alone, "held as arrays"
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    assert {"index.json", "ids.i32", "starts.i64", "lines.i64"} <= files_of(tmp_path / "one").keys()


@pytest.mark.slow
def test_two_processes_rank_bit_for_bit_as_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(many_inputs, "PART_LINES", 7)
    assert main(asked(folder, "like", "--jobs", 1, "--index", tmp_path / "one")) == 0
    alone = capsys.readouterr().out
    assert main(asked(folder, "like", "--jobs", 2, "--index", tmp_path / "two")) == 0
    assert capsys.readouterr().out == alone
    assert json.loads(alone)["found"]
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("after", [0, 1, 9, 41, 79])
def test_an_index_that_was_cut_off_is_gone_on_with(
    after: int, jobs: int, folder: Path, tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert main(asked(folder, "like", "--index", tmp_path / "whole")) == 0
    expected = capsys.readouterr().out
    in_this_process(monkeypatch)
    add, taken = StateWriter.add, [0]

    def stopping(self: StateWriter, file: int, line: int, ids: Array, values: Mapping[str, Array]) -> None:
        if taken[0] == after:
            raise KeyboardInterrupt
        taken[0] += 1
        add(self, file, line, ids, values)

    monkeypatch.setattr(StateWriter, "add", stopping)
    line = asked(folder, "like", "--jobs", jobs, "--index", tmp_path / "cut")
    assert main(line) == 130
    monkeypatch.setattr(StateWriter, "add", add)
    capsys.readouterr()
    parts = {name: content for name, content in files_of(tmp_path / "cut").items() if name.endswith("f32.part")}
    blocks = min((len(content) // (32 * 2 * 4) for content in parts.values()), default=0)
    assert bool(files_of(tmp_path / "cut")) == bool(blocks) == (after > 1), "whole blocks stay, and nothing else does"
    run = run_corpus
    steps: list[int] = []

    def counted(corpus, values, add, progress=None, skip=None):  # type: ignore[no-untyped-def]
        def counting(file: int, line: int, ids: Array, numbers: Mapping[str, Array]) -> None:
            steps.append(len(ids))
            add(file, line, ids, numbers)

        run(corpus, values, counting, progress, skip)

    monkeypatch.setattr(find, "run_corpus", counted)
    assert main(line) == 0
    out, err = capsys.readouterr()
    assert out == expected
    assert ("goes on behind" in err) == bool(blocks)
    assert files_of(tmp_path / "cut") == files_of(tmp_path / "whole")
    whole = len(files_of(tmp_path / "whole")["ids.i32"]) // 4
    assert sum(steps) <= whole - blocks * 32 + (12 if jobs == 1 else 7 * 12), "what was there is not run again"


def test_what_was_begun_of_other_files_or_is_damaged_is_written_anew(
    folder: Path, tmp_path: Path, small: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(asked(folder, "like", "--index", tmp_path / "whole")) == 0
    expected = capsys.readouterr().out
    for name, content in (("begun.json", b"{}"), ("begun.json", b"\x00" * 9), ("layer0.forward.c.f32.part", b"1234")):
        cut = tmp_path / f"cut{len(content)}"
        cut.mkdir()
        (cut / "begun.json").write_bytes(b"{}")
        (cut / name).write_bytes(content)
        assert main(asked(folder, "like", "--index", cut)) == 0
        assert capsys.readouterr().out == expected
        assert files_of(cut) == files_of(tmp_path / "whole")


def test_two_do_not_write_one_index(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    about = {"network": "x"}
    with (
        state_index.writing(tmp_path / "i", about, {"a.c": 2}),
        pytest.raises(UserError, match="written by another process"),
        state_index.writing(tmp_path / "i", about, {"a.c": 2}),
    ):
        raise AssertionError


def test_a_part_is_what_its_lines_are(folder: Path) -> None:
    source = Source.of_input(open_model("tiny"), read_input(folder / "a.txt"))
    found = find.states_of_part(source, range(3, 9), Namespace(states_of=[("layer0.forward", "c")]))
    first = 0
    for n in range(3, 9):
        alone = source.run(n, chosen_for_many())["layer0.forward"]["c"]
        size = found["lengths"][n - 3]
        assert np.array_equal(found["layer0.forward.c"][first : first + size], alone.astype(np.float32))
        first += size
