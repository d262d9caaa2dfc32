"""The options of `lstm-tui train`; nothing but argparse is imported."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from lstm_tui.cli.options import LARGEST_HIDDEN, names, natural, real, size
from lstm_tui.engine.runtime.interpreters import INTERPRETERS
from lstm_tui.formats.file_endings import ANY_SERIES

_EPILOG = """\
examples:
  lstm-tui train notes.txt -o notes.safetensors --epochs 20        the next word
  lstm-tui train notes.txt -o notes.safetensors --tokens bytes     the next byte
  lstm-tui train mails.tsv -o mails.safetensors --bidirectional    label<TAB>text
  lstm-tui train waves.csv -o waves.safetensors --cell gru         the next row
  lstm-tui train --task recall --distance 50 --cells rnn,lstm,gru --seeds 3
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options to the parser of the command."""
    parser.epilog, parser.formatter_class = _EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "corpus", metavar="CORPUS", nargs="?",
        help=f"a text, lines of label<TAB>text as .tsv, or numbers as {ANY_SERIES}; recall and bindings take none",
    )  # fmt: skip
    parser.add_argument("-o", "--output", metavar="OUT", help="the .safetensors file of the network")
    parser.add_argument(
        "--resume", action="store_true", help="resume after an interruption; the result is the same, bit for bit"
    )
    task = parser.add_argument_group("the task")
    task.add_argument(
        "--task", type=_task, choices=["lm", "classify", "next-value", *GENERATED],
        help="the next token, the label, the next row, a word from far back, or what a name was bound to "
        "(default: by the corpus)",
    )  # fmt: skip
    task.add_argument("--tokens", choices=["words", "chars", "bytes"], help="of a text (default: words)")
    task.add_argument("--rarest", type=natural(1), metavar="N", help="a token that occurs less often is unknown")
    task.add_argument("--whole", action="store_true", help="take a text as one sequence, not each line")
    task.add_argument(
        "--window",
        type=natural(2, 100_000),
        default=128,
        metavar="N",
        help="longest sequence; a longer one is cut (default: 128)",
    )
    task.add_argument(
        "--held-out",
        type=real(0, 0.9),
        default=0.1,
        metavar="SHARE",
        help="share of the corpus that is kept for evaluation (default: 0.1)",
    )
    task.add_argument(
        "--distance", type=natural(1, 10_000), metavar="N", help="tokens between a word and its recall (default: 50)"
    )
    task.add_argument("--pairs", type=natural(1, 10_000), metavar="N", help="names that are bound (default: 8)")
    network = parser.add_argument_group("the network")
    network.add_argument("--cell", metavar="CELL", help="a name from `lstm-tui cells`, or a .toml file (default: lstm)")
    network.add_argument(
        "--hidden", type=natural(1, LARGEST_HIDDEN), default=32, metavar="N", help="units (default: 32)"
    )
    network.add_argument("--layers", type=natural(1, 64), default=1, metavar="N", help="layers (default: 1)")
    network.add_argument("--bidirectional", action="store_true", help="add passes from the end (classify)")
    network.add_argument(
        "--merge",
        choices=["concat", "sum", "average", "mul"],
        default="concat",
        help="how the two directions are merged",
    )
    network.add_argument("--size", type=size, action="append", metavar="P=N", help="a free size of the cell")
    network.add_argument("--without", metavar="NAMES", help="optional parameters to leave out, such as p_i,p_o")
    network.add_argument(
        "--embedding",
        type=natural(1, LARGEST_HIDDEN),
        default=32,
        metavar="N",
        help="numbers for each token (default: 32)",
    )
    network.add_argument(
        "--readout", metavar="NAME", help="mean, final, attention_dot …, or a .toml file (default: by the task)"
    )
    network.add_argument(
        "--memory", type=natural(0, 1_000_000), metavar="N",
        help="spread gates that keep over memories of 1 to N steps, 0: do not (default: twice --distance for recall)",
    )  # fmt: skip
    how = parser.add_argument_group("the training")
    how.add_argument(
        "--epochs", type=natural(1, 1_000_000), default=10, metavar="N", help="times through the corpus (default: 10)"
    )
    how.add_argument(
        "--rate", type=real(0, 10, above=True), default=3e-3, metavar="R", help="learning rate of Adam (default: 0.003)"
    )
    how.add_argument(
        "--batch", type=natural(1, 100_000), default=16, metavar="N", help="sequences in a mini-batch (default: 16)"
    )
    how.add_argument(
        "--clip", type=real(0, 1e9, above=True), default=1.0, metavar="G", help="largest gradient (default: 1)"
    )
    how.add_argument("--seed", type=natural(0), default=0, metavar="S", help="seed of everything random (default: 0)")
    how.add_argument("--interpreter", choices=INTERPRETERS, help="(default: numba, where it can be loaded)")
    which = parser.add_argument_group("which is best?")
    which.add_argument("--cells", type=names, metavar="A,B,…", help="train each of these cells and print one table")
    which.add_argument(
        "--sweep", metavar="KEY=A,B", action="append", type=_swept,
        help=f"train every combination of these, into the folder -o; KEY is {', '.join(_SWEPT)}; the same line goes on",
    )  # fmt: skip
    which.add_argument("--seeds", type=natural(1, 100), metavar="N", help="train each from N seeds, --seed and on")


_SWEPT: dict[str, Callable[[str], Any]] = {
    "cell": str, "hidden": natural(1, LARGEST_HIDDEN), "layers": natural(1, 64), "seed": natural(0),
    "rate": real(0, 10, above=True), "batch": natural(1, 100_000), "embedding": natural(1, LARGEST_HIDDEN),
}  # fmt: skip
"""What can be swept, with what reads it."""


def _swept(text: str) -> tuple[str, tuple[object, ...]]:
    """Return a name with the values that it takes in turn."""
    name, _, values = text.partition("=")
    if name not in _SWEPT or not values.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not such as hidden=8,16; there are {', '.join(_SWEPT)}")
    return name, tuple(dict.fromkeys(_SWEPT[name](one.strip()) for one in values.split(",")))


GENERATED = ("recall", "bindings")
"""Tasks that make their own sequences."""
TWO_PARTS = ("numbers", "picture")
"""Bundled networks of an encoder and a decoder, of which no cell alone is a network."""


def _task(text: str) -> str:
    """Return a task, where it is one that a network of one kind of layer learns."""
    if text in TWO_PARTS:
        raise argparse.ArgumentTypeError(
            f"{text} is learned by an encoder and a decoder, and here every layer is of one cell; "
            f"python -m lstm_tui.models.build {text} trains the bundled one again"
        )
    return text


def check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse options that contradict each other."""
    compares = options.cells is not None or options.seeds is not None
    if options.task in GENERATED:
        if options.corpus is not None:
            parser.error(f"--task {options.task} makes its own sequences and takes no CORPUS")
        for name in ("tokens", "rarest"):
            if getattr(options, name) is not None:
                parser.error(f"--{name} belongs to a CORPUS, and --task {options.task} has none")
    elif options.corpus is None:
        parser.error(f"a CORPUS is needed; --task {' and '.join(GENERATED)} alone make their own")
    for name, task in (("distance", "recall"), ("pairs", "bindings")):
        if getattr(options, name) is not None and options.task != task:
            parser.error(f"--{name} belongs to --task {task}")
    if options.sweep:
        names = [name for name, _ in options.sweep]
        if compares or len(set(names)) < len(names):
            parser.error("--sweep names each KEY once, and takes no --cells and no --seeds: sweep cell and seed")
    if options.cells is not None and options.cell is not None:
        parser.error("--cells compares several, and --cell trains one: choose")
    if options.output is None and not compares:
        parser.error("-o OUT is needed: the file of the network")
    if compares and options.resume:
        parser.error("--resume goes on with one training, not with a comparison")
