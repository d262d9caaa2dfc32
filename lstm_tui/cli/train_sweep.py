"""`lstm-tui train --sweep hidden=8,16 --sweep rate=.003,.01`: a network for every combination, and one table of them.

Each is a file in a folder. What is finished is kept beside them, and a training that was cut off has its checkpoint:
the same line goes on where it stopped.
"""

from __future__ import annotations

import hashlib
from argparse import Namespace
from collections.abc import Mapping, Sequence
from copy import copy
from itertools import product
from pathlib import Path
from typing import Any

from lstm_tui.cli.printing import TrainingBar, table
from lstm_tui.cli.source import say
from lstm_tui.cli.training import TrainingStopped, job_of, task_of, trained
from lstm_tui.debugger.endings import code_of
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of, fixed, sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.network_endings import NATIVE
from lstm_tui.formats.io.files import label
from lstm_tui.formats.io.progress_file import ProgressFile
from lstm_tui.models.checkpoint import checkpoint_of
from lstm_tui.models.measures import Measure
from lstm_tui.models.train_job import Job, Training

MOST_TRAINED = 1_000
KEPT = "sweep.progress"


def sweep(options: Namespace) -> int:
    """Train a network for each combination that is not finished yet, and print one table of all that are."""
    grid: Mapping[str, Sequence[Any]] = dict(options.sweep)
    combinations = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    if len(combinations) > MOST_TRAINED:
        raise UserError(f"{len(combinations)} combinations; {MOST_TRAINED} is the most")
    folder = Path(options.output)
    if folder.suffix == NATIVE or folder.is_file():
        raise UserError(f"{label(folder)}: a sweep trains many networks: -o names a folder for them")
    seeds = dict.fromkeys(one.get("seed", options.seed) for one in combinations)
    learned = {seed: task_of(options, seed) for seed in seeds}
    jobs = [_job(options, one, folder, learned) for one in combinations]
    for job in jobs:
        job.network()  # what does not fit is said before anything is trained
    task = jobs[0].task
    for remark in task.remarks:
        say(remark)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"{label(folder)}: cannot be written: {error.strerror or error}") from error
    asked = {name: value for name, value in vars(options).items() if name not in ("given", "bare", "debug", "resume")}
    of = hashlib.sha256(repr((sorted(asked.items(), key=str), [one[1] for one in learned.values()])).encode())
    code = 0
    with ProgressFile(str(folder / KEPT), of.hexdigest()) as kept:
        if kept.done:
            say(f"{count_of(len(kept.done), 'network')} of {len(jobs)} finished before")
        try:
            for number, (one, job) in enumerate(zip(combinations, jobs, strict=True)):
                if number not in kept.done:
                    kept.add(number, _trained(one, job, folder, f"{number + 1} of {len(jobs)}, "))
        except TrainingStopped as stopped:
            code = stopped.code
        except (KeyboardInterrupt, SystemExit) as end:  # between two trainings
            code = code_of(end)
        print(visible(f"{task.says}; {count_of(len(kept.done), 'network')} in {folder}"))
        if kept.done:
            print(_table(combinations, kept.done, task.measure, folder))
    if code:
        say("stopped: the table holds what was finished, and the same line goes on")
    return code


def _job(options: Namespace, one: Mapping[str, Any], folder: Path, learned: Mapping[int, Any]) -> Job:
    mine = copy(options)
    for name, value in one.items():
        setattr(mine, name, value)
    mine.output = str(_file(folder, one))
    return job_of(mine, mine.cell or "lstm", mine.seed, learned[mine.seed])


def _file(folder: Path, one: Mapping[str, Any]) -> Path:
    return folder / f"{'-'.join(f'{name}{_shown(value)}' for name, value in one.items())}{NATIVE}"


def _shown(value: Any) -> str:
    return sentence(value) if isinstance(value, float) else Path(str(value)).stem


def _trained(one: Mapping[str, Any], job: Job, folder: Path, title: str) -> dict[str, Any]:
    """Train once, from its checkpoint where it was cut off, and return how it went.

    Raises:
        TrainingStopped: By Ctrl-C or another signal.
    """
    file, named = _file(folder, one), " ".join(f"{name} {_shown(value)}" for name, value in one.items())
    with TrainingBar(job, f"{title}{named}: ", quiet=True) as bar:
        network, done = trained(Training(job, str(file), checkpoint_of(str(file)).exists()), bar)
        seconds = bar.seconds
    score = done.scores[done.epoch - 1]
    say(f"{named}: {job.task.measure.shown(score)} in {fixed(seconds, 1)} s")
    return {"score": float(score), "parameters": network.parameter_count, "epochs": len(done.losses),
            "seconds": float(seconds)}  # fmt: skip


def _table(
    combinations: Sequence[Mapping[str, Any]], done: Mapping[int, Mapping[str, Any]], measure: Measure, folder: Path
) -> str:
    names = list(combinations[0])
    order = sorted(done, key=lambda n: (-done[n]["score"], n))
    rows = [
        (
            *(_shown(combinations[n][name]) for name in names), str(done[n]["parameters"]),
            measure.shown(done[n]["score"]), str(done[n]["epochs"]), fixed(done[n]["seconds"], 1),
            visible(_file(folder, combinations[n]).name),
        )
        for n in order
    ]  # fmt: skip
    heads = (*names, "parameters", measure.name, "epochs", "seconds", "file")
    return table(heads, rows, right=range(len(names) + 4))
