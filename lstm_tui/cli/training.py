"""A training as the options of `lstm-tui train` ask for it: the task of a corpus, and a network trained on it.

It runs in a thread of its own: whatever ends the program waits neither for a mini-batch nor for a compilation.
"""

from __future__ import annotations

import contextvars
import hashlib
import shlex
import sys
import threading
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_tui.analysis.train.loop import Trained
from lstm_tui.cli.printing import TrainingBar
from lstm_tui.debugger.endings import code_of, leave_behind
from lstm_tui.engine.compiler.compile import check_left_out
from lstm_tui.engine.errors import UserError, behind
from lstm_tui.engine.language.cell import load_cell
from lstm_tui.engine.language.readout import load_readout
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.formats.file_endings import SERIES
from lstm_tui.formats.importers.untrained import Untrained
from lstm_tui.formats.inputs.inputs import read_input
from lstm_tui.formats.inputs.numeric_series import NumericSeries, read_series
from lstm_tui.formats.inputs.samples import find_input
from lstm_tui.models.recipes.bindings import PAIRS, bindings
from lstm_tui.models.recipes.recall import recall
from lstm_tui.models.tasks import Cut, Task, classification, language_model, next_value
from lstm_tui.models.train_job import KeptTraining, Training

if TYPE_CHECKING:
    from lstm_tui.engine.model.tokens import Kind
    from lstm_tui.models.train_job import Job


DISTANCE = 50
"""Tokens between the two of the task `recall`, where no option says how many."""
_OUTCOME = (
    "task", "tokens", "rarest", "whole", "window", "held_out", "distance", "hidden", "layers", "bidirectional",
    "merge", "size", "without", "embedding", "readout", "memory", "epochs", "rate", "batch", "clip", "seed",
    "interpreter",
)  # fmt: skip


def job_of(options: Namespace, cell: str, seed: int, learned: tuple[Task, str] | None = None) -> Job:
    """Return the training that the options ask for.

    Args:
        options: Of the command.
        cell: Name or file.
        seed: Of everything random.
        learned: What `task_of` gave for this seed, where it is known already.

    Raises:
        UserError: The corpus or the cell is missing or wrong.
    """
    from lstm_tui.analysis.train.loop import Settings
    from lstm_tui.models.train_job import Job

    task, digest = learned or task_of(options, seed)
    memory = options.memory
    if memory is None and options.task == "recall":
        memory = 2 * (options.distance or DISTANCE)
    left_out = [name for name in (options.without or "").split(",") if name]
    with behind("--without"):
        check_left_out(load_cell(cell), left_out)
    made_of = Untrained(
        cell=cell,
        hidden=options.hidden,
        layers=options.layers,
        bidirectional=options.bidirectional,
        merge=options.merge,
        seed=seed,
        sizes=dict(options.size or ()),
        without=left_out,
    )
    how = Settings(
        epochs=options.epochs,
        rate=options.rate,
        batch=options.batch,
        clip=options.clip,
        unknown=task.unknown,
        enough=task.measure.enough,
        seed=seed,
        interpreter=chosen_for_many(options.interpreter),
    )
    asked = {name.replace("_", "-"): getattr(options, name) for name in _OUTCOME}
    asked["interpreter"] = how.interpreter
    if options.readout is not None:
        asked["readout"] = load_readout(options.readout).text
    asked |= {"cell": load_cell(cell).text, "corpus": digest, "size": sorted(f"{k}={v}" for k, v in options.size or ())}
    name = Path(options.output).stem if options.output is not None else cell
    return Job(
        task, made_of, how, name, options.embedding, options.readout, memory or None, asked, _repeated(options, cell)
    )


def task_of(options: Namespace, seed: int) -> tuple[Task, str]:
    """Return the task, and a digest of its corpus.

    Raises:
        UserError: The corpus cannot be read as what the task needs.
    """
    if options.task == "recall":
        return recall(options.distance or DISTANCE, seed), "recall"
    if options.task == "bindings":
        pairs = options.pairs or PAIRS
        return bindings(pairs, seed), f"bindings of {pairs}"
    path = find_input(options.corpus)
    kind: Kind = options.tokens or "words"
    ending = path.suffix.lower()
    name = options.task or ("classify" if ending == ".tsv" else "next-value" if ending in SERIES else "lm")
    cut = Cut(options.window, options.held_out, options.rarest, seed, options.whole)
    if name == "classify":
        from lstm_tui.formats.inputs.text_input import read_labelled

        rows = read_labelled(path)
        return classification(rows, kind, cut), _digest(repr(rows.rows).encode())
    if name == "next-value":
        series = read_series(path)
        return next_value(series, cut), _digest(b"".join(array.tobytes() for array in series.arrays))
    source = read_input(path)
    if isinstance(source, NumericSeries):
        raise UserError(f"{source.where}: holds numbers; --task next-value learns from them")
    return language_model(source, kind, cut), _digest(source.content.encode("utf-8", "surrogatepass"))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _repeated(options: Namespace, cell: str) -> str:
    """Return the command that makes this network."""
    words = [word for word in sys.argv[1:] if word != "--resume"] if sys.argv[1:2] == ["train"] else ["train"]
    chosen = "" if options.cells is None else f" (cell {cell})"
    return f"lstm-tui {shlex.join(words)}{chosen}"


_LOOK = 0.5  # seconds; where waiting cannot be interrupted


class TrainingStopped(Exception):
    """The program is to end, and the training was cut off.

    Attributes:
        kept: What was learned and is in the files; None when that is nothing.
        code: The exit code.
    """

    def __init__(self, kept: KeptTraining | None, code: int) -> None:
        """Say what is left of the training."""
        super().__init__()
        self.kept, self.code = kept, code


def trained(training: Training, bar: TrainingBar) -> tuple[Network, Trained]:
    """Train to the end; return the network and what was done.

    Raises:
        TrainingStopped: By Ctrl-C or another signal.
        UserError: Something does not fit together, or a file cannot be read or written.
    """
    results: list[tuple[Network, Trained]] = []
    errors: list[BaseException] = []
    over = threading.Event()

    def work() -> None:
        try:
            results.append(training.run(bar.batch, epoch_done=bar.epoch_done))
        except BaseException as error:  # raised again where it is waited for
            errors.append(error)
        finally:
            over.set()

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), name="lstm-tui training", daemon=True).start()
    try:
        while not over.wait(_LOOK):
            pass
    except (KeyboardInterrupt, SystemExit) as end:
        leave_behind()
        raise TrainingStopped(training.keep(), code_of(end)) from end
    if errors:
        raise errors[0]
    return results[0]
