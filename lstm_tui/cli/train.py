"""`lstm-tui train`: a network of one's own from a corpus, or several cells compared on one task."""

from __future__ import annotations

import hashlib
import shlex
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_tui.cli.job import say
from lstm_tui.cli.progress import TrainingBar
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import load_cell
from lstm_tui.engine.language.readout import load_readout
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.untrained import Untrained
from lstm_tui.formats.inputs.inputs import read_input
from lstm_tui.formats.inputs.samples import find_input
from lstm_tui.formats.inputs.series import SUFFIXES, NumericSeries, read_series
from lstm_tui.formats.io.files import label
from lstm_tui.models.bundled import SUFFIX
from lstm_tui.models.checkpoint import checkpoint_of
from lstm_tui.models.recipes.recall import recall, sample
from lstm_tui.models.tasks import Cut, Task, classification, language_model, next_value

if TYPE_CHECKING:
    from lstm_tui.engine.model.tokens import Kind
    from lstm_tui.models.train_job import Job

_INTERRUPTED = 130
_DISTANCE = 50
_OUTCOME = (
    "task", "tokens", "rarest", "whole", "window", "held_out", "distance", "hidden", "layers", "bidirectional",
    "merge", "size", "without", "embedding", "readout", "memory", "epochs", "rate", "batch", "clip", "seed",
    "interpreter",
)  # fmt: skip


def command(options: Namespace) -> int:
    """Train one network, or compare several."""
    if options.output is not None:
        _check_output(options.output, options.resume)
    if options.cells is not None or options.seeds is not None:
        from lstm_tui.cli.train_compare import compare

        return compare(options)
    job = job_of(options, options.cell or "lstm", options.seed)
    for remark in job.task.remarks:
        say(remark)
    network = job.network()
    said = f"{job.task.says}; {_thousands(network.parameter_count)} parameters"
    print(visible(f"{options.output}: {load_cell(job.made_of.cell).name} that {said}"), flush=True)
    with TrainingBar(job) as bar:
        network, trained = job.run(options.output, options.resume, bar.batch, bar.asked_to_stop, bar.epoch_done)
    accuracy = network.card["accuracy"]
    if trained.stopped:
        kept = f"the best so far, epoch {trained.epoch}" if trained.epoch else "the network in the middle of epoch 1"
        resume = f"; --resume goes on after epoch {len(trained.losses)}" if trained.losses else ""
        say(f"stopped: {options.output} holds {kept}: {accuracy}{resume}")
        return _INTERRUPTED
    print(visible(f"{options.output}: {accuracy}, of epoch {trained.epoch}"))
    print(f"open it: {_opening(options)}")
    return 0


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
        memory = 2 * (options.distance or _DISTANCE)
    made_of = Untrained(
        cell=cell,
        hidden=options.hidden,
        layers=options.layers,
        bidirectional=options.bidirectional,
        merge=options.merge,
        seed=seed,
        sizes=dict(options.size or ()),
        without=[name for name in (options.without or "").split(",") if name],
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
        return recall(options.distance or _DISTANCE, seed), "recall"
    path = find_input(options.corpus)
    kind: Kind = options.tokens or "words"
    ending = path.suffix.lower()
    name = options.task or ("classify" if ending == ".tsv" else "next-value" if ending in SUFFIXES else "lm")
    cut = Cut(options.window, options.held_out, options.rarest, seed, options.whole)
    if name == "classify":
        from lstm_tui.formats.inputs.labelled import read_labelled

        rows = read_labelled(path)
        return classification(rows, kind, cut), _digest(repr(rows.rows).encode())
    if name == "next-value":
        series = read_series(path)
        return next_value(series, cut), _digest(b"".join(array.tobytes() for array in series.arrays))
    source = read_input(path)
    if isinstance(source, NumericSeries):
        raise UserError(f"{source.where}: holds numbers; --task next-value learns from them")
    return language_model(source, kind, cut), _digest(source.content.encode("utf-8", "surrogatepass"))


def _check_output(output: str, resume: bool) -> None:
    """Refuse a name that could not be written or opened, before anything is trained."""
    where = label(output)
    if Path(output).suffix != SUFFIX:
        raise UserError(f"{where}: a network's file ends in {SUFFIX}")
    if not Path(output).parent.is_dir():
        raise UserError(f"{where}: cannot be written: there is no folder {label(Path(output).parent)}")
    if Path(output).is_dir():
        raise UserError(f"{where}: is a folder; name a file in it")
    if not resume and checkpoint_of(output).exists():
        raise UserError(
            f"{label(checkpoint_of(output))}: is of an unfinished training; --resume it, or delete the file"
        )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _repeated(options: Namespace, cell: str) -> str:
    """Return the command that makes this network."""
    words = [word for word in sys.argv[1:] if word != "--resume"] if sys.argv[1:2] == ["train"] else ["train"]
    chosen = "" if options.cells is None else f" (cell {cell})"
    return f"lstm-tui {shlex.join(words)}{chosen}"


def _opening(options: Namespace) -> str:
    model = f"--model {visible(shlex.quote(options.output))}"
    if options.task == "recall":
        return f"echo '{sample(options.distance or _DISTANCE)}' | lstm-tui run - {model}"
    if options.task == "classify" or options.corpus == "-" or options.corpus.lower().endswith(".tsv"):
        return f"lstm-tui run FILE {model}"
    return f"lstm-tui run {visible(shlex.quote(options.corpus))} {model}"


def _thousands(count: int) -> str:
    return f"{count:,}".replace(",", " ")
