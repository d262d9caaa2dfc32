"""Every option and verb that takes a file, with the command line that goes through it and the files to begin from."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import sys
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from lstm_tui.cli import arguments
from lstm_tui.cli.main import main
from lstm_tui.debugger.commands.dispatch import VERBS
from lstm_tui.formats.captures.capture_file import write as write_capture

sys.path.insert(0, str(Path(__file__).parents[1]))
from made_captures import made_capture

FROZEN = Path(__file__).parents[1] / "formats" / "files"
PACKAGE = Path(__file__).parents[2] / "lstm_tui"
_PLAIN = "--plain --batch -x ok.x"
_RUN = "run t.txt"
BASES = {
    "find": "find t.txt --where h[0]<9",
    "run": f"run t.txt {_PLAIN}", "check": "check t.txt --assert h[0]<9", "trace": "trace t.txt",
    "stats": "stats t.txt", "reach": "reach t.txt", "worksheet": "worksheet t.txt --steps 0:1",
    "report": "report t.txt", "figure": "figure t.txt",
    "inspect": "inspect tagger.pt", "verify": "verify tagger.pt --reference reference.npz",
    "stream": "stream ids.npz --model forward.npz",
    "convert": "convert tagger.pt -o out.safetensors", "open": f"open trace.json {_PLAIN}",
    "compare": "compare t.txt --edits e.txt --plain", "models": "models", "cells": "cells show lstm",
    "train": "train b.txt -o out.safetensors --epochs 1 --hidden 2 --interpreter numpy --window 8",
    "recover": f"recover 1 {_PLAIN}", "tour": "tour lesson.toml --check",
}  # fmt: skip
"""A command that works, for each that takes files; `serve` hands its options to `run` as they are."""
_FIRST = {  # the files that stand first on a line, in the place of the base's own
    "run": "run {} --cell lstm --hidden 2 " + _PLAIN, "trace": "trace {} --cell lstm --hidden 2",
    "stats": "stats {} --cell lstm --hidden 2", "reach": "reach {} --cell lstm --hidden 2",
    "worksheet": "worksheet {} --cell lstm --hidden 2", "report": "report {} --cell lstm --hidden 2",
    "figure": "figure {} --cell lstm --hidden 2",
    "compare": "compare {} --edits clear.txt --plain", "open": "open {} " + _PLAIN,
}  # fmt: skip
NO_FILE = frozenset({
    "network", "layer", "module_path", "without", "pass_name", "values", "units", "steps", "host", "allow_host",
    "topic", "assertions", "scheduler", "unit", "title", "like", "where", "follows", "tag", "value", "ask",
})  # fmt: skip
"""Destinations of options whose text is the name of no file."""
UNNAMED = frozenset({("recover", "number"), ("train", "resume")})
"""Doors whose file is not named on the line: the command finds it."""
TEXTS, SERIES = ("t.txt", "i.txt"), ("w.csv", "d.csv", "w.npy", "w.npz", "s.wav")
STANDARD_INPUT = "-"
TRACES, SESSIONS = ("trace.json", "trace.ndjson", "trace.npz"), ("s.ltui",)
CAPTURE = "capture.npz"
CHECKS = ("checks.txt",)
CELLS, EDITS, SCRIPTS = ("gru.toml", "lstm.toml"), ("e.txt",), ("ok.x", "more.x")
ALL_CELLS = tuple(sorted(one.name for one in (PACKAGE / "engine" / "cells").glob("*.toml")))
RUN_CELLS = tuple(one for one in ALL_CELLS if one != "lstm_projected.toml")  # which needs a size more
ALL_READOUTS = tuple(sorted(one.name for one in (PACKAGE / "engine" / "readouts").glob("*.toml")))
LESSONS = ("lesson.toml", *sorted(one.name for one in (PACKAGE / "lessons").glob("[0-9]*.toml")))
VOCABULARIES = ("v.txt", "v.json", "tokenizer.json")
_LINES = (
    "patch-from {} h[0] @ 0 from @ 0", "feature-from {} d = direction(h)", "trace-cause-from {} c[0]",
    "fix {} by bias within .02",
)  # fmt: skip
BEHIND = {line.split()[0]: line.partition(" {} ")[2] for line in _LINES} | {"sae": "d = sae(h, 1)"}
"""What a typed line says behind its file, by the name of its script: of most the verb."""
_READ = ("source", "load-edits", "model-file")
"""Verbs that read a file; the others that take one write it."""
OUTPUTS = ("out.json", "out.npz", "out.md", "out.html", "out.safetensors", "out.toml", "out.ndjson")
TRACED = "kept-traces"
"""The folder that a run of many texts writes its traces into."""
_DESTINATIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "script": ("-x {}", SCRIPTS), "map": ("--model tagger.pt --map {}", ("map.toml",)),
    "vocabulary": ("--model tagger.pt --vocabulary {}", VOCABULARIES),
    "initial": ("--cell lstm --hidden 2 --initial {}", ("initial.npz", "trace.npz")),
    "cell": ("--cell {}", CELLS), "edits": ("--edits {}", EDITS), "output": ("-o {}", OUTPUTS),
    "log": ("--log {}", OUTPUTS),
    "checks": ("--checks {}", CHECKS), "resume": ("--resume {}", ("kept.progress",)),
    "write_map": ("--write-map {}", OUTPUTS), "readout": ("--task classify --readout {}", ("readout.toml",)),
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A door: the option or verb, the line that goes through it with `{}` for the file, and files that pass.

    Attributes:
        door: The command and the destination of the option, or `verb` and its name.
        line: The command line.
        seeds: Names of valid files, made by `make_seeds`.
        writes: Whether the file is written, so that only kinds of path are tried.
    """

    door: tuple[str, str]
    line: str
    seeds: tuple[str, ...]
    writes: bool = False


