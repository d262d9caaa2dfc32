"""What commands print: columns that a pager or grep can take, and on standard error how far they are.

`--json` prints one value for programs. What takes longer than a second has a bar, and training a line for each epoch.
"""

from __future__ import annotations

import math
import shutil
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lstm_tui.engine.number_text import fixed, grouped

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from lstm_tui.analysis.train.loop import Progress, TrainState
    from lstm_tui.models.train_job import Job


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = (), room: int | None = None
) -> str:
    """Return rows under heads, columns as wide as they need to be; where a terminal is too narrow, texts are wrapped.

    Args:
        heads: Of the columns.
        rows: Texts that are safe to show.
        right: Numbers of the columns whose texts end at the same place; they and the first are never wrapped.
        room: Cells there are for a line; by default those of the terminal, and no limit where there is none.
    """
    from rich.cells import cell_len

    everything = [heads, *rows]
    room = _room() if room is None else room
    widths = [max(cell_len(row[n]) for row in everything) for n in range(len(heads))]
    words = [
        max((cell_len(word) for row in everything for word in row[n].split()), default=0) for n in range(len(heads))
    ]
    whole = {0, *right}  # what a row is called is copied, and numbers are compared
    least = [width if n in whole else max(words[n], _LEAST_COLUMN) for n, width in enumerate(widths)]
    widths = _fitted(widths, least, room)
    lines = []
    for row in everything:
        parts = [_wrapped(text, width) for text, width in zip(row, widths, strict=True)]
        for number in range(max(map(len, parts))):
            texts = [part[number] if number < len(part) else "" for part in parts]
            gaps = [" " * (width - cell_len(text)) for text, width in zip(texts, widths, strict=True)]
            pairs = enumerate(zip(texts, gaps, strict=True))
            lines.append("  ".join(gap + text if n in right else text + gap for n, (text, gap) in pairs).rstrip())
    return "\n".join(lines)


_LEAST_COLUMN = 12
"""Cells below which a column of texts is not made narrower."""


def _room() -> int:
    """Return the cells of a line of the terminal; without one there is no limit, for a pager or grep."""
    return shutil.get_terminal_size().columns if sys.stdout is not None and sys.stdout.isatty() else sys.maxsize


def _fitted(widths: list[int], least: list[int], room: int) -> list[int]:
    """Return widths of columns that fit as far as they may be made narrower, the widest first."""
    over = sum(widths) + 2 * (len(widths) - 1) - room
    while over > 0 and (wide := [n for n in range(len(widths)) if widths[n] > least[n]]):
        widest = max(wide, key=lambda n: widths[n])
        down_to = max(least[widest], min(widths[widest] - 1, max((widths[n] for n in wide if n != widest), default=0)))
        cut = min(over, widths[widest] - down_to)
        widths[widest] -= cut
        over -= cut
    return widths


