"""A training that is ended before its end: it is gone at once, and what was learned is kept to the mini-batch."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from registries import sampled
from safetensors.numpy import load_file

import lstm_tui
from lstm_tui.analysis.train import loop
from lstm_tui.analysis.train.loss import losses_and_gradients
from lstm_tui.cli.arguments import parse
from lstm_tui.cli.train import stopped_words
from lstm_tui.cli.training import job_of
from lstm_tui.formats.importers.native import load, read_header
from lstm_tui.models.checkpoint import checkpoint_of, load_state
from lstm_tui.models.train_job import Job, KeptTraining, Training

OUTPUT = "n.safetensors"
ARGUMENTS = [
    "train", "echo.txt", "--epochs", "3", "--batch", "8", "--hidden", "8", "--embedding", "6", "--interpreter", "numpy",
]  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.chdir(tmp_path)
    chance = random.Random(0)
    stories = [[who, *chance.choices(["so", "very"], k=2), who] for who in chance.choices(["ann", "bob"], k=60)]
    (tmp_path / "echo.txt").write_text("".join(" ".join(words) + "\n" for words in stories))
    return tmp_path


def job(output: str = OUTPUT) -> Job:
    return job_of(parse([*ARGUMENTS, "-o", output]), "lstm", 0)


@pytest.fixture
def whole(folder: Path) -> dict[str, Any]:
    """The weights of a training that nobody ended."""
    job("whole.safetensors").run("whole.safetensors")
    return dict(load_file("whole.safetensors"))


@contextmanager
def stuck(monkeypatch: pytest.MonkeyPatch, batches: int) -> Iterator[tuple[Training, threading.Event]]:
    """A training in a thread, which after so many mini-batches is in one that does not end until the event is set."""
    there, go, seen, real = threading.Event(), threading.Event(), [0], losses_and_gradients

    def slow(*arguments: Any) -> Any:
        seen[0] += 1
        if seen[0] > batches:
            there.set()
            assert go.wait(60)
        return real(*arguments)

    training = Training(job(), OUTPUT)
    thread = threading.Thread(target=training.run, daemon=True)
    with monkeypatch.context() as patched:
        patched.setattr(loop, "losses_and_gradients", slow)
        thread.start()
        try:
            assert there.wait(60)
            yield training, go
        finally:
            go.set()
            thread.join(60)
            assert not thread.is_alive()


@pytest.mark.parametrize("batches", sampled([1, 3, 7, 6, 17, 8], 2))
def test_it_is_cut_off_in_the_midst_of_a_mini_batch_and_goes_on_to_the_same_bits(
    batches: int, whole: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_task = job().task.examples
    examples = len(of_task(0) if callable(of_task) else of_task)
    per_epoch = -(-examples // 8)
    with stuck(monkeypatch, batches) as (training, go):
        kept = training.keep()  # the mini-batch that was begun has not ended, and is not waited for
        before = {path: path.read_bytes() for path in folder.glob("n.*")}
        go.set()
    assert kept is not None
    assert (kept.epochs, kept.batches) == divmod(batches, per_epoch)
    assert {path: path.read_bytes() for path in folder.glob("n.*")} == before  # the thread writes nothing more
    assert read_header(OUTPUT)["card"]["accuracy"] == kept.accuracy
    job().run(OUTPUT, resume=True)
    now = load_file(OUTPUT)
    assert all(np.array_equal(whole[name], now[name]) for name in whole)


def test_before_anything_was_learned_no_file_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with stuck(monkeypatch, 0) as (training, _):
        assert training.keep() is None
    assert sorted(path.name for path in folder.iterdir()) == ["echo.txt"]


def test_a_training_that_is_killed_goes_on_from_its_last_second(
    folder: Path, whole: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the midst of an epoch there is a checkpoint already, and nobody was asked to keep anything."""
    monkeypatch.setattr(Training, "EVERY", 0.0)
    monkeypatch.setattr(Training, "SHARE", float("inf"))
    asked = job().asked
    with stuck(monkeypatch, 3) as (training, _):
        state = load_state(checkpoint_of(OUTPUT), asked)
        copy = checkpoint_of(OUTPUT).read_bytes()
        training.keep()
    assert (state.epoch, state.batch) == (0, 3)
    checkpoint_of(OUTPUT).write_bytes(copy)
    Path(OUTPUT).unlink()
    job().run(OUTPUT, resume=True)
    now = load_file(OUTPUT)
    assert all(np.array_equal(whole[name], now[name]) for name in whole)


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        (None, "stopped before anything was learned; no file was written"),
        (KeptTraining(0, 1, 0, ""), "--resume goes on after 1 mini-batch of epoch 1"),
        (
            KeptTraining(0, 7, 0, ""),
            "n.safetensors holds the network in the middle of epoch 1, and how good it is was not",
        ),
        (KeptTraining(4, 0, 3, "x"), "n.safetensors holds the best so far, epoch 3: x; --resume goes on after epoch 4"),
        (KeptTraining(4, 2, 3, "x"), "--resume goes on after epoch 4 and 2 mini-batches of epoch 5"),
    ],
)
def test_what_is_said_is_what_is_left(kept: KeptTraining | None, words: str) -> None:
    assert words in stopped_words(OUTPUT, kept)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_process_says_what_it_kept(number: int, code: int) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(lstm_tui.__file__).parent.parent)}
    words = [sys.executable, "-m", "lstm_tui", *ARGUMENTS, "--rate", "0.001", "-o", OUTPUT]
    words[words.index("--epochs") + 1] = "9000"
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        deadline = time.monotonic() + 60
        while not checkpoint_of(OUTPUT).exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == code
    assert said.count("\n") == 1
    assert "--resume goes on after" in said
    load(OUTPUT)
    assert not list(Path().glob(".*.part"))
