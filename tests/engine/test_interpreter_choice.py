"""One choice of the interpreter for every caller, one thread for its products, and no run begun that cannot be held."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lstm_tui
from lstm_tui.analysis.train.loop import Settings
from lstm_tui.analysis.train.loss import Example, mean_loss
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime import batch, blas, forward, interpreters, run
from lstm_tui.engine.runtime.forward import RunBuffers
from lstm_tui.engine.runtime.incremental import GrowingRun

FOLDER = Path(lstm_tui.__file__).parent.parent


def network() -> Network:
    return lstm_tui.load("sentiment")


def words(count: int) -> str:
    return " ".join(["film"] * count)


CALLERS: dict[str, Callable[[int], str]] = {
    "trace": lambda steps: lstm_tui.trace(words(steps)).interpreter,
    "session": lambda steps: lstm_tui.session(words(steps)).frame.trace.interpreter,
    "Session.open": lambda steps: Session.open(Source(network(), [_sequence(steps)])).frame.trace.interpreter,
    "run": lambda steps: run.run(network(), _sequence(steps)).interpreter,
    "run_arrays": lambda steps: (
        forward.run_arrays(network(), run.input_of(network(), _sequence(steps), np.dtype(np.float32))).interpreter
    ),
}


def _sequence(steps: int) -> Sequence:
    return lstm_tui.trace(words(steps), interpreter="numpy").sequence


@pytest.mark.parametrize("caller", CALLERS)
def test_every_caller_takes_the_one_that_is_done_sooner(caller: str, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = len(network().passes)
    for pays in (1, 3 * passes - 1, 3 * passes, 3 * passes + 1):
        monkeypatch.setattr(interpreters, "NUMBA_PAYS", pays)
        assert CALLERS[caller](3) == ("numba" if 3 * passes > pays else "numpy"), pays


def test_what_is_asked_for_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for pays in (0, 10**9):
        monkeypatch.setattr(interpreters, "NUMBA_PAYS", pays)
        for name in interpreters.INTERPRETERS:
            assert lstm_tui.trace(words(3), interpreter=name).interpreter == name
    with pytest.raises(UserError, match="there is no interpreter cuda; there are numpy and numba"):
        lstm_tui.trace(words(3), interpreter="cuda")


WITHOUT = "import sys; sys.modules['numba'] = None\n"
COMMANDS = {
    "run": ["run", "t.txt", "--plain", "--batch", "-x", "keys"],
    "trace": ["trace", "t.txt", "-o", "o.json"],
    "check": ["check", "t.txt", "--assert", "max(c) > 0"],
    "stats": ["stats", "t.txt"],
    "reach": ["reach", "t.txt"],
    "compare": ["compare", "t.txt", "--model", "sentiment", "--model", "sentiment-forward"],
    "train": ["train", "t.txt", "-o", "n.safetensors", "--epochs", "1", "--hidden", "4", "--held-out", "0.2"],
    "inspect": ["inspect", "sentiment"],
    "help": ["--help"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_without_numba_every_command_goes_on_by_numpy(name: str, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("the film was not bad at all\n" * 2_000)
    (tmp_path / "keys").write_text("next\nremove 1\ncontinue\n")
    script = f"{WITHOUT}from lstm_tui.cli import main\nsys.exit(main(sys.argv[1:]))"
    done = _python(tmp_path, script, *COMMANDS[name], *(["--whole"] if name == "trace" else []))
    assert "Traceback" not in done.stderr + done.stdout
    assert done.returncode in (0, 3), done.stderr
    if name == "trace":
        assert '"interpreter":"numpy"' in (tmp_path / "o.json").read_text().replace(": ", ":")


@pytest.mark.long
def test_without_numba_python_goes_on_by_numpy_and_says_so(tmp_path: Path) -> None:
    script = (
        f"{WITHOUT}import lstm_tui\nfrom lstm_tui.analysis.train.loop import Settings\n"
        "print(lstm_tui.trace('film ' * 9000).interpreter, Settings().interpreter)\n"
        "from lstm_tui.cli import main\nsys.exit(main(['trace', 't.txt', '--interpreter', 'numba', '-o', 'o.json']))"
    )
    (tmp_path / "t.txt").write_text("film\n")
    done = _python(tmp_path, script)
    assert done.stdout == "numpy numpy\n"
    assert done.returncode == 1
    told, refused = done.stderr.splitlines()
    assert told.startswith("Numba cannot be used (No module named 'numba'): NumPy makes every run")
    assert refused.startswith("lstm-tui: numba cannot be loaded here")


def _python(folder: Path, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    base = {name: value for name, value in os.environ.items() if not name.endswith("_THREADS")}
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=folder, text=True, capture_output=True,
        stdin=subprocess.DEVNULL, env={**base, "PYTHONPATH": str(FOLDER), **environment},
    )  # fmt: skip


# One thread.


@pytest.fixture
def two_threads() -> object:
    controls = blas._controls()
    if controls is None:
        pytest.skip("NumPy's library of this installation is not known")
    get, put = controls
    before = get()
    put(2)
    if get() != 2:
        pytest.skip("NumPy's library has one thread alone")
    yield
    put(before)


@pytest.mark.usefixtures("two_threads")
def test_products_take_one_thread_and_what_held_before_holds_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int | None] = []
    matmul = np.matmul

    def watched(*given: Any, **named: Any) -> Any:
        seen.append(blas.threads())
        return matmul(*given, **named)

    monkeypatch.setattr(np, "matmul", watched)
    trace = lstm_tui.trace(words(70), interpreter="numpy")
    assert seen
    assert set(seen) == {1}
    assert blas.threads() == 2
    assert trace.ran is not None
    run.gradients(trace.ran)
    assert blas.threads() == 2
    with pytest.raises(UserError):
        lstm_tui.trace(words(3), interpreter="numpy", initial={"layer0.forward": {"h": [1.0]}})
    assert blas.threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_runs_of_several_threads_end_with_what_held_before() -> None:
    inside = threading.Barrier(4, timeout=60)
    seen: list[int | None] = []

    @blas.one_thread
    def work() -> None:
        inside.wait()
        seen.append(blas.threads())
        inside.wait()

    for _ in range(5):
        many = [threading.Thread(target=work) for _ in range(4)]
        for one in many:
            one.start()
        for one in many:
            one.join()
        assert blas.threads() == 2
    assert set(seen) == {1}


@pytest.mark.parametrize("chosen", ["", "2"])
def test_the_command_line_takes_one_thread_where_the_user_says_nothing(chosen: str, tmp_path: Path) -> None:
    script = (
        "import sys, os\nfrom lstm_tui.cli import main\nmain(['cells'])\n"
        "assert 'numpy' in sys.modules\nfrom lstm_tui.engine.runtime import blas\n"
        "print('said', os.environ['OPENBLAS_NUM_THREADS'], blas.threads() or os.environ['OPENBLAS_NUM_THREADS'])"
    )
    done = _python(tmp_path, script, **({"OPENBLAS_NUM_THREADS": chosen} if chosen else {}))
    said = done.stdout.splitlines()[-1]
    assert said.startswith(f"said {chosen or 1} "), done.stderr
    assert said == "said 1 1" or chosen


def test_python_leaves_the_environment_alone(tmp_path: Path) -> None:
    done = _python(
        tmp_path, "import os, lstm_tui; lstm_tui.trace('film'); print(os.environ.get('OPENBLAS_NUM_THREADS'))"
    )
    assert done.stdout == "None\n"


# Too long.


@pytest.mark.parametrize("name", interpreters.INTERPRETERS)
def test_arrays_that_would_be_too_large_are_refused_before_anything_is_computed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = network()
    each = forward.bytes_of_token(net, "float32")
    monkeypatch.setattr(forward, "MAX_VALUES_BYTES", 20 * each)
    fits, more = (run.input_of(net, _sequence(count), "float32") for count in (20, 21))
    assert len(forward.run_arrays(net, fits, name).x) == 20
    monkeypatch.setattr(forward, "run_pass", lambda *_: pytest.fail("computed"))
    with pytest.raises(
        UserError, match=r"^21 tokens would take 0\.\d+ MB of values, .* give at most 20 tokens at a time"
    ):
        forward.run_arrays(net, more, name)
    with pytest.raises(UserError, match="give at most 10 tokens"):
        forward.run_arrays(net, fits.astype(np.float64), name)


@pytest.mark.parametrize("name", interpreters.INTERPRETERS)
def test_a_run_that_is_too_long_for_arrays_is_held_in_windows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run.run(network(), _sequence(21), name)
    assert whole.windows is None
    monkeypatch.setattr(forward, "MAX_VALUES_BYTES", 20 * forward.bytes_of_token(network(), "float32"))
    assert run.run(network(), _sequence(20), name).windows is None
    held = run.run(network(), _sequence(21), name)
    assert held.windows is not None
    for one, passed in whole.items():
        for value, series in passed.items():
            np.testing.assert_array_equal(np.asarray(held[one][value]), series)


def test_what_is_estimated_is_what_is_held() -> None:
    trace = lstm_tui.trace(words(300), interpreter="numpy")
    assert trace.ran is not None
    held = trace.ran.x.nbytes
    for stored in trace.ran.stored.values():
        held += sum(series.nbytes for series in stored.values.values()) + stored.inputs["x"].nbytes
    held += 0 if trace.ran.readout is None else trace.ran.readout.rows.nbytes
    assert held == 300 * forward.bytes_of_token(network(), "float32")


def test_a_process_that_may_have_little_is_told_so(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    script = (
        "import resource, sys\nfrom lstm_tui.engine.runtime import forward\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, resource.RLIM_INFINITY))\n"
        "print(forward.most_bytes())"
    )
    assert _python(tmp_path, script).stdout == f"{1 << 29}\n"


def test_training_and_growing_go_by_the_same_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().interpreter == interpreters.available("numba")
    seen: list[str | None] = []
    monkeypatch.setattr(interpreters, "NUMBA_PAYS", 5)
    net = lstm_tui.load("sentiment-forward")
    wanted = batch.run_each

    def noted(network: Network, sequences: Iterable[batch.ToRun], interpreter: str) -> Iterator[RunBuffers]:
        seen.append(interpreter)
        return wanted(network, sequences, interpreter)

    monkeypatch.setattr("lstm_tui.analysis.train.loss.run_each", noted)
    mean_loss(net, [Example(np.array([1, 2, 3]), 0)] * 2)
    assert seen == ["numba"]  # once for both, which are run together
    trace = run.run(net, lstm_tui.trace(words(3), net).sequence)
    assert GrowingRun(trace).grow(trace.sequence).interpreter == trace.interpreter


@pytest.mark.parametrize("name", interpreters.INTERPRETERS)
@pytest.mark.parametrize("passes", [1, 2, 3, 7])
def test_what_is_run_at_once_is_shared_by_the_passes(name: str, passes: int) -> None:
    alone, shared = interpreters.quick_steps(name, 1), interpreters.quick_steps(name, passes)
    assert 0 < shared * passes <= alone < (shared + 1) * passes
    assert interpreters.quick_steps("numpy", 1) < interpreters.NUMBA_PAYS, "nobody waits where NumPy is done at once"


def test_a_run_of_an_unknown_interpreter_is_never_at_once() -> None:
    assert interpreters.quick_steps("another", 1) == 0
