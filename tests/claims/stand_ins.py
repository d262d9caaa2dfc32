"""A scratch folder with a real file for every file that a document makes up, and real words for its placeholders."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import wave
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from made_captures import made_capture
from present import present
from saved_arrays import savez

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.engine.model.network import build_network
from lstm_tui.formats.captures.capture_file import write as write_capture
from lstm_tui.formats.importers.native import save
from lstm_tui.formats.importers.torch.file import read_torch
from lstm_tui.lesson.library import example

from .documents import ROOT

_FILES = ROOT / "tests" / "formats" / "files"
_SAMPLES = ROOT / "samples"

WORDS: dict[str, tuple[str, ...]] = {
    "FILE": ("sample.txt", "story.txt", "ids.txt", "vocabulary.txt", "lines.edits", "fresh.edits", "fresh.safetensors"),
    "FILE.html": ("fresh.html",),
    "A": ("sentiment",), "B": ("sentiment-forward",), "M": ("sentiment",),
    "NAME": ("story", "sentiment", "tiny", "lstm"), "NAME.local": ("a.local",),
    "EDITS": ("lines.edits",), "SCRIPT": ("script.txt",), "N": ("1",), "TOPIC": ("keys",), "VERB": ("next",),
    "TOKEN": ("not",), "HARNESS": ("doors",), "COMMAND": ("run",), "my.pt": ("ids.pt",),
    "work.ltui": ("work.ltui", "fresh.ltui"),
}  # fmt: skip
"""What may stand for a placeholder: what is said with it must hold for one of these at least."""
_LONGEST_FIRST = "|".join(map(re.escape, sorted(WORDS, key=len, reverse=True)))
_PLACEHOLDER = re.compile(rf"(?<![\w./-])({_LONGEST_FIRST})(?![\w/])")
_OPTIONAL = re.compile(r" \[([A-Z]+)\]")
_MOST = 64


def with_real_words(line: str) -> Iterator[str]:
    """Yield a line with real words in place of its placeholders, in every way, up to 64."""
    if _OPTIONAL.search(line):
        yield from with_real_words(_OPTIONAL.sub("", line))
        line = _OPTIONAL.sub(r" \1", line)
    used = sorted({found[1] for found in _PLACEHOLDER.finditer(line)})
    for count, choice in enumerate(product(*(WORDS[word] for word in used))):
        if count == _MOST:
            return
        chosen = dict(zip(used, choice, strict=True))
        yield "".join(chosen.get(part, part) for part in _PLACEHOLDER.split(line))


@cache
def _made() -> TemporaryDirectory[str]:
    folder = TemporaryDirectory(prefix="claims-")
    here = Path(folder.name)
    shutil.copytree(_SAMPLES, here / "samples")
    for made_up in ("sample.txt", "review.txt", "app.log"):
        shutil.copy(_SAMPLES / "sample.txt", here / made_up)
    for made_up in ("story.txt", "notes.txt"):
        shutil.copy(_SAMPLES / "story.txt", here / made_up)
    shutil.copy(_SAMPLES / "waves.csv", here / "waves.csv")
    shutil.copy(_FILES / "torch_tagger.pt", here / "ids.pt")
    page = (ROOT / "lstm_tui" / "engine" / "cells" / "lstm.toml").read_text("utf-8")
    (here / "my.toml").write_text(page.replace('name = "lstm"', 'name = "my"'), "utf-8")
    shutil.copy(example(), here / "mine.toml")
    (here / "ids.txt").write_text("1 2 3\n4 5 6\n")
    (here / "vocabulary.txt").write_text("".join(f"word{n}\n" for n in range(11)))
    (here / "mails.tsv").write_text("good\ta fine day\nbad\ta grey day\n" * 6)
    for made_up in ("lines.edits", "mine.txt"):
        (here / made_up).write_text("remove 3\n")
    (here / "script.txt").write_text("next\n")
    for made_up in ("early.safetensors", "late.safetensors"):
        shutil.copy(ROOT / "lstm_tui" / "models" / "story.safetensors", here / made_up)
    shutil.copy(ROOT / "lstm_tui" / "models" / "forecast.safetensors", here / "detector.safetensors")
    with contextlib.chdir(here):
        _record("ids.pt", "R.npz")
        _record_streams()
        write_capture(made_capture(), "run.npz")
        _write_weights()
        with contextlib.redirect_stdout(io.StringIO()):
            main(["trace", "sample.txt", "-o", "trace.json"])
            shutil.copy("trace.json", "review.json")
            (here / "save.txt").write_text("save-session work.ltui\n")
            main(["run", "sample.txt", "--plain", "-x", "save.txt", "--batch"])
    return folder


def _write_weights() -> None:
    """Write the network of `ids.pt` as a bag of arrays, and the decisions that are made of it as a map."""
    file = read_torch(Path("ids.pt").read_bytes(), "ids.pt")
    savez("weights.npz", {name: np.asarray(tensor) for name, tensor in file.tensors.items()})
    with contextlib.redirect_stdout(io.StringIO()):
        main(["inspect", "weights.npz", "--write-map", "map.toml"])


def is_made_up(name: str) -> bool:
    """Say whether a file is one that the documents make up, and that is in the folder."""
    return (Path(_made().name) / name).is_file()


def _record(model: str, file: str) -> None:
    """Write what another runtime would have recorded of a network: here, what this one gives."""
    trace = lstm_tui.trace(Path("ids.txt"), model=model)
    values = {f"{name}/h": passed["h"] for name, passed in trace.passes.items()}
    savez(file, {"input": np.asarray([1, 2, 3]), **values})


def _record_streams() -> None:
    """Write what applications recorded: of numbers, and of samples that are read with 64 of before."""
    chunks = np.random.default_rng(1).normal(size=(6, 8, 3))
    whole = present(lstm_tui.trace(chunks.reshape(-1, 3), model="forecast").output)
    savez("recording.npz", {"input": chunks, "output": np.asarray(whole).reshape(6, 8, -1)})
    layer = {"cell": "lstm", "hidden_size": 2, "directions": ["forward"], "merge": "concat"}
    save(build_network({"name": "listener", "input_size": 576, "layers": [layer], "readout": None}),
         Path("listener.safetensors"))  # fmt: skip
    with wave.open("sound.wav", "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16000)
        sound.writeframes(bytes(range(256)) * 16)
    savez("samples.npz", {"input": np.zeros((3, 512)), "output": np.zeros((3, 2))})


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Be in a folder that holds all of them, a new copy each time, with nothing on the terminal."""
    with TemporaryDirectory(prefix="claims-") as folder:
        here = Path(folder) / "here"
        shutil.copytree(_made().name, here, copy_function=os.link)
        with contextlib.chdir(here):
            yield here
