"""`lstm-tui train --cells A,B --seeds N`: which cell is best on one task, with the spread of the seeds."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass, field

from lstm_tui.cli.columns import table
from lstm_tui.cli.progress_bar import TrainingBar
from lstm_tui.cli.source import say
from lstm_tui.cli.train_setup import job_of, task_of
from lstm_tui.debugger.endings import INTERRUPTED
from lstm_tui.engine.language.cell import load_cell
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import fixed
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.native import save
from lstm_tui.models.measures import Measure
from lstm_tui.models.train_job import Job


@dataclass
class _Row:
    """One cell and what its trainings gave, by seed."""

    cell: str
    parameters: int = 0
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
    try:
        stopped = not all(_trained(row, job, best) for row in rows for job in jobs[row.cell])
    except KeyboardInterrupt:  # between two trainings, or the second time
        stopped = True
    print(visible(f"{task.says}; seeds {' '.join(map(str, seeds))}"))
    print(_table([row for row in rows if row.scores], task.measure))
    _write(best, options.output)
    if stopped:
        say("stopped: the table holds what was finished")
        return INTERRUPTED
    return 0


def _trained(row: _Row, job: Job, best: list[tuple[float, Network]]) -> bool:
    """Train once, note how it went and the best network so far; return whether it came to its end."""
    measure = job.task.measure
    with TrainingBar(job, f"{row.cell} seed {job.how.seed}: ", quiet=True) as bar:
        network, trained = job.run(progress=bar.batch, stop=bar.asked_to_stop)
        seconds = bar.seconds
    if trained.stopped:
        return False
    score = trained.scores[trained.epoch - 1]
    row.parameters = network.parameter_count
    row.scores.append(score)
    row.epochs.append(len(trained.losses))
    row.seconds.append(seconds)
    say(f"{row.cell} seed {job.how.seed}: {measure.shown(score)} in {fixed(seconds, 1)} s")
    if not best or score > best[0][0]:
        best[:] = [(score, network)]
    return True


def _table(rows: list[_Row], measure: Measure) -> str:
    heads = ("cell", "parameters", f"{measure.name} (least–most)", "epochs", "seconds a seed")
    texts = [
        (
            visible(load_cell(row.cell).name),
            str(row.parameters),
            measure.shown(*row.scores),
            _span(row.epochs),
            fixed(sum(row.seconds) / len(row.seconds), 1),
        )
        for row in sorted(rows, key=lambda row: -sum(row.scores) / len(row.scores))
    ]
    return table(heads, texts, right=(1, 4))


def _span(counts: list[int]) -> str:
    return str(counts[0]) if min(counts) == max(counts) else f"{min(counts)}–{max(counts)}"


def _write(best: list[tuple[float, Network]], output: str | None) -> None:
    if best and output is not None:
        network = best[0][1]
        save(network, output)
        print(visible(f"{output}: the best of them, {network.card['accuracy']}"))
