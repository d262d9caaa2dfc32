"""`lstm-tui train`: a network of one's own from a corpus, or several cells compared on one task."""

from __future__ import annotations

import os
import shlex
from argparse import Namespace
from pathlib import Path

from lstm_tui.cli.printing import TrainingBar
from lstm_tui.cli.source import say
from lstm_tui.cli.train_compare import compare
from lstm_tui.cli.train_sweep import sweep
from lstm_tui.cli.training import DISTANCE, TrainingStopped, job_of, trained
from lstm_tui.engine.errors import UsageError, UserError
from lstm_tui.engine.language.cell import load_cell
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.network_endings import NATIVE
from lstm_tui.formats.io.files import label
from lstm_tui.models.checkpoint import checkpoint_of
from lstm_tui.models.recipes import bindings
from lstm_tui.models.recipes.recall import sample
from lstm_tui.models.train_job import KeptTraining, Training


def command(options: Namespace) -> int:
    """Train one network, or compare several."""
    if options.sweep:
        return sweep(options)
    if options.output is not None:
        _check_output(options.output, options.resume)
    if options.cells is not None or options.seeds is not None:
        return compare(options)
    job = job_of(options, options.cell or "lstm", options.seed)
    for remark in job.task.remarks:
        say(remark)
    network = job.network()
    said = f"{job.task.says}; {_thousands(network.parameter_count)} parameters"
    print(visible(f"{options.output}: {load_cell(job.made_of.cell).name} that {said}"), flush=True)
    try:
        with TrainingBar(job) as bar:
            network, done = trained(Training(job, options.output, options.resume), bar)
    except TrainingStopped as stopped:
        say(stopped_words(options.output, stopped.kept))
        return stopped.code
    print(visible(f"{options.output}: {network.card['accuracy']}, of epoch {done.epoch}"))
    print(f"open it: {_opening(options)}")
    return 0


def stopped_words(output: str, kept: KeptTraining | None) -> str:
    """Say what a training that was stopped has left."""
    if kept is None:
        return "stopped before anything was learned; no file was written"
    holds = f"the best so far, epoch {kept.best}: {kept.accuracy}"
    if not kept.best:
        holds = "the network in the middle of epoch 1, and how good it is was not measured"
    done = [f"epoch {kept.epochs}"] if kept.epochs else []
    if kept.batches:
        done.append(f"{kept.batches} mini-batch{'es' if kept.batches != 1 else ''} of epoch {kept.epochs + 1}")
    return f"stopped: {output} holds {holds}; --resume goes on after {' and '.join(done)}"


def _check_output(output: str, resume: bool) -> None:
    """Refuse a name that could not be written or opened, before anything is trained."""
    where = label(output)
    if Path(output).suffix != NATIVE:
        raise UsageError(f"{where}: a network's file ends in {NATIVE}")
    if not os.path.isdir(Path(output).parent):
        raise UserError(f"{where}: cannot be written: there is no folder {label(Path(output).parent)}")
    if os.path.isdir(output):
        raise UserError(f"{where}: is a folder; name a file in it")
    if not resume and checkpoint_of(output).exists():
        raise UserError(
            f"{label(checkpoint_of(output))}: is of an unfinished training; --resume it, or delete the file"
        )


def _opening(options: Namespace) -> str:
    model = f"--model {visible(shlex.quote(options.output))}"
    if options.task == "recall":
        return f"echo '{sample(options.distance or DISTANCE)}' | lstm-tui run - {model}"
    if options.task == "bindings":
        return f"echo '{bindings.sample(options.pairs or bindings.PAIRS)}' | lstm-tui run - {model}"
    if options.task == "classify" or options.corpus == "-" or options.corpus.lower().endswith(".tsv"):
        return f"lstm-tui run FILE {model}"
    return f"lstm-tui run {visible(shlex.quote(options.corpus))} {model}"


def _thousands(count: int) -> str:
    return f"{count:,}".replace(",", " ")
