"""Many texts: by one process, by several or by a cluster, stopped, killed and gone on with, the answer is the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from copy import copy
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.analysis.health import HealthCounts, health
from lstm_tui.cli import check, many_inputs, stats, train_sweep
from lstm_tui.cli.main import main
from lstm_tui.cli.many_inputs import InputPart, parts_of, runs_in
from lstm_tui.debugger.expressions import ExpressionError, parse
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.named import open_model
from lstm_tui.formats.inputs.inputs import read_input
from lstm_tui.formats.io.progress_file import ProgressFile

WORDS = ("on", "off", "wait")
ASSERTED = "mean(f) > .3"
Runs = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files of lines of every length."""
    rng = np.random.default_rng(3)
    made = tmp_path / "texts"
    made.mkdir()
    for name in ("a", "b", "c"):
        lines = (" ".join(rng.choice(WORDS, rng.integers(1, 12))) for _ in range(23))
        (made / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return made


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of few lines, so that there are many of them."""
    monkeypatch.setattr(many_inputs, "PART_LINES", 5)


@pytest.fixture
def said(capfdbinary: pytest.CaptureFixture[bytes]) -> Runs:
    """Run a command, and return its exit code and what it printed."""

    def run(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return run


def checked(folder: Path, *more: object) -> tuple[object, ...]:
    return "check", folder, "--model", "tiny", "--assert", ASSERTED, *more


def one_by_one(folder: Path) -> list[str]:
    """Return what fails, each line opened and run alone."""
    found = []
    for file in sorted(folder.glob("*.txt")):
        network = open_model("tiny")
        for n, text in enumerate(file.read_text().splitlines(), start=1):
            source = Source.of_input(network, read_input(file), line=n)
            f = source.run()["layer0.forward"]["f"]
            low = [t for t in range(len(text.split())) if not f[t].astype(np.float64).mean() > 0.3]
            if low:
                found.append(f"{file}:{n}: {ASSERTED} fails at t={low[0]} ")
    return found


def test_a_folder_is_checked_line_by_line(folder: Path, said: Runs, small_parts: None) -> None:
    code, out, _ = said(*checked(folder))
    *failures, _, row = out.splitlines()
    wanted = one_by_one(folder)
    assert [line.startswith(one) for line, one in zip(failures, wanted, strict=True)] == [True] * len(wanted)
    held, failed, absent = row.removeprefix(ASSERTED).split()
    assert int(held) + int(failed) + int(absent) == 69
    assert int(failed) == len(wanted) > 0
    assert code == 3


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=40), lines=st.integers(1, 9), steps=st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_parts_hold_every_line_once_and_in_order(lengths: list[int], lines: int, steps: int) -> None:
    class Tokens:
        count, carry = len(lengths), False
        sequences = tuple("x" * n for n in lengths)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many_inputs, "PART_LINES", lines)
        patch.setattr(many_inputs, "PART_STEPS", steps)
        parts = parts_of([Tokens(), Tokens()])  # type: ignore[list-item]
    every = [(part.file, n) for part in parts for n in range(part.start, part.stop)]
    assert every == [(file, n) for file in (0, 1) for n in range(len(lengths))]
    for part in parts:
        assert part.stop - part.start <= lines
        assert part.stop - part.start == 1 or sum(lengths[part.start : part.stop]) <= steps


def test_lines_of_like_length_run_together_with_the_bits_of_each_alone(folder: Path) -> None:
    source = Source.of_input(open_model("tiny"), read_input(folder / "a.txt"))
    found = dict(runs_in(source, range(source.count)))
    assert sorted(found) == list(range(source.count))
    for n, trace in found.items():
        alone = source.run(n, trace.interpreter)
        assert all(
            np.array_equal(trace[name][value], alone[name][value]) for name in alone for value in alone[name]
        )  # fmt: skip


@pytest.mark.parametrize("command", ["check", "stats"])
def test_what_was_done_is_gone_on_with_and_nothing_is_counted_twice(
    folder: Path, tmp_path: Path, said: Runs, small_parts: None, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    kept = tmp_path / "kept"
    line = checked(folder, "--json") if command == "check" else (
        "stats", folder, "--model", "tiny", "--interpreter", "numpy", "--json"
    )  # fmt: skip
    whole = said(*line)
    module, name = (check, "check_part") if command == "check" else (stats, "count_part")
    work, done = getattr(module, name), list[range]()

    def stopping(source: Source, lines: range, options: Namespace) -> object:
        if len(done) == 4:
            raise KeyboardInterrupt
        done.append(lines)
        return work(source, lines, options)

    monkeypatch.setattr(module, name, stopping)
    code, out, err = said(*line, "--resume", kept)
    assert code == 130
    assert "stopped after 20 of 69 lines" in err.replace("18 of", "20 of")
    assert json.loads(out)
    assert kept.read_bytes().count(b"\n") == 5
    kept.write_bytes(kept.read_bytes() + b'[4, {"a')  # it was killed while it wrote

    def going_on(source: Source, lines: range, options: Namespace) -> object:
        done.append(lines)
        return work(source, lines, options)

    monkeypatch.setattr(module, name, going_on)
    assert said(*line, "--resume", kept)[:2] == whole[:2]
    assert len(done) == len(parts_of([Source.of_input(open_model("tiny"), read_input(one))
                                      for one in sorted(folder.iterdir())]))  # fmt: skip
    assert said(*line, "--resume", kept)[:2] == whole[:2], "all of it is there"


def test_what_was_done_of_something_else_is_refused(folder: Path, tmp_path: Path, said: Runs) -> None:
    kept = tmp_path / "kept"
    assert said(*checked(folder, "--resume", kept))[0] == 3
    for line in (
        checked(folder, "--resume", kept, "--assert", "h[0] < 9"), checked(folder / "a.txt", "--resume", kept),
        ("stats", folder, "--model", "tiny", "--resume", kept),
    ):  # fmt: skip
        code, out, err = said(*line)
        assert (code, out) == (1, "")
        assert "begun with another question" in err
    with open(folder / "a.txt", "a") as file:
        file.write("on on\n")
    assert "begun with another question" in said(*checked(folder, "--resume", kept))[2]


@pytest.mark.parametrize("content", [b"on wait\n", b"\x00" * 9, b'["lstm-tui progress 1", "x"]\n[1, {"shape": 3}]\n'])
def test_a_file_that_holds_nothing_of_the_kind_is_refused_and_kept(
    folder: Path, tmp_path: Path, said: Runs, content: bytes
) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes(content)
    code, _, err = said(*checked(folder, "--resume", kept))
    assert code == 1
    assert len(err.splitlines()) == 1
    assert kept.read_bytes() == content


CHANGES: dict[str, Callable[[list[Any]], object]] = {
    "its number": lambda line: line.__setitem__(0, 1),
    "what it came to": lambda line: line.__setitem__(1, None),
    "a word": lambda line: line[1][0][2].__setitem__(4, "\x1b[31mall is well"),
    "a line that is not there": lambda line: line[1][0].__setitem__(0, 10**6),
    "no seal": lambda line: line.pop(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_done_and_then_changed_by_hand_is_refused_by_its_line(
    folder: Path, tmp_path: Path, said: Runs, change: str
) -> None:
    kept = tmp_path / "kept"
    command = (*checked(folder, "--resume", kept)[:-1], kept)
    said(*command)
    lines = kept.read_bytes().splitlines()
    at = next(n for n, one in enumerate(lines) if n and json.loads(one)[1])
    line = json.loads(lines[at])
    CHANGES[change](line)
    kept.write_bytes(b"\n".join([*lines[:at], json.dumps(line).encode(), *lines[at + 1 :], b""]))
    code, out, err = said(*command)
    assert (code, out) == (1, "")
    assert f"line {at + 1} is damaged, or was changed" in err
    assert len(err.splitlines()) == 1


def test_a_folder_that_cannot_be_read_is_not_left_out(
    folder: Path, said: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    shut = folder / "shut"
    shut.mkdir()
    (shut / "a.txt").write_text("not here\n")
    listed = os.scandir

    def scan(place: Any) -> Any:
        if Path(place) == shut:
            raise PermissionError(13, "Permission denied", str(place))
        return listed(place)

    monkeypatch.setattr(os, "scandir", scan)
    code, _, err = said(*checked(folder))
    assert code == 1
    assert f"{shut}: cannot be read: permission denied" in err
    assert len(err.splitlines()) == 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8,
)  # fmt: skip


@given(values=st.lists(VALUES, max_size=4), numbers=st.lists(st.floats(width=32), max_size=5))
@settings(max_examples=60, deadline=None)
def test_what_is_kept_reads_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, values: list[object], numbers: list[float]
) -> None:
    path = str(tmp_path_factory.mktemp("kept") / "kept")
    array = np.array(numbers, np.float32)
    with ProgressFile(path, "this") as kept:
        kept.add(0, values)
        kept.add(1, {"a": array})
    again = ProgressFile(path, "this")
    assert repr(again.done[0]) == repr(values)
    assert again.done[1]["a"].tobytes() == array.tobytes()
    with pytest.raises(UserError, match="another question"):
        ProgressFile(path, "that")


def test_counts_that_travel_are_those_of_all_runs(folder: Path) -> None:
    source = Source.of_input(open_model("tiny"), read_input(folder / "a.txt"))
    traces = [source.run(n, "numpy") for n in range(source.count)]
    parts = HealthCounts()
    for some in (traces[:7], traces[7:8], traces[8:]):
        parts.add_plain(HealthCounts().added(some).plain(), traces[0])
    for one, other in zip(parts.health(), health(traces), strict=True):
        assert (one.steps, one.units, one.dead.keys()) == (other.steps, other.units, other.dead.keys())
        assert [(f.kind, f.unit, f.value) for f in one.findings] == [(f.kind, f.unit, f.value) for f in other.findings]
        for mine, theirs in zip(one.gates, other.gates, strict=True):
            for name in ("low", "high", "least", "most", "mean"):
                np.testing.assert_allclose(getattr(mine, name), getattr(theirs, name), rtol=1e-12)


def test_every_line_of_a_folder_is_traced_into_a_folder(folder: Path, tmp_path: Path, said: Runs) -> None:
    out = tmp_path / "traces"
    code, _, told = said("trace", folder, "--model", "tiny", "--interpreter", "numpy", "-o", f"{out}{os.sep}")
    made = len(list(out.iterdir()))
    assert (code, made) == (0, 69)
    assert f"{made} traces of {len({one.name.rsplit('.', 2)[0] for one in out.iterdir()})} files in " in told
    source = Source.of_input(open_model("tiny"), read_input(folder / "b.txt"), line=4)
    with np.load(out / "b.txt.4.npz") as made:
        assert np.array_equal(made["layer0.forward/c"], source.run(interpreter="numpy")["layer0.forward"]["c"])
    code, _, err = said("trace", folder, "--model", "tiny")
    assert code == 1
    assert "traced into a folder" in err


@pytest.mark.parametrize("option", ["jobs", "scheduler", "resume"])
def test_who_works_at_one_trace_is_refused_and_not_ignored(
    folder: Path, tmp_path: Path, said: Runs, option: str
) -> None:
    given = {"jobs": 2, "scheduler": "tcp://127.0.0.1:1", "resume": tmp_path / "kept"}[option]
    line = ("trace", folder / "a.txt", "--model", "tiny", "-o", tmp_path / "one.npz")
    code, out, err = said(*line, f"--{option}", given)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"--{option}" in err
    assert not (tmp_path / "one.npz").exists()
    assert not (tmp_path / "kept").exists()
    assert said(*line, "--jobs", 1)[0] == 0, "as it is done anyway"


def test_a_sweep_trains_every_combination_once_and_goes_on(
    tmp_path: Path, said: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("on wait off wait\noff wait on\n" * 6)
    out = tmp_path / "nets"
    line = (
        "train", corpus, "-o", out, "--epochs", "1", "--embedding", "2", "--interpreter", "numpy",
        "--sweep", "hidden=2,3", "--sweep", "rate=.01,.02", "--sweep", "seed=0",
    )  # fmt: skip
    whole, trained = train_sweep._trained, list[object]()

    def stopping(*given: Any) -> object:
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(given[0])
        return whole(*given)

    monkeypatch.setattr(train_sweep, "_trained", stopping)
    code, stopped, err = said(*line)
    assert code == 130
    assert "the same line goes on" in err
    assert len(stopped.splitlines()) == 4

    def going_on(*given: Any) -> object:
        trained.append(given[0])
        return whole(*given)

    monkeypatch.setattr(train_sweep, "_trained", going_on)
    code, table, err = said(*line)
    assert code == 0
    assert "2 networks of 4 finished before" in err
    assert len(trained) == 4
    assert len({json.dumps(one) for one in trained}) == 4
    assert len(table.splitlines()) == 6
    assert {path.name for path in out.glob("*.safetensors")} == {
        f"hidden{h}-rate{rate}-seed0.safetensors" for h in (2, 3) for rate in (0.01, 0.02)
    }
    assert said(*line)[1] == table, "all of it is there"
    assert len(trained) == 4
    assert "begun with another question" in said(*line, "--sweep", "layers=1,2")[2]


@pytest.mark.parametrize("swept", ["hidden", "hidden=", "hidden=x", "size=3", "rate=0", "hidden=2 hidden=3"])
def test_a_sweep_of_nothing_is_refused(swept: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "x.txt", "-o", "nets", *(word for one in swept.split() for word in ("--sweep", one))])
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_cluster_that_is_not_there_is_one_line(folder: Path, said: Runs) -> None:
    code, out, err = said(*checked(folder, "--scheduler", "tcp://127.0.0.1:1"))
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert "distributed" not in sys.modules or find_spec("distributed") is not None


# --- real processes -------------------------------------------------------------------------------------


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "lstm_tui", *map(str, words)]


@pytest.mark.slow
def test_a_process_that_is_killed_half_way_is_gone_on_with(folder: Path, tmp_path: Path) -> None:
    text = (folder / "a.txt").read_text()
    for name in ("a", "b", "c"):
        (folder / f"{name}.txt").write_text(text * 24)
    kept = tmp_path / "kept"
    line = command(*checked(folder, "--jobs", "1", "--resume", kept))
    whole = subprocess.run(command(*checked(folder, "--jobs", "1")), capture_output=True, check=False)
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and (not kept.exists() or kept.read_bytes().count(b"\n") < 3):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    had = kept.read_bytes().count(b"\n") - 1
    assert had >= 2
    again = subprocess.run(line, capture_output=True, check=False)
    assert (again.returncode, again.stdout) == (whole.returncode, whole.stdout)
    parts = [json.loads(row)[0] for row in kept.read_bytes().splitlines()[1:]]
    assert parts == list(range(len(parts)))


@pytest.mark.slow
@pytest.mark.parametrize("kill", [False, True])
def test_several_processes_give_the_bytes_of_one(folder: Path, kill: bool) -> None:
    text = (folder / "a.txt").read_text()
    for name in ("a", "b", "c"):
        (folder / f"{name}.txt").write_text(text * 24)
    one = subprocess.run(command(*checked(folder, "--jobs", "1")), capture_output=True, check=False)
    with subprocess.Popen(
        command(*checked(folder, "--jobs", "2")), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        if kill:
            while process.poll() is None and not (workers := workers_of(process.pid)):
                time.sleep(0.005)
            os.kill(workers[0], signal.SIGKILL)
        out, err = process.communicate()
    assert (process.returncode, out, err) == (one.returncode, one.stdout, one.stderr)


@pytest.mark.parametrize("broken_at", range(12))
def test_no_part_is_lost_where_the_pool_breaks(monkeypatch: pytest.MonkeyPatch, broken_at: int) -> None:
    """Whether it breaks while a part is handed out or while one is waited for."""
    submitted: list[int] = []

    def hand_out(pool: object, work: object, options: object, files: object, part: int) -> Future[int]:
        submitted.append(part)
        if len(submitted) == broken_at:
            raise BrokenProcessPool
        made: Future[int] = Future()
        if len(submitted) == broken_at + 1:
            made.set_exception(BrokenProcessPool())
        else:
            made.set_result(part)
        return made

    monkeypatch.setattr(many_inputs, "_pool", lambda jobs, stack: None)
    monkeypatch.setattr(many_inputs, "_submitted", hand_out)
    each = many_inputs._by_processes(2, None, Namespace(), (), range(9), ExitStack())  # type: ignore[arg-type]
    assert list(each) == list(range(9))


def workers_of(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            behind = status.read_text().rpartition(")")[2].split()
            if int(behind[1]) == parent and b"spawn_main" in (status.parent / "cmdline").read_bytes():
                found.append(int(status.parent.name))
        except OSError:
            continue
    return found


@pytest.fixture
def cluster() -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers, each a process."""
    pytest.importorskip("distributed")
    address = "tcp://127.0.0.1:28786"
    module = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "28786", "--no-dashboard"]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    made = [subprocess.Popen(module, **quiet)]  # type: ignore[call-overload]
    made += [subprocess.Popen([*worker, "--no-nanny"], **quiet) for _ in range(2)]  # type: ignore[call-overload]
    yield address, made[1:]
    for process in made:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["check", "stats", "trace"])