def _wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines that fit a column, broken between words."""
    from rich.cells import cell_len

    lines, line = list[str](), ""
    if cell_len(text) <= width:
        return [text]
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if line and cell_len(longer) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line]


def print_json(content: Any) -> None:
    """Print a JSON value on one line; arrays are lists, and what is no finite number is null."""
    from lstm_tui.formats.io.json import encode

    sys.stdout.buffer.write(encode(_as_json(content)) + b"\n")


def _as_json(content: Any) -> Any:
    """Return what JSON has for a value: NaN and the infinities are no numbers there."""
    if isinstance(content, Mapping):
        return {str(key): _as_json(one) for key, one in content.items()}
    if hasattr(content, "tolist"):
        return _as_json(content.tolist())
    if isinstance(content, Sequence) and not isinstance(content, str | bytes):
        return [_as_json(one) for one in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


_PATIENCE = 1.0  # seconds


class Bar:
    """Progress of work that is done in this thread: `with Bar("running") as bar: source_of(progress=bar)`."""

    def __init__(self, what: str, unit: str = "") -> None:
        """Prepare a bar for work of a name; nothing is shown yet.

        Args:
            what: The name.
            unit: What is counted, such as `lines`, where so many in a second are told.
        """
        self._what, self._unit = what, unit
        self._began, self._before = time.monotonic(), 0
        self._done, self._total = 0, 1
        self._progress: RichProgress | None = None
        self._task: TaskID | None = None
        self._lock = threading.Lock()
        self._ended = False
        self._timer = threading.Timer(_PATIENCE, self._show)
        self._timer.daemon = True

    def __enter__(self) -> Bar:
        """Start waiting."""
        if sys.stderr.isatty():
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self._timer.cancel()
        with self._lock:
            self._ended = True
            if self._progress is not None:
                self._progress.stop()

    def __call__(self, done: int, total: int) -> None:
        """Say how much of the work is done."""
        self._done, self._total = done, total
        progress, task = self._progress, self._task
        if progress is not None and task is not None:
            progress.update(task, description=self._what, completed=done, total=total, speed=self._speed())

    def count_from(self, done: int) -> None:
        """Take what is done already as no work of this run, of which the speed is told."""
        self._began, self._before = time.monotonic(), done

    def _speed(self) -> str:
        """Return how many are done in a second; nothing where nothing is counted."""
        seconds = time.monotonic() - self._began
        if not self._unit or seconds <= 0:
            return ""
        return f"{grouped((self._done - self._before) / seconds, ' ')} {self._unit}/s"

    def begin(self, what: str) -> None:
        """Go on with the next part of the work."""
        self._what = what
        self(0, 1)

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import Progress, TextColumn

        with self._lock:
            if self._ended:
                return
            speed = TextColumn("{task.fields[speed]}", markup=False)
            columns = (*Progress.get_default_columns(), speed)
            progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = progress.add_task(self._what, total=self._total, completed=self._done, speed=self._speed())
            progress.start()
            self._progress = progress


class TrainingBar:
    """Progress of one training: `with TrainingBar(job) as bar: training.run(bar.batch, epoch_done=bar.epoch_done)`."""

    def __init__(self, job: Job, title: str = "", quiet: bool = False) -> None:
        """Prepare a bar.

        Args:
            job: What is trained.
            title: Stands before the bar.
            quiet: Whether the epochs are not printed.
        """
        self._job, self._title, self._quiet = job, title, quiet
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None
        self._began = time.monotonic()
        self.tokens = 0

    def __enter__(self) -> TrainingBar:
        """Show the bar, where standard error is a terminal."""
        self._began = time.monotonic()
        if sys.stderr.isatty():
            self._show()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    @property
    def seconds(self) -> float:
        """How long it has been going."""
        return time.monotonic() - self._began

    def batch(self, progress: Progress) -> None:
        """Take in where the training stands."""
        self.tokens = progress.tokens
        if self._bar is not None and self._task is not None:
            told = f"{self._title}epoch {progress.epoch} of {progress.epochs}, loss {fixed(progress.loss, 4)}"
            speed = f"{grouped(progress.tokens / max(self.seconds, 1e-9), ' ')} tokens/s"
            self._bar.update(self._task, description=told, completed=progress.step, total=progress.steps, speed=speed)

    def epoch_done(self, state: TrainState) -> None:
        """Print the loss and the score of an epoch."""
        if self._quiet:
            return
        measure = self._job.task.measure
        best = "  best so far" if state.best_epoch == state.epoch else ""
        score = measure.shown(state.scores[-1])
        loss = fixed(state.losses[-1], 4) if math.isfinite(state.losses[-1]) else "not a number"
        print(f"epoch {state.epoch:>3}  loss {loss}  {measure.name} {score}{best}", flush=True)

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(),
            TextColumn("{task.fields[speed]}", markup=False), TimeRemainingColumn(),
        )  # fmt: skip
        console = Console(stderr=True)
        self._bar = Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty())
        self._task = self._bar.add_task(f"{self._title}starting", total=None, speed="")
        self._bar.start()
