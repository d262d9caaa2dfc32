"""`lstm-tui train --cells A,B --seeds N`: which cell is best on one task, with the spread of the seeds."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import field

from lstm_tui.cli.printing import TrainingBar, table
from lstm_tui.cli.source import say
from lstm_tui.cli.training import TrainingStopped, job_of, task_of, trained
from lstm_tui.debugger.edits.variants import SAID, variant_of
from lstm_tui.debugger.endings import code_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.cell import load_cell
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import fixed
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.native import save
from lstm_tui.models.measures import Measure
from lstm_tui.models.train_job import Job, Training


@dataclass
class _Row:
    """One cell and what its trainings gave, by seed."""

    cell: str
    parameters: int = 0
    variant: str = ""
    scores: list[float] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def compare(options: Namespace) -> int:
    """Train every cell from every seed, print one table, and write the best network where a file is named."""
    cells = options.cells or [options.cell or "lstm"]
    seeds = range(options.seed, options.seed + (options.seeds or 1))
    learned = {seed: task_of(options, seed) for seed in seeds}
    jobs = {cell: [job_of(options, cell, seed, learned[seed]) for seed in seeds] for cell in cells}
    for of_cell in jobs.values():
        of_cell[0].network()  # what does not fit is said before anything is trained
    task = jobs[cells[0]][0].task
    for remark in task.remarks:
        say(remark)
    rows = [_Row(cell) for cell in cells]
    best: list[tuple[float, Network]] = []
    code = 0
    try:
        for row in rows:
            for job in jobs[row.cell]:
                _train(row, job, best, options.output)
    except TrainingStopped as stopped:
        code = stopped.code
    except (KeyboardInterrupt, SystemExit) as end:  # between two trainings
        code = code_of(end)
    print(visible(f"{task.says}; seeds {' '.join(map(str, seeds))}"))
    print(_table([row for row in rows if row.scores], task.measure))
    if best and options.output is not None:
        print(visible(f"{options.output}: the best of them, {best[0][1].card['accuracy']}"))
    if code:
        say("stopped: the table holds what was finished")
    return code


def _train(row: _Row, job: Job, best: list[tuple[float, Network]], output: str | None) -> None:
    """Train once, note how it went, and write the network if it is the best so far.

    Raises:
        TrainingStopped: By Ctrl-C or another signal.
    """
    measure = job.task.measure
    with TrainingBar(job, f"{row.cell} seed {job.how.seed}: ", quiet=True) as bar:
        network, done = trained(Training(job), bar)
        seconds = bar.seconds
    score = done.scores[done.epoch - 1]
    row.parameters = network.parameter_count
    row.variant = variant_of(network.layers[0].passes[0].program)
    row.scores.append(score)
    row.epochs.append(len(done.losses))
    row.seconds.append(seconds)
    say(f"{row.cell} seed {job.how.seed}: {measure.shown(score)} in {fixed(seconds, 1)} s")
    if not best or score > best[0][0]:
        best[:] = [(score, network)]
        if output is not None:
            save(network, output)


def _table(rows: list[_Row], measure: Measure) -> str:
    named = any(row.variant for row in rows)
    heads = ("cell", *(["variant"] if named else []), "parameters", f"{measure.name} (least–most)", "epochs",
             "seconds a seed")  # fmt: skip
    texts = [
        (
            visible(load_cell(row.cell).name),
            *([row.variant] if named else []),
            str(row.parameters),
            measure.shown(*row.scores),
            _span(row.epochs),
            fixed(sum(row.seconds) / len(row.seconds), 1),
        )
        for row in sorted(rows, key=lambda row: -sum(row.scores) / len(row.scores))
    ]
    said = f"\n{SAID}" if named else ""
    return table(heads, texts, right=(len(heads) - 4, len(heads) - 1)) + said


def _span(counts: list[int]) -> str:
    return str(counts[0]) if min(counts) == max(counts) else f"{min(counts)}–{max(counts)}"