def test_a_cluster_that_loses_a_worker_gives_the_bytes_of_one_machine(
    folder: Path, tmp_path: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]], kind: str
) -> None:
    address, workers = cluster
    text = (folder / "a.txt").read_text()
    for name in ("a", "b", "c"):
        (folder / f"{name}.txt").write_text(text * (12 if kind == "trace" else 60))
    line: tuple[object, ...] = checked(folder)
    if kind != "check":
        line = (kind, folder, "--model", "tiny", *(("--json",) if kind == "stats" else ()))
    one, many = (tmp_path / name for name in ("one", "many"))
    into = [("-o", f"{path}/") if kind == "trace" else () for path in (one, many)]
    alone = subprocess.run(command(*line, *into[0], "--jobs", "1"), capture_output=True, check=False)
    kept = tmp_path / "kept"
    with subprocess.Popen(
        command(*line, *into[1], "--scheduler", address, "--resume", kept), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        while process.poll() is None and (not kept.exists() or kept.read_bytes().count(b"\n") < 2):
            time.sleep(0.01)
        workers[0].kill()
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (alone.returncode, alone.stdout), err
    parts = [json.loads(row)[0] for row in kept.read_bytes().splitlines()[1:]]
    assert parts == list(range(len(parts))), "nothing lost, nothing twice"
    if kind == "trace":
        names = sorted(path.name for path in one.iterdir())
        assert names == sorted(path.name for path in many.iterdir())
        assert all((one / name).read_bytes() == (many / name).read_bytes() for name in names)


def test_a_mistake_in_another_process_is_the_same_line() -> None:
    with pytest.raises(ExpressionError) as made:
        parse("c[0] = 1")
    again = copy(made.value)
    assert (str(again), again.under) == (str(made.value), made.value.under)


def test_a_part_is_a_range_of_one_file() -> None:
    assert InputPart(0, 2, 5)._asdict() == {"file": 0, "start": 2, "stop": 5}


@pytest.mark.parametrize("wrong", ["f[0] <", "nothing > 1", "f[0] + 1", "share('x'"])
def test_a_wrong_assertion_is_usage_and_one_of_a_file_is_of_that_file(tmp_path: Path, wrong: str) -> None:
    """Exit code 2 is for what was typed, 1 for what a file holds, 3 for what does not hold."""
    text, checks = tmp_path / "t.txt", tmp_path / "checks"
    text.write_text("a b\n", encoding="utf-8")
    checks.write_text(wrong + "\n", encoding="utf-8")
    asked = ["check", str(text), "--cell", "lstm", "--hidden", "2"]
    assert main([*asked, "--assert", wrong]) == 2
    assert main([*asked, "--assert", "f[0] < 2", "--assert", wrong]) == 2
    assert _code([*asked, "--checks", str(checks)]) == 1
    assert main([*asked, "--assert", "f[0] > 2"]) == 3


def _code(arguments: list[str]) -> int:
    try:
        return main(arguments)
    except SystemExit as ended:
        return int(str(ended.code))


@pytest.fixture
def with_bad_ones(folder: Path) -> Path:
    """The same folder with a file that is cut short, a link to nothing and a pipe in it."""
    (folder / "aa.txt").write_bytes(b"\xff\xfe\x00")
    (folder / "empty.txt").write_text("")
    (folder / "gone.txt").symlink_to(folder / "nowhere.txt")
    os.mkfifo(folder / "pipe.txt")
    return folder


COMMANDS: dict[str, tuple[str, ...]] = {
    "check": ("--assert", ASSERTED, "--json"), "stats": ("--json",), "find": ("--like", "c @ 0", "--json"),
}  # fmt: skip


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_bad_file_of_a_folder_is_named_and_the_others_are_answered(
    with_bad_ones: Path, tmp_path: Path, said: Runs, small_parts: None, command: str, jobs: int
) -> None:
    good = tmp_path / "good"
    good.mkdir()
    for name in ("a", "b", "c"):
        (good / f"{name}.txt").write_bytes((with_bad_ones / f"{name}.txt").read_bytes())
    line = (*COMMANDS[command], "--model", "tiny", "--interpreter", "numpy")
    line += () if command == "find" else ("--jobs", str(jobs))
    whole = said(command, good, *line)
    code, out, err = said(command, with_bad_ones, *line)
    assert code == 1
    told = [one for one in err.splitlines() if one.endswith("it is left out")]
    assert len(told) == 4, err
    for name in ("aa.txt", "empty.txt", "gone.txt", "pipe.txt"):
        assert sum(name in one for one in told) == 1
    found, expected = json.loads(out), json.loads(whole[1])
    assert found.pop("left_out", None) in (None, [one.removeprefix("lstm-tui: ") for one in told])
    moved = json.dumps(found).replace(str(with_bad_ones), str(good))
    assert json.loads(moved) == expected


def test_a_bad_file_that_is_named_is_refused_and_so_are_only_bad_ones(with_bad_ones: Path, said: Runs) -> None:
    line = ("--model", "tiny", "--assert", ASSERTED)
    code, out, err = said("check", with_bad_ones / "a.txt", with_bad_ones / "empty.txt", *line)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    for name in ("a.txt", "b.txt", "c.txt"):
        (with_bad_ones / name).unlink()
    code, out, err = said("check", with_bad_ones, *line)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1


def test_a_part_that_cannot_be_run_is_named_and_kept_from_what_is_done(
    folder: Path, tmp_path: Path, said: Runs, small_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = check.check_part

    def failing(source: Source, lines: range, options: Namespace) -> object:
        if "b.txt" in source.where and lines.start == 5:
            raise UserError("this part cannot be run")
        return work(source, lines, options)

    monkeypatch.setattr(check, "check_part", failing)
    code, out, err = said(*checked(folder, "--json", "--resume", tmp_path / "kept"))
    assert code == 1
    (told,) = json.loads(out)["left_out"]
    assert "b.txt: lines 6 to 10: this part cannot be run" in told
    assert told in err
    counts = json.loads(out)["assertions"][0]
    assert sum(counts[name] for name in ("held", "failed", "not_known", "not_asked")) == 69 - 5
    monkeypatch.setattr(check, "check_part", work)
    again = said(*checked(folder, "--json", "--resume", tmp_path / "kept"))
    assert again[:2] == said(*checked(folder, "--json"))[:2], "what was left out is done in the next run"
