"""Commands, help, reports, worksheets and exports: what is printed or written without a screen."""

from __future__ import annotations

import re
from pathlib import Path

from digests.outside import said
from digests.plain import EDITS, NETWORKS
from digests.record import Record
from digests.traces import cells, models

_CORPUS = "".join(f"{label}\t{text}\n" for label, text in (("up", "on wait on"), ("down", "off wait off")) * 12)
_COMMANDS = {
    "models": "models",
    "cells": "cells",
    "cells check": "cells check mine.toml",
    "cells check wrong": "cells check wrong.toml",
    "check holds": "check samples/sample.txt --assert norm(h)<99",
    "check fails": "check samples/sample.txt --assert norm(h)<1",
    "check share": 'check samples/sample.txt --line 1 --assert share("not",at="bad")>.1',
    "compare": "compare samples/sample.txt --model sentiment --model sentiment-forward --plain",
    "compare edits": "compare samples/story.txt --model story --edits edits.txt --plain",
    "stats": "stats samples/sample.txt",
    "stats json": "stats --model story --json",
    "reach": "reach",
    "reach story": "reach --model story",
    "inspect": "inspect sentiment",
    "convert": "convert story -o copy.safetensors",
    "inspect copy": "inspect copy.safetensors",
    "train": "train corpus.tsv -o trained.safetensors --epochs 2 --hidden 4 --embedding 4 --held-out 0.2",
    "inspect trained": "inspect trained.safetensors",
    "stats trained": "stats samples/tiny.txt --model trained.safetensors",
    "train cells": "train --task recall --distance 3 --hidden 4 --epochs 1 --cells rnn,gru --seeds 2",
    "tour list": "tour --list",
    "tour check": "tour --check",
    "no file": "run nothing.txt --plain",
    "no model": "trace samples/sample.txt --model nothing",
    "no cell": "trace samples/sample.txt --cell nothing",
    "bare recover": "recover",
    "bugs": "run samples/sample.txt --model sentiment-forward --batch --plain -x samples/bugs/stuck_gate.ltui",
}
_CELL = """name = "mine"
title = "A cell of one's own"
source = "none"
state = ["h"]
equations = '''
h = tanh(W_h @ x + U_h @ h + b_h)
'''
"""


def record(into: Record, names: list[str] | None = None) -> None:
    """Record what every command prints; of these commands only, where there are some."""
    Path("mine.toml").write_text(_CELL, "utf-8")
    Path("wrong.toml").write_text(_CELL.replace("+ b_h", "+ * b_h"), "utf-8")
    Path("edits.txt").write_text(EDITS, "utf-8")
    Path("corpus.tsv").write_text(_CORPUS, "utf-8")
    Path("short.txt").write_text("MEMORY, n. A cupboard.\nGATE\n", "utf-8")
    for name, line in _COMMANDS.items():
        if names is None or name in names:
            into.add(f"commands/{name}", _without_rates(said(*line.split(" "))))
    if names is not None:
        return
    top = said("--help")
    into.add("help", top)
    for command in re.findall(r"^    ([a-z]+)(?= |$)", top, re.MULTILINE):
        into.add(f"help/{command}", said(command, "--help"))
    for model in models():
        into.add(f"models/{model}", said("models", model))
    for cell in cells():
        into.add(f"cells/{cell}", said("cells", "show", cell))
        few = ("samples/recall.txt", "--cell", cell, "--hidden", "3")
        into.add(f"worksheets/cells/{cell}.md", said("worksheet", *few, "--steps", "0:2"))
        into.add(f"reports/cells/{cell}.html", said("report", *few, "--steps", "0:4"))
    for name, command in NETWORKS.items():
        _pages(into, name, command)


def _pages(into: Record, name: str, command: tuple[str, ...]) -> None:
    into.add(f"reports/{name}.html", said("report", *command))
    into.add(f"reports/{name}-edited.html", said("report", *command, "--edits", "edits.txt", "--steps", "0:6"))
    for ending, options in (("md", ()), ("html", ()), ("blanks.html", ("--blanks", "--digits", "2"))):
        out = Path(f"sheet.{ending}")
        printed = said("worksheet", *command, *options, "--steps", "1:3", "-o", str(out))
        into.add(f"worksheets/{name}.{ending}", printed + (out.read_text("utf-8") if out.exists() else ""))
        out.unlink(missing_ok=True)
    for ending in ("json", "ndjson"):
        out = Path(f"out.{ending}")
        printed = said("trace", *command, "-o", str(out))
        into.add(f"exports/{name}.{ending}", printed + out.read_text("utf-8"))
    into.add(f"exports/{name}-edited", said("trace", *command, "--edits", "edits.txt"))
    into.add(f"exports/{name}-few", said("trace", *command, "--values", "h", "--units", "0:2", "--steps", "1:3"))
    where = said("open", "out.json", "--plain", typed="goto end\nprint h[0]\nlist\ninfo passes\n")
    into.add(f"exports/{name}-opened", where)


def _without_rates(printed: str) -> str:
    """Return what is printed without how long it took."""
    printed = re.sub(r"\d+(?:[.,  ]\d+)* ?(?:s|ms|tokens/s|tokens a second)\b", "N s", printed)
    return re.sub(r" +\d+\.\d$", " N", printed, flags=re.MULTILINE) if "seconds a seed" in printed else printed