def models() -> tuple[str, ...]:
    """Return the names of the seeds that are networks."""
    frozen = [one.name for one in sorted(FROZEN.glob("*.*")) if one.suffix not in (".json", ".data", ".txt")]
    return ("native.safetensors", "checkpoint.safetensors", *(one for one in frozen if "expected" not in one))


def inputs() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield inputs, and the seeds that are networks which read them: words, ids as text or as a table, numbers."""

    def reads(model: str) -> str:
        if model.endswith("point.safetensors") or model.startswith("native"):
            return "t.txt"
        if "tagger" in model or "nested.keras" in model:
            return "i.txt"
        if "convolved.keras" in model:
            return "i.csv"
        if "undecided_apart" in model:
            return "two.csv"
        return "four.csv" if "legacy" in model else "w.csv"

    for given in ("t.txt", "i.txt", "i.csv", "w.csv", "two.csv", "four.csv"):
        yield given, tuple(model for model in models() if reads(model) == given)


def options() -> dict[str, frozenset[str]]:
    """Return the destinations of what each command reads whose text nothing checks while it is parsed."""
    found: dict[str, frozenset[str]] = {}
    for command, (_, _, add) in arguments._COMMANDS.items():
        made = argparse.ArgumentParser()
        add(made)
        given = [one for one in made._actions if one.nargs != 0 and one.choices is None and one.type is None]
        found[command] = frozenset(one.dest for one in given if one.dest != "help")
    return found


@cache
def rows() -> tuple[Row, ...]:
    """Return every door; of commands and options, those that can be said together."""
    there = options()
    return tuple(
        row for row in _rows() if row.door[0] == "verb" or row.door in UNNAMED or row.door[1] in there[row.door[0]]
    )


def _rows() -> Iterator[Row]:
    everything: tuple[str, ...] = (*TEXTS, *SERIES)
    seeds: tuple[str, ...]
    for command, line in _FIRST.items():
        seeds = (*TRACES, *SESSIONS, CAPTURE) if command == "open" else everything
        if command == "compare":  # with a bundled network, which reads three columns
            seeds = tuple(seed for seed in seeds if seed != "d.csv")
        yield Row((command, "file"), line, seeds)
    for command, base in BASES.items():
        for destination, (option, seeds) in _DESTINATIONS.items():
            added, fit = option, base
            if command in ("inspect", "verify", "stream", "convert"):  # which name their network themselves
                added = option.replace("--model tagger.pt ", "")
            if command == "stream" and destination == "map":
                seeds = ("forward.toml",)
            elif destination == "map":
                fit = base.replace("t.txt", "i.txt")
            elif destination == "edits" and command == "find":  # of many runs only the network can be edited
                seeds = ("weights.txt",)
            elif destination == "edits":
                fit = base.replace(" --edits e.txt", "")
            elif destination == "readout":
                fit = base.replace("b.txt", "l.tsv")
            elif command == "cells" or (command, destination) == ("train", "resume"):  # which takes no file
                continue
            if command == "worksheet" and destination in ("cell", "edits"):  # 32 units are too many to print
                fit += " --hidden 2"
            cut = fit.replace(" -x ok.x", "") if destination == "script" else fit
            cut = cut.replace(" -o out.safetensors", "") if destination == "output" else cut
            if (command, destination) == ("trace", "resume"):  # which is for many runs, a file each
                added += f" -o {TRACED}/"
            yield Row((command, destination), f"{cut} {added}", seeds, destination in ("output", "write_map", "log"))
        if command in ("run", "check", "find", "trace", "stats", "reach", "worksheet", "report", "figure"):
            for given, fitting in inputs():
                yield Row((command, "model"), f"{base.replace('t.txt', given)} --model {{}}", fitting)
    yield Row(("inspect", "model"), "inspect {}", models())
    yield Row(("inspect", "model"), "inspect {} --json", models())
    convertible = tuple(one for one in models() if "convolved" not in one)
    yield Row(("convert", "model"), "convert {} -o out.safetensors", convertible)
    yield Row(
        ("convert", "into"), "convert tagger.pt --edits e.txt --over --into {}", ("out.pt", "out.safetensors"), True
    )
    forgetting = (
        "hard",
        "last_ave",
        "lstm_activations",
        "lstm_both",
        "lstm_peepholes",
        "projected",
        "scripted",
        "tagger",
    )
    back = tuple(one for one in convertible if any(word in one for word in forgetting))  # whose bias weights.txt edits
    yield Row(("convert", "model"), "convert {} --edits weights.txt --into out.safetensors --over", back)
    yield Row(("verify", "model"), "verify {} --reference reference.npz", ("tagger.pt",))
    yield Row(("stream", "model"), "stream ids.npz --model {}", ("forward.npz",))
    yield Row(("stream", "recording"), "stream {} --model forecast", ("stream.npz", "parts.npz", "stream.jsonl"))
    yield Row(("verify", "reference"), "verify tagger.pt --reference {}", ("reference.npz",))
    yield Row(("config", "file"), "config {}", ("config.toml",))
    yield Row(("models", "model"), "models {}", ("native.safetensors",))
    for given, fitting in inputs():
        yield Row(("compare", "model"), f"compare {given} --model {{}} --model {{}} --plain", fitting)
    yield Row(("check", "files"), "check {} --cell lstm --hidden 2 --assert h[0]<9", everything)
    yield Row(("find", "files"), "find {} --cell lstm --hidden 2 --where h[0]<9", everything)
    yield Row(("find", "labels"), "find t.txt --cell lstm --hidden 2 --labels {} --tag y", ("tags.tsv",))
    yield Row(("find", "index"), f"{BASES['find']} --index {{}}", ("out.json",), True)
    yield Row(("check", "junit"), f"{BASES['check']} --junit {{}}", ("out.html",), True)
    yield Row(("cells", "cell"), "cells check {}", (*ALL_CELLS, *ALL_READOUTS))
    yield Row(("cells", "cell"), "cells show {}", ALL_CELLS)
    yield Row(
        ("run", "cell"),
        f"run t.txt --cell {{}} --hidden 2 {_PLAIN}",
        RUN_CELLS,
    )
    yield Row(("train", "corpus"), BASES["train"].replace("b.txt", "{}"), ("b.txt", "i.txt", *SERIES, "l.tsv"))
    resume = BASES["train"].replace("out", "resumed") + " --resume"
    yield Row(("train", "resume"), resume, ("resumed.safetensors.checkpoint",))
    yield Row(("tour", "lesson"), "tour {} --check", LESSONS)
    yield Row(("recover", "number"), BASES["recover"], ("state/lstm-tui/journal/one.ltui",))
    for word, seeds in (("source", SCRIPTS), ("load-edits", EDITS), ("model-file", ("native.safetensors",))):
        yield Row(("verb", word), f"{_RUN} --plain --batch -x verb-{word}.x", seeds)
    yield Row(("verb", "fix"), f"{_RUN} --plain --batch -x verb-fix.x", CHECKS)
    verified = "run i.txt --model tagger.pt --plain --batch -x verb-verify.x"
    yield Row(("verb", "verify"), verified, ("reference.npz",))
    patched = f"{_RUN} --model native.safetensors --plain --batch -x verb-patch-from.x"
    yield Row(("verb", "patch-from"), patched, (*TRACES, "native.safetensors"))
    caused = f"{_RUN} --model native.safetensors --plain --batch -x verb-trace-cause-from.x"
    yield Row(("verb", "trace-cause-from"), caused, ("sibling.safetensors",))
    yield Row(("verb", "feature-from"), f"{_RUN} --plain --batch -x verb-feature-from.x", ("direction.npz",))
    yield Row(("verb", "feature-from"), f"{_RUN} --plain --batch -x verb-sae.x", ("dictionary.npz",))
    others = (*_READ, *BEHIND, "verify")
    for word in sorted(verb.name for verb in VERBS if verb.touches_files and verb.name not in others):
        yield Row(("verb", word), f"{_RUN} --plain --batch -x verb-{word}.x", OUTPUTS, True)


def make_seeds(folder: Path) -> None:
    """Write the valid files, small, into a folder that is the current one."""
    texts = {
        "t.txt": "on wait off wait on .\nthey like music\n", "i.txt": "3 1 4 1 5\n2 6 5\n", "i.csv": "id\n3\n1\n4\n",
        "d.csv": "a;b\n1,5;2\n0,25;3\n",
        "b.txt": "they like the music and the film .\nthey do not like the book .\n" * 8,
        "w.csv": "a,b,c\n" + "0.5,-1,2\n1e-3,2,3\n" * 4, "l.tsv": "good\tlike it\nbad\thate it\n" * 6,
        "two.csv": "a,b\n" + "0.5,-1\n1e-3,2\n" * 2, "four.csv": "a,b,c,d\n" + "0.5,-1,2,1\n1e-3,2,3,0\n" * 2,
        "config.toml": 'theme = "light"\nmemory = "1G"\nsafe = ["x"]\n[keys]\ntoken = ["f5", "n"]\n',
        "ok.x": "print h\nnext\n", "e.txt": "# edits\nremove 1\nset layer0.forward.h[0] @ 1 = 0.5\n",
        "clear.txt": "set layer0.forward.h[0] @ 0 = 0.5\n",
        "more.x": "next\nbreak c[0] > .1\ncontinue\nprint max(abs(c))\ninfo values\nset h[0] @ 2 = 1\nundo\nreach\n",
        "v.txt": "".join(f"word{n}\n" for n in range(11)), "v.json": json.dumps({f"w{n}": n for n in range(11)}),
        "tokenizer.json": json.dumps({
            "version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": {"type": "Whitespace"},
            "model": {"type": "WordLevel", "vocab": {f"w{n}": n for n in range(11)}, "unk_token": "w0"},
        }),
        "readout.toml": (PACKAGE / "engine" / "readouts" / "mean.toml").read_text(),
        "lesson.toml": (PACKAGE / "lessons" / "example.toml").read_text(),
        "checks.txt": '# checks\nnot any(isnan(h))\n"on off": c[0] < 9\n',
        "kept.progress": '["lstm-tui progress 1", "begun',
        "verb-source.x": "source {}\n", "verb-load-edits.x": "load-edits {}\n", "verb-save-edits.x": "save-edits {}\n",
        "verb-save-session.x": "save-session {}\n", "verb-report.x": "report {}\n",
        "tags.tsv": "on\tx\nwait\ty\noff\tx\nwait\ty\non\tx\n.\tx\n\nthey\tx\nlike\tx\nmusic\ty\n",
        **{f"verb-{line.split()[0]}.x": f"{line}\n" for line in _LINES},
        "verb-sae.x": "feature-from {} d = sae(h, 1)\nfeature d\n",
        "verb-record-lesson.x": "record-lesson {}\n", "verb-verify.x": "verify {}\n",
        "verb-save-model.x": "save-model {}\n", "verb-model-file.x": "model-file {}\n",
        "weights.txt": "weight layer0.forward/b_f[0] = 0.5\n",
    }  # fmt: skip
    for name, text in texts.items():
        (folder / name).write_text(text)
    for room in ("engine/cells", "engine/readouts", "lessons"):
        for file in (PACKAGE / room).glob("*.toml"):
            shutil.copyfile(file, folder / file.name)
    for frozen in FROZEN.rglob("*"):
        if frozen.is_file():
            shutil.copyfile(frozen, folder / frozen.name)
    shutil.copyfile(FROZEN / "torch_tagger.pt", folder / "tagger.pt")
    shutil.copyfile(PACKAGE / "models" / "tiny.safetensors", folder / "native.safetensors")
    np.save("w.npy", np.ones((4, 3), np.float32))
    np.savez("direction.npz", d=np.linspace(-1, 1, 32, dtype=np.float32))
    rows = np.linspace(-1, 1, 128, dtype=np.float32).reshape(4, 32)
    np.savez("dictionary.npz", W_enc=rows.T, b_enc=rows[:, 0], W_dec=rows, b_dec=rows[0], k=2, activation="topk")
    np.savez("w.npz", a=np.ones((4, 3), np.float32), b=np.zeros((2, 3), np.float32))
    write_capture(made_capture(), CAPTURE)
    states: dict[str, Any] = {"layer0.forward/h": np.ones(2), "layer0.forward/c": np.ones(2)}
    np.savez("initial.npz", **states)
    _make_streams(folder)
    with wave.open("s.wav", "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(3)
        sound.setframerate(8000)
        sound.writeframes(bytes(range(240)))
    (folder / "save.x").write_text("next\nset c[0] @ 1 = 0.5\nbreak c[0] > .1\nsave-session s.ltui\n")
    (folder / "state" / "lstm-tui" / "journal").mkdir(parents=True)
    (folder / "sibling.x").write_text("weight layer0.forward/b_f[0] = 2\nsave-model sibling.safetensors\n")
    for line in (
        "run t.txt --model native.safetensors --plain --batch -x sibling.x",
        "trace t.txt --model tiny -o trace.json", "trace t.txt --model tiny -o trace.ndjson",
        "trace t.txt --cell lstm --hidden 2 -o trace.npz",
        "trace i.txt --model tagger.pt -o tagger.npz", "inspect tagger.pt --write-map map.toml",
        "inspect forward.npz --write-map forward.toml",
        "run t.txt --model tiny --plain --batch -x save.x",
        BASES["train"].replace("out", "checkpoint"),
    ):  # fmt: skip
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            assert main(line.split()) == 0, line
    _leave_a_checkpoint()
    shutil.copyfile("s.ltui", "state/lstm-tui/journal/one.ltui")
    trace = np.load("tagger.npz")
    np.savez("reference.npz", input=np.array([3, 1, 4, 1, 5]), **{
        name: trace[name] for name in trace if name.startswith("layer0.forward/") and not name.endswith("/x")
    })  # fmt: skip
    os.environ.setdefault("NO_COLOR", "1")


def _make_streams(folder: Path) -> None:
    """Write recordings of streams, a network that reads ids forward, and what it is said to have said."""
    rows, said = np.ones((2, 3, 3)), np.zeros((2, 3, 3))
    np.savez("stream.npz", input=rows, output=said, stream=np.array(["a", "b"]))
    parts: dict[str, Any] = {"input/0": rows[0], "input/1": rows[1], "output/0": said[0], "output/1": said[1, :2],
                             "state/0/layer0.forward/h": np.ones(24)}  # fmt: skip
    np.savez("parts.npz", **parts)
    line = json.dumps({"input": rows[0].tolist(), "output": said[0, 0].tolist(), "state": {"h": [0.5] * 24}})
    (folder / "stream.jsonl").write_text(f"{line}\n{line}\n")
    random = np.random.default_rng(2)
    shapes = {"embedding.weight": (11, 3), "rnn.weight_ih_l0": (16, 3), "rnn.weight_hh_l0": (16, 4),
              "rnn.bias_ih_l0": (16,), "rnn.bias_hh_l0": (16,)}  # fmt: skip
    arrays: dict[str, Any] = {name: random.normal(0, 1, shape).astype(np.float32) for name, shape in shapes.items()}
    np.savez("forward.npz", **arrays)
    np.savez("ids.npz", input=np.array([[3, 1], [4, 1]]), output=np.zeros((2, 4)))


def _leave_a_checkpoint() -> None:
    """Train, and keep the checkpoint that a training takes away at its end."""

    def kept(path: Path, missing_ok: bool = False) -> None:
        if path.suffix != ".checkpoint":
            unlink(path, missing_ok)

    unlink = Path.unlink
    with (
        mock.patch.object(Path, "unlink", kept),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        assert main(BASES["train"].replace("out", "resumed").split()) == 0
    Path("resumed.safetensors").unlink()
