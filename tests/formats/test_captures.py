"""The file of a capture: read back the same, and damaged in one place refused in one line; PyTorch is not needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_captures import made_capture
from saved_arrays import savez

from lstm_tui.cli.main import main
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.captures.capture_file import is_capture, read, write
from lstm_tui.formats.captures.captured_run import run_together


def test_a_capture_reads_back_the_same(tmp_path: Path) -> None:
    made = made_capture()
    write(made, tmp_path / "run.npz")
    assert is_capture(tmp_path / "run.npz")
    again = read(tmp_path / "run.npz")
    assert repr(again) == repr(made)
    assert again.difference == 0
    for one, other in zip(made.runs, again.runs, strict=True):
        assert repr(one) == repr(other)
        assert one.tokens == other.tokens
        np.testing.assert_array_equal(one.gradients["layer0.forward"]["f"], other.gradients["layer0.forward"]["f"])
        np.testing.assert_array_equal(one.trace.result, other.trace.result)


def test_sequences_that_run_together_have_the_bits_that_each_has_alone() -> None:
    together, alone = made_capture(3, 5, 4), made_capture(3, 5, 4)
    run_together(together.runs)
    for one, other in zip(together.runs, alone.runs, strict=True):
        assert one.trace.classes == other.trace.classes
        for value, series in other.trace["layer0.forward"].items():
            np.testing.assert_array_equal(one.trace["layer0.forward"][value], series, err_msg=value)


def _text(old: str, new: str) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        said = str(arrays["about"])
        assert old in said
        arrays["about"] = np.array(said.replace(old, new))

    return change


def _array(name: str, make: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        arrays[name] = make(arrays[name])

    return change


def _gone(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda arrays: arrays.pop(name)


DAMAGE = {
    "no rows": _array("capture/run/0/x", lambda one: one[:0]),
    "another width": _array("capture/run/1/x", lambda one: one[:, :1]),
    "no y": _gone("capture/run/0/y"),
    "a short gradient": _array("capture/run/0/d_y", lambda one: one[1:]),
    "half a gradient": _gone("capture/run/0/d_c"),
    "half a state": _gone("capture/run/0/h_n"),
    "ends before the end": _array("capture/run/0/ends", lambda one: one - 1),
    "ends that fall": _array("capture/run/0/ends", lambda one: np.array([2, 2])),
    "no truths": _array("capture/run/0/linked", lambda one: one.astype(np.int64)),
    "weights of no cell": _array("capture/weight/0/weight_hh_l0", lambda one: one[:5]),
    "a weight that is one number": _array("capture/weight/0/weight_hh_l0", lambda one: one[0, 0]),
    "no weights": lambda arrays: [arrays.pop(name) for name in list(arrays) if "/weight/" in name],
    "a gradient of another shape": _array("capture/gradient/0/bias_ih_l0", lambda one: one[1:]),
    "a loss of many": _array("capture/loss", lambda one: np.zeros(2)),
    "an answer of three axes": _array("capture/run/0/answer", lambda one: one[None, None]),
    "another token": _text('"not", "bad"', '"not"'),
    "a module that is not there": _text('"module": 0', '"module": 7'),
    "a sequence outside": _text('"batch": 1', '"batch": 5'),
    "another cell": _text('"LSTM"', '"MGU"'),
    "no name": _text('"name": "enc.rnn"', '"name": ""'),
    "a later version": _text('"version": 1', '"version": 99'),
    "a text for a number": _text('"call": 0', '"call": "0"'),
    "no runs": _text('"runs": [', '"runs": [], "others": ['),
}


SHAPED = "must be floating point numbers, a gradient in the shape of its weight"
SAID = {
    "no rows": "runs[0].x must be rows of 2 numbers",
    "another width": "runs[1].x must be rows of 2 numbers",
    "no y": "runs[0].y or a gradient is missing",
    "a short gradient": "runs[0].d_y must be 2×3 numbers",
    "half a gradient": "runs[0].d_h stands without the other states",
    "half a state": "runs[0].c_n stands without the other states",
    "ends before the end": "runs[0].ends must be whole numbers that end with the last step",
    "ends that fall": "runs[0].ends must grow",
    "no truths": "runs[0].linked must be a truth for each call",
    "weights of no cell": f"modules[0].weight_hh_l0 {SHAPED}",
    "a weight that is one number": f"modules[0].weight_hh_l0 {SHAPED}",
    "no weights": f"modules[0].weight_ih_l0 {SHAPED}",
    "a gradient of another shape": f"modules[0].bias_ih_l0 {SHAPED}",
    "a loss of many": "capture/loss must be one number",
    "an answer of three axes": "runs[0].answer must be numbers, or a row of them at each step",
    "another token": "runs[0].tokens must be 2, one a step",
    "a module that is not there": "runs[0].module must be a whole number from 0 to 0",
    "a sequence outside": "runs[1].batch must be a whole number from 0 to 1",
    "another cell": "modules[0].mode is 'MGU', and must be LSTM or GRU or RNN_TANH or RNN_RELU",
    "no name": "modules[0].name must be another for each module",
    "a later version": "it was written by a newer lstm-tui (version 99)",
    "a text for a number": "runs[0].call must be a whole number",
    "no runs": "runs must be 1 to 100000",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_one_line(damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(made_capture(), tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz") as there:
        arrays: dict[str, Any] = dict(there)
    DAMAGE[damage](arrays)
    savez(tmp_path / "run.npz", arrays)
    with pytest.raises(UserError) as told:
        read(tmp_path / "run.npz")
    assert (
        str(told.value).removeprefix(f"{tmp_path / 'run.npz'}: ").removeprefix("capture: is damaged: ") == SAID[damage]
    )
    assert main(["open", str(tmp_path / "run.npz"), "--plain"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_open_takes_a_module_and_a_sequence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, script = tmp_path / "run.npz", tmp_path / "s.x"
    write(made_capture(), path)
    script.write_text("print result\nnext\nprint token\n")
    assert main(["open", str(path), "--module", "rnn", "--sequence", "1", "--plain", "--batch", "-x", str(script)]) == 0
    out = capsys.readouterr().out
    assert "“so”" in out
    for given, said in (
        (["--sequence", "9"], "the batch has 2"), (["--module", "enc.rn"], "did you mean enc.rnn"),
    ):  # fmt: skip
        assert main(["open", str(path), *given, "--plain"]) == 2
        assert said in capsys.readouterr().err
    savez(tmp_path / "t.npz", {"x": np.zeros((2, 2))})
    assert main(["open", str(tmp_path / "t.npz"), "--sequence", "1", "--plain"]) == 2
    assert "are for captures" in capsys.readouterr().err
